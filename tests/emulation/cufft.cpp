// SPDX-License-Identifier: MIT
// Fourier transforms: mixed radix in double (a prime factor p costs p operations a point), without
// normalisation. Real output ignores the imaginary parts of the DC and Nyquist bins.
#include <complex>
#include <cufft.h>
#include <map>
#include <math.h>

#include "emulation.h"

using namespace v2s_emulation;

namespace {

typedef std::complex<double> complex;

struct layout {
    bool packed; // no strides given
    long long stride, distance;
};

struct plan {
    bool made = false;
    int n = 0, batch = 0;
    cufftType type = CUFFT_C2C;
    layout in = {}, out = {};
    cudaStream_t stream = nullptr;
    bool automatic = true;
    void *work_area = nullptr;
    bool used = false;
};

std::map<int, plan> &plans() {
    static auto *all = new std::map<int, plan>;
    return *all;
}

plan *find(cufftHandle handle) {
    auto found = plans().find(handle);
    return found == plans().end() ? nullptr : &found->second;
}

size_t work_bytes(const plan &p) {
    return (size_t)p.n * (size_t)p.batch * sizeof(cufftComplex);
}

const std::vector<complex> &roots(int n) {
    static auto *known = new std::map<int, std::vector<complex>>;
    std::vector<complex> &w = (*known)[n];
    if (w.empty())
        for (int i = 0; i < n; i++)
            w.push_back(std::polar(1.0, -2.0 * M_PI * i / n));
    return w;
}

int smallest_factor(int n) {
    for (int p = 2; p * p <= n; p++)
        if (n % p == 0)
            return p;
    return n;
}

// Written out: the library's product looks for infinities.
complex times(complex a, complex b) {
    return complex(a.real() * b.real() - a.imag() * b.imag(),
                   a.real() * b.imag() + a.imag() * b.real());
}

// Joins p transforms of length q, one behind the other, to one of length n = p q.
void join(complex *x, int p, int q, int step, const std::vector<complex> &w) {
    if (p == 2) {
        for (int k = 0; k < q; k++) {
            complex even = x[k], odd = times(x[q + k], w[(size_t)(k * step)]);
            x[k] = even + odd;
            x[q + k] = even - odd;
        }
        return;
    }
    std::vector<complex> column((size_t)p);
    for (int k = 0; k < q; k++) {
        for (int r = 0; r < p; r++)
            column[(size_t)r] = x[r * q + k];
        for (int s = 0; s < p; s++) {
            complex sum = 0.0;
            for (int r = 0; r < p; r++)
                sum += times(column[(size_t)r],
                             w[(size_t)((long long)r * (k + (long long)s * q) % (p * q) * step)]);
            x[s * q + k] = sum;
        }
    }
}

// out[0..n) = transform of n numbers, `step` apart. w: the roots of order n * step.
void fourier(const complex *in, complex *out, int n, int step, const std::vector<complex> &w) {
    if (n == 1) {
        out[0] = in[0];
        return;
    }
    int p = smallest_factor(n), q = n / p;
    for (int r = 0; r < p; r++)
        fourier(in + r * step, out + r * q, q, step * p, w);
    join(out, p, q, step, w);
}

// Item i of batch b.
size_t place(const layout &l, int batch, int item) {
    return (size_t)(batch * l.distance + item * l.stride);
}

void load(const plan &p, const void *in, int b, bool inverse, std::vector<complex> &x) {
    int n = p.n;
    for (int i = 0; i < n; i++) {
        if (p.type == CUFFT_R2C) {
            x[(size_t)i] = ((const float *)in)[place(p.in, b, i)];
            continue;
        }
        bool upper = p.type == CUFFT_C2R && i > n / 2;
        float2 v = ((const float2 *)in)[place(p.in, b, upper ? n - i : i)];
        if (p.type == CUFFT_C2R && (i == 0 || 2 * i == n))
            v.y = 0.0f;
        // The inverse is the forward transform of the conjugate, conjugated.
        x[(size_t)i] = complex(v.x, upper != inverse ? -v.y : v.y);
    }
}

void run(const plan &p, const void *in, void *out, bool inverse) {
    std::vector<complex> x((size_t)p.n), y((size_t)p.n);
    for (int b = 0; b < p.batch; b++) {
        load(p, in, b, inverse, x);
        fourier(x.data(), y.data(), p.n, 1, roots(p.n));
        int count = p.type == CUFFT_R2C ? p.n / 2 + 1 : p.n;
        for (int i = 0; i < count; i++) {
            complex v = y[(size_t)i];
            if (p.type == CUFFT_C2R)
                ((float *)out)[place(p.out, b, i)] = (float)v.real();
            else
                ((float2 *)out)[place(p.out, b, i)] =
                    float2{(float)v.real(), (float)(inverse ? -v.imag() : v.imag())};
        }
    }
}

void check_place(const char *name, const void *data, const layout &l, int items, int batch,
                 size_t item_bytes) {
    size_t bytes = (place(l, batch - 1, items - 1) + 1) * item_bytes;
    if (place_of(data) == PAGEABLE)
        report("cuFFT: the %s (%p) is ordinary host memory", name, data);
    if (!range_ok(data, bytes))
        report("cuFFT: the %s reaches beyond its device memory (%zu bytes from %p)", name, bytes,
               data);
    if ((size_t)data % item_bytes)
        report("cuFFT: the %s (%p) is not aligned", name, data);
}

// Without strides, rows follow one another; a real row in place is padded to its complex length.
void settle_layouts(plan &p, bool in_place) {
    long long half = p.n / 2 + 1, real = in_place ? 2 * half : p.n;
    if (p.in.packed)
        p.in = {true, 1, p.type == CUFFT_R2C ? real : p.type == CUFFT_C2R ? half : p.n};
    if (p.out.packed)
        p.out = {true, 1, p.type == CUFFT_C2R ? real : p.type == CUFFT_R2C ? half : p.n};
}

cufftResult execute(cufftHandle handle, cufftType type, void *in, void *out, bool inverse) {
    locked guard;
    plan *found = find(handle);
    if (!found || !found->made || found->type != type)
        return CUFFT_INVALID_PLAN;
    if (!in || !out)
        return CUFFT_INVALID_VALUE;
    plan p = *found;
    if (!p.automatic && !p.work_area)
        return CUFFT_EXEC_FAILED;
    settle_layouts(p, in == out);
    check_place("input", in, p.in, type == CUFFT_C2R ? p.n / 2 + 1 : p.n, p.batch,
                type == CUFFT_R2C ? sizeof(float) : sizeof(float2));
    check_place("output", out, p.out, type == CUFFT_R2C ? p.n / 2 + 1 : p.n, p.batch,
                type == CUFFT_C2R ? sizeof(float) : sizeof(float2));
    if (first_use_spoils_capture(found->used, p.stream))
        return CUFFT_EXEC_FAILED;
    // Whatever else lies in the work area is lost.
    if (p.work_area && cudaMemsetAsync(p.work_area, 0xFF, work_bytes(p), p.stream) != cudaSuccess)
        return CUFFT_EXEC_FAILED;
    cudaError_t error = enqueue(p.stream, [p, in, out, inverse]() { run(p, in, out, inverse); });
    return error == cudaSuccess ? CUFFT_SUCCESS : CUFFT_EXEC_FAILED;
}

} // namespace

