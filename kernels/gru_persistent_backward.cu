// SPDX-License-Identifier: MIT
// The walk back in one launch: a team of blocks per row and direction.
//
// HOW IT WORKS. One step needs dh' = dy + dh, and dh = z dh' + W_hh^T (da_r, da_z, dq) of the step
// that was walked before it. The vector of 3 HP gradients lies in shared memory. A thread keeps the
// weights of U entries of dh for I of the 3 HP gradients in registers, U I = 192 from HP = 128 on:
// S = 3 HP / I neighbouring lanes have the same entries of dh and exchange their partial sums until
// each lane has one. It turns dh' into the gradients of that unit, which replace n, r, z, q in
// device memory and go to the other half of the shared copy; then comes the barrier. U is as large
// as it is so that a number that is read from shared memory serves 8 multiply-adds: with fewer,
// shared memory and not arithmetic would be the limit. Factors that do not depend on dh' are ready
// before it is.
//
// COUNTED in the machine code for sm_90 and HP = 128 (256 threads, 192 weights each), not measured:
// a step is 315 instructions, of which 192 multiply with weights and 6 read 16 bytes of the vector;
// with two warps per scheduler at least 630 clocks, 0.32 us at 1.98 GHz. The chain behind the last
// product (four exchanges, a product, the write, the barrier) is about 150 clocks long. Per step
// and row, 6 H numbers come from device memory and 4 H go there.
#include "kernels/gru_cluster.cuh"
#include "kernels/gru_cuda.cuh"
#include "kernels/warp_sums.cuh"

template <int HP, int TEAM> struct backward_shape {
    static const int units = HP / TEAM; // of a block
    static const int U = HP == 512 ? 4 : 8;
    static const int I = HP >= 128 ? 192 / U : 3 * HP / 16;
    static const int S = 3 * HP / I;          // 16 or 32
    static const int threads = units / U * S; // 256; 128 and 64 for HP = 64 and 32
    static const int shares = S / U;          // lanes that have the same unit
    static const int part_units = I / 3;      // whose gradients a lane multiplies with
    static const int inputs = 6;              // n, r, z, q, h of the step before, dy
    static const int slot = 8 * units;        // floats of a step in the ring
    static const int fetches = (inputs * units + threads - 1) / threads;
    using ring = v2s_gru_ring<slot>;
    using parts = v2s_parts<3 * HP, S>;
    static const int half = I / 2 / parts::width * parts::width;
    static const size_t shared_bytes = (2 * parts::size + ring::size) * sizeof(float);

    // Where the gradient of a unit's gate (r, z, q) lies in the vector.
    static __device__ __forceinline__ int at(int unit, int gate) {
        return parts::at(unit / part_units * I + gate * part_units + unit % part_units);
    }
};

// w[u][gate, unit of the part]: entry own ^ u of dh, so that what is given away lies last.
template <typename shape>
static __device__ __forceinline__ void
load_weights(float (&w)[shape::U][shape::I], const float *w_hh, int H, int group, int own, int s) {
#pragma unroll
    for (int i = 0; i < shape::I; i++) {
        int gate = i / shape::part_units, unit = s * shape::part_units + i % shape::part_units;
        const float *row = w_hh + (size_t)(gate * H + (unit < H ? unit : 0)) * (size_t)H;
        v2s_keep(row); // one at a time
#pragma unroll
        for (int u = 0; u < shape::U; u++) {
            int k = group + (own ^ u);
            w[u][i] = unit < H && k < H ? row[k] : 0.0f;
        }
    }
}

// Adds the lane's part of W_hh^T (da_r, da_z, dq), gradients FROM to END - 1 of its I.
template <typename shape, int FROM, int END>
static __device__ __forceinline__ void multiply(const float (&w)[shape::U][shape::I],
                                                const float *da, float (&sum)[shape::U]) {
    const int width = shape::parts::width;
#pragma unroll
    for (int i = FROM; i < END; i += width) {
        float v[width];
        if constexpr (width == 4)
            *(float4 *)v = *(const float4 *)(da + i);
        else
            *(float2 *)v = *(const float2 *)(da + i);
#pragma unroll
        for (int u = 0; u < shape::U; u++)
#pragma unroll
            for (int k = 0; k < width; k++)
                sum[u] = fmaf(w[u][i + k], v[k], sum[u]);
    }
}

