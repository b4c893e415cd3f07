// SPDX-License-Identifier: MIT
#include "kernels/rdft.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"

#ifdef V2S_F64

struct v2s_rdft {
    size_t n;
    double complex *root;            // [n]: exp(-2 pi i j / n)
    double complex *in, *out, *work; // [n] each
};

v2s_status v2s_rdft_open(size_t n, v2s_rdft **out) {
    if (!v2s_fft_length_ok(n))
        return V2S_FAIL(V2S_ARG, "Fourier transform of %zu points: need {1,3,5,7,9,15} 2^k, k >= 2",
                        n);
    v2s_rdft *d = calloc(1, sizeof *d);
    double complex *memory = calloc(4 * n, sizeof *memory);
    if (d == NULL || memory == NULL) {
        free(d);
        free(memory);
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    }
    *d = (v2s_rdft){n, memory, memory + n, memory + 2 * n, memory + 3 * n};
    for (size_t j = 0; j < n; j++)
        d->root[j] = cexp(-2.0 * _Complex_I * 3.14159265358979323846 * (double)j / (double)n);
    *out = d;
    return V2S_OK;
}

static size_t smallest_factor(size_t n) {
    size_t p = 2;
    while (n % p != 0)
        p++;
    return p;
}

// X [n] of x[0], x[stride], ...: with n = p m, the p interleaved parts of m points first (into
// work), then X_k = sum_r exp(-2 pi i r k / n) part_r[k mod m].
static void transform(const v2s_rdft *d, size_t n, size_t stride, const double complex *x,
                      double complex *X, double complex *work) {
    if (n == 1) {
        X[0] = x[0];
        return;
    }
    size_t p = smallest_factor(n), m = n / p, step = d->n / n;
    for (size_t r = 0; r < p; r++)
        transform(d, m, stride * p, x + r * stride, work + r * m, X + r * m);
    for (size_t k = 0; k < n; k++) {
        X[k] = 0.0;
        for (size_t r = 0; r < p; r++)
            X[k] += d->root[r * k % n * step] * work[r * m + k % m];
    }
}

void v2s_rdft_forward(v2s_rdft *d, const real *x, real *X) {
    for (size_t t = 0; t < d->n; t++)
        d->in[t] = x[t];
    transform(d, d->n, 1, d->in, d->out, d->work);
    for (size_t k = 0; k <= d->n / 2; k++) {
        X[2 * k] = creal(d->out[k]);
        X[2 * k + 1] = k == 0 || k == d->n / 2 ? 0.0 : cimag(d->out[k]);
    }
}

// The inverse of a hermitian spectrum is the conjugate of the transform of its conjugate.
void v2s_rdft_inverse(v2s_rdft *d, const real *X, real *x) {
    size_t half = d->n / 2;
    d->in[0] = X[0];
    d->in[half] = X[2 * half];
    for (size_t k = 1; k < half; k++) {
        d->in[k] = X[2 * k] - _Complex_I * X[2 * k + 1];
        d->in[d->n - k] = conj(d->in[k]);
    }
    transform(d, d->n, 1, d->in, d->out, d->work);
    for (size_t t = 0; t < d->n; t++)
        x[t] = creal(d->out[t]) / (double)d->n;
}

void v2s_rdft_close(v2s_rdft **dft) {
    if (*dft == NULL)
        return;
    free((*dft)->root);
    free(*dft);
    *dft = NULL;
}

#else

struct v2s_rdft {
    v2s_fft_real *fft;
    v2s_complex *spectrum; // [n/2 + 1]
};

v2s_status v2s_rdft_open(size_t n, v2s_rdft **out) {
    v2s_rdft *d = calloc(1, sizeof *d);
    if (d == NULL)
        return V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    v2s_status status = v2s_fft_real_open(n, &d->fft);
    if (status == V2S_OK && (d->spectrum = v2s_fft_alloc(n / 2 + 1, sizeof *d->spectrum)) == NULL)
        status = V2S_FAIL(V2S_NOMEM, "Fourier transform of %zu points: out of memory", n);
    if (status != V2S_OK) {
        v2s_rdft_close(&d);
        return status;
    }
    *out = d;
    return V2S_OK;
}

static size_t spectrum_bytes(const v2s_rdft *d) {
    return (v2s_fft_real_length(d->fft) / 2 + 1) * sizeof *d->spectrum;
}

void v2s_rdft_forward(v2s_rdft *d, const real *x, real *X) {
    v2s_fft_real_forward(d->fft, x, d->spectrum);
    memcpy(X, d->spectrum, spectrum_bytes(d));
}

void v2s_rdft_inverse(v2s_rdft *d, const real *X, real *x) {
    memcpy(d->spectrum, X, spectrum_bytes(d));
    v2s_fft_real_inverse(d->fft, d->spectrum, x);
}

void v2s_rdft_close(v2s_rdft **dft) {
    if (*dft == NULL)
        return;
    v2s_fft_real_close(&(*dft)->fft);
    v2s_fft_free((*dft)->spectrum);
    free(*dft);
    *dft = NULL;
}

#endif