cufftResult cufftCreate(cufftHandle *handle) {
    locked guard;
    static int next = 1;
    if (device_ready() != cudaSuccess)
        return CUFFT_SETUP_FAILED;
    *handle = next++;
    plans()[*handle] = plan();
    return CUFFT_SUCCESS;
}

cufftResult cufftDestroy(cufftHandle handle) {
    locked guard;
    return plans().erase(handle) ? CUFFT_SUCCESS : CUFFT_INVALID_PLAN;
}

cufftResult cufftGetVersion(int *version) {
    *version = 12000;
    return CUFFT_SUCCESS;
}

cufftResult cufftMakePlanMany(cufftHandle handle, int rank, int *n, int *inembed, int istride,
                              int idist, int *onembed, int ostride, int odist, cufftType type,
                              int batch, size_t *work_size) {
    locked guard;
    plan *p = find(handle);
    if (!p || p->made)
        return CUFFT_INVALID_PLAN;
    if (type != CUFFT_R2C && type != CUFFT_C2R && type != CUFFT_C2C)
        return CUFFT_INVALID_TYPE;
    if (rank != 1 || !n || n[0] < 1 || batch < 1)
        return CUFFT_INVALID_SIZE;
    if (forbid_while_capturing() != cudaSuccess)
        return CUFFT_SETUP_FAILED;
    bool packed = !inembed && !onembed;
    if (!packed && (!inembed || !onembed || istride < 1 || ostride < 1 || idist < 0 || odist < 0))
        return CUFFT_INVALID_VALUE;
    p->made = true;
    p->n = n[0];
    p->batch = batch;
    p->type = type;
    p->in = layout{packed, istride, idist};
    p->out = layout{packed, ostride, odist};
    *work_size = work_bytes(*p);
    return CUFFT_SUCCESS;
}