// The copies of what coming steps need into the ring: [n, r, z, q, h of the step before,
// dy][units].
template <typename shape> struct backward_input {
    const float *next[shape::fetches];
    int saved_stride, row_stride; // from step to step
    int there[shape::fetches];

    // Of number i of this thread: which of the six.
    static __device__ __forceinline__ int kind(int i) {
        return (i * shape::threads + (int)threadIdx.x) / shape::units;
    }

    __device__ __forceinline__ backward_input(const v2s_gru_walk &a, int d, size_t row, int first,
                                              int way) {
        int unit = first + (int)threadIdx.x % shape::units;
        const float *saved = a.saved + ((size_t)d * a.B * a.T + row) * 4 * a.H;
        saved_stride = way * 4 * a.H;
        row_stride = way * a.ldy;
#pragma unroll
        for (int i = 0; i < shape::fetches; i++) {
            int which = kind(i);
            there[i] = which < shape::inputs && unit < a.H;
            const float *rows = (which == 4 ? a.y + row_stride : a.dy) + row * a.ldy;
            next[i] = which < 4 ? saved + (which * a.H + unit) : rows + (d * a.H + unit);
            v2s_keep(next[i]);
            v2s_keep(there[i]);
        }
        v2s_keep(saved_stride);
        v2s_keep(row_stride);
    }

    // `to`: the thread's place in the step's slot. `left`: steps from this one to the end of the
    // walk, itself included; the last has no state before it in y.
    __device__ __forceinline__ void fetch(float *to, int left) {
#pragma unroll
        for (int i = 0; i < shape::fetches; i++) {
            if (there[i] && left > (kind(i) == 4 ? 1 : 0))
                __pipeline_memcpy_async(to + i * shape::threads, next[i], sizeof(float));
            next[i] += kind(i) < 4 ? saved_stride : row_stride;
        }
        __pipeline_commit();
    }
};

// What dh' is multiplied with.
struct backward_factors {
    float n, r, z, q; // to da_n, da_r, da_z, dq
    float carry;      // to the part of dh that goes on without a product
};

static __device__ __forceinline__ backward_factors factors_of(const float *in, int units, float h) {
    float n = in[0], r = in[units], z = in[2 * units], q = in[3 * units], rest = 1.0f - z;
    backward_factors f;
    f.n = rest * fmaf(-n, n, 1.0f);
    f.q = f.n * r;
    f.r = f.q * q * (1.0f - r);
    f.z = (h - n) * (z * rest);
    f.carry = z;
    return f;
}

// A unit's gradients to the vectors of all blocks.
template <typename shape, typename team>
static __device__ __forceinline__ void spread(float *to, int share, float r, float z, float q) {
    const int next = shape::part_units;
    team::template write<shape::shares>(to, r, share);
    team::template write<shape::shares>(to + next, z, share);
    team::template write<shape::shares>(to + 2 * next, q, share);
}

// Where a thread's gradients go: n, r, z, q of its unit.
struct backward_output {
    float *at;
    int stride, H;

    __device__ __forceinline__ backward_output(float *first, int way, int columns)
        : at(first), stride(way * 4 * columns), H(columns) {
        v2s_keep(at);
        v2s_keep(stride);
    }

    __device__ __forceinline__ void put(bool wanted, float n, float r, float z, float q) {
        if (wanted) {
            __stcg(at, n);
            __stcg(at + H, r);
            __stcg(at + 2 * H, z);
            __stcg(at + 3 * H, q);
        }
        at += stride;
    }
};