cufftResult cufftPlanMany(cufftHandle *handle, int rank, int *n, int *inembed, int istride,
                          int idist, int *onembed, int ostride, int odist, cufftType type,
                          int batch) {
    size_t size;
    cufftResult result = cufftCreate(handle);
    if (result == CUFFT_SUCCESS)
        result = cufftMakePlanMany(*handle, rank, n, inembed, istride, idist, onembed, ostride,
                                   odist, type, batch, &size);
    return result;
}

cufftResult cufftMakePlan1d(cufftHandle plan, int nx, cufftType type, int batch,
                            size_t *work_size) {
    return cufftMakePlanMany(plan, 1, &nx, nullptr, 1, 0, nullptr, 1, 0, type, batch, work_size);
}

cufftResult cufftPlan1d(cufftHandle *plan, int nx, cufftType type, int batch) {
    return cufftPlanMany(plan, 1, &nx, nullptr, 1, 0, nullptr, 1, 0, type, batch);
}

cufftResult cufftGetSize(cufftHandle handle, size_t *work_size) {
    locked guard;
    plan *p = find(handle);
    if (!p || !p->made)
        return CUFFT_INVALID_PLAN;
    *work_size = work_bytes(*p);
    return CUFFT_SUCCESS;
}

cufftResult cufftSetAutoAllocation(cufftHandle handle, int automatic) {
    locked guard;
    plan *p = find(handle);
    if (!p || p->made)
        return CUFFT_INVALID_PLAN;
    p->automatic = automatic != 0;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetWorkArea(cufftHandle handle, void *work_area) {
    locked guard;
    plan *p = find(handle);
    if (!p || !p->made)
        return CUFFT_INVALID_PLAN;
    if (!range_ok(work_area, work_bytes(*p)) || place_of(work_area) != DEVICE)
        return CUFFT_INVALID_VALUE;
    p->work_area = work_area;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle handle, cudaStream_t stream) {
    locked guard;
    plan *p = find(handle);
    if (!p)
        return CUFFT_INVALID_PLAN;
    p->stream = stream;
    return CUFFT_SUCCESS;
}

cufftResult cufftExecR2C(cufftHandle plan, cufftReal *in, cufftComplex *out) {
    return execute(plan, CUFFT_R2C, in, out, false);
}

cufftResult cufftExecC2R(cufftHandle plan, cufftComplex *in, cufftReal *out) {
    return execute(plan, CUFFT_C2R, in, out, true);
}

cufftResult cufftExecC2C(cufftHandle plan, cufftComplex *in, cufftComplex *out, int direction) {
    return execute(plan, CUFFT_C2C, in, out, direction == CUFFT_INVERSE);
}