template <int HP, int TEAM>
static __global__
__launch_bounds__(backward_shape<HP, TEAM>::threads,
                  1) void backward_kernel(const __grid_constant__ v2s_gru_walk a) {
    using shape = backward_shape<HP, TEAM>;
    using parts = typename shape::parts;
    using team = v2s_team<TEAM>;
    const int units = shape::units, depth = V2S_GRU_DEPTH;
    V2S_DYNAMIC_SHARED(float, vector); // [2][parts::size], then the ring [depth][slot]
    int tid = (int)threadIdx.x, b = (int)blockIdx.x / TEAM, d = (int)blockIdx.y, H = a.H, T = a.T;
    int first = team::rank() * units, s = tid % shape::S, own = v2s_scattered<shape::U>(s);
    int group = first + tid / shape::S * shape::U, unit = group + own, share = s / shape::U;
    size_t state = (size_t)b * H + unit;
    bool owner = unit < H && share == 0;
    float w[shape::U][shape::I];
    load_weights<shape>(w, a.dir[d].w_hh, H, group, own, s);
    for (int i = tid; i < 2 * parts::size + shape::ring::size; i += shape::threads)
        vector[i] = 0.0f;
    __syncthreads();

    bool reverse = d == 1 || a.reverse;
    int way = reverse ? 1 : -1;
    size_t row = (size_t)b * T + (reverse ? 0 : T - 1); // where the walk begins
    backward_input<shape> input(a, d, row, first, way);
    backward_output output(a.saved + (((size_t)d * a.B * T + row) * 4 * H + unit), way, H);
    typename shape::ring ring = {vector + 2 * parts::size};
    for (int i = 0; i < depth - 1; i++)
        input.fetch(ring.slots + i * shape::slot + tid, T - i);
    const v2s_gru_walk_direction &dir = a.dir[d];
    float h_first = unit < H && dir.h0 != NULL ? dir.h0[state] : 0.0f;
    float carry = owner && dir.dh_end != NULL ? dir.dh_end[state] : 0.0f, dh;
    __pipeline_wait_prior(depth - 2);
    team::arrive();
    team::wait();

    v2s_gru_halves<parts::size> da = {vector + s * parts::stride,
                                      vector + parts::size + shape::at(unit, 0)};
    for (int left = T;; left--) {
        const float *in = ring.slots + ring.at + (unit - first);
        float h = left > 1 ? in[4 * units] : h_first, dy = left > 0 ? in[5 * units] : 0.0f;
        float sum[shape::U] = {share == 0 ? carry + dy : 0.0f};
        backward_factors f = factors_of(in, units, h);
        multiply<shape, 0, shape::half>(w, da.read, sum);
        input.fetch(ring.coming() + tid, left - depth + 1);
        ring.turn();
        multiply<shape, shape::half, shape::I>(w, da.read, sum);
        v2s_scatter_ordered<shape::U, shape::S>(sum);
        dh = sum[0];
        if (left == 0)
            break;
        float da_r = dh * f.r, da_z = dh * f.z, dq = dh * f.q;
        spread<shape, team>(da.write, share, da_r, da_z, dq);
        carry = dh * f.carry;
        da.turn();
        __pipeline_wait_prior(depth - 2);
        team::arrive();
        output.put(owner, dh * f.n, da_r, da_z, dq);
        team::wait();
    }
    if (owner && dir.dh0 != NULL)
        dir.dh0[state] += dh;
}

// ---- launches ---------------------------------------------------------------------------------

template <int HP, int TEAM> static void launch(const v2s_device *dev, const v2s_gru_walk *w) {
    using shape = backward_shape<HP, TEAM>;
    dim3 grid((unsigned)(w->B * TEAM), (unsigned)w->D);
    if constexpr (TEAM > 1)
        v2s_launch_cluster(dev, "gru_backward", backward_kernel<HP, TEAM>, grid, TEAM,
                           shape::threads, shape::shared_bytes, *w);
    else
        v2s_launch(dev, "gru_backward", backward_kernel<HP, TEAM>, grid, shape::threads,
                   shape::shared_bytes, *w);
}

void v2s_gru_persistent_backward(const v2s_device *dev, const v2s_gru_walk *w) {
    if (w->H <= 32)
        launch<32, 1>(dev, w);
    else if (w->H <= 64)
        launch<64, 1>(dev, w);
    else if (w->H <= 128)
        launch<128, 1>(dev, w);
    else if (w->H <= 256)
        launch<256, 4>(dev, w);
    else
        launch<512, 16>(dev, w);
}

bool v2s_gru_backward_teams(int count) {
    return count == 4 ? v2s_gru_team_fits<backward_shape<256, 4>>(backward_kernel<256, 4>, 4)
                      : v2s_gru_team_fits<backward_shape<512, 16>>(backward_kernel<512, 16>, 16);
}
