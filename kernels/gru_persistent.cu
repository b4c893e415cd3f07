// SPDX-License-Identifier: MIT
// The walk forward in one launch: a team of blocks per row and direction.
//
// HOW IT WORKS. H is padded with zero weights to HP. Of the 3 HP^2 recurrent weights a thread keeps
// 6 K in registers: those of the three gates of two units for K of the HP entries of the state. S =
// HP / K neighbouring lanes have the same units and exchange their partial sums: lane s ends with
// unit s & 1, of which it computes r and then n and h' where s & 2 is 0, and z where it is not.
// The new state goes to the other half of the shared copy, then comes the barrier. What an exchange
// gives away lies last in every lane, because lanes order their weights for it.
//
// COUNTED in the machine code for sm_90 and HP = 128 (256 threads, 192 weights each), not measured:
// a step is 294 instructions, of which 192 multiply with weights and 8 read 16 bytes of the state.
// Each scheduler has two warps to issue, so a step takes at least 588 clocks, 0.30 us at 1.98 GHz;
// 384 is what the products alone would take. The chain behind the last product (two exchanges, a
// tanh, the write, the barrier) is about 170 clocks long and hides only in part. Reads of the state
// are 8 warps * 8 * 512 bytes, 256 clocks of shared memory, so they are not the limit. Per step and
// row, 3 H numbers come from device memory and H (training: 5 H) go there: 64 blocks in training
// move 0.26 MB in that time, 0.9 of 4.8 TB/s.
#include "kernels/gru_cluster.cuh"
#include "kernels/gru_cuda.cuh"

template <int HP, int TEAM> struct forward_shape {
    static const int units = HP / TEAM;           // of a block
    static const int K = HP >= 128 ? 32 : HP / 4; // entries of the state of a thread
    static const int S = HP / K;                  // lanes that share units
    static const int threads = units / 2 * S;     // 256; 128 and 64 for HP = 64 and 32
    static const int shares = S / 4;              // lanes that have the same new state
    static const int fetches = (3 * units + threads - 1) / threads;
    static const int slot = 4 * units; // floats of a step in the ring: r, z, n and a gap
    using ring = v2s_gru_ring<slot>;
    using parts = v2s_parts<HP, S>;
    static const size_t shared_bytes = (2 * parts::size + ring::size) * sizeof(float);
};

// K numbers of a row of H from `first` on; zero behind its end or where there is no row.
template <int K>
static __device__ __forceinline__ void load_row(float (&w)[K], const float *row, int H, int first,
                                                bool there, bool aligned) {
#pragma unroll
    for (int k = 0; k < K; k += 4) {
        int at = first + k;
        float4 four = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        if (there && aligned && at < H) { // then H is a multiple of 4
            four = *(const float4 *)(row + at);
        } else if (there) {
            four.x = at < H ? row[at] : 0.0f;
            four.y = at + 1 < H ? row[at + 1] : 0.0f;
            four.z = at + 2 < H ? row[at + 2] : 0.0f;
            four.w = at + 3 < H ? row[at + 3] : 0.0f;
        }
        w[k] = four.x;
        w[k + 1] = four.y;
        w[k + 2] = four.z;
        w[k + 3] = four.w;
    }
}

// What one thread holds on to besides its weights.
struct forward_lane {
    int unit;      // in 0 .. HP-1
    bool there;    // unit < H
    bool update;   // s & 2 is 0: r, n and h'; else z
    int share;     // which of the lanes with the same
    float bias;    // of r or z, both summands
    float bias_hn; // of q; in one of the lanes that add it up
    float bias_in; // of n
    float h;       // the unit's state
};

template <int S>
static __device__ __forceinline__ forward_lane lane_of(const v2s_gru_walk &a, int d, int b,
                                                       int pair) {
    const v2s_gru_walk_direction &dir = a.dir[d];
    int s = (int)threadIdx.x % S;
    forward_lane l = {};
    l.unit = pair + (s & 1);
    l.there = l.unit < a.H;
    l.update = (s & 2) == 0;
    l.share = s >> 2;
    if (!l.there)
        return l;
    int gate = l.unit + (l.update ? 0 : a.H);
    l.bias = dir.b_ih[gate] + dir.b_hh[gate];
    l.bias_in = dir.b_ih[2 * a.H + l.unit];
    l.bias_hn = l.share == 0 && l.update ? dir.b_hh[2 * a.H + l.unit] : 0.0f;
    l.h = dir.h0 != NULL ? dir.h0[(size_t)b * a.H + l.unit] : 0.0f;
    return l;
}

// w[0]: the lane's own unit, w[1]: its neighbour's; in each the lane's own gate of r and z, the
// other one, n.
template <int K>
static __device__ __forceinline__ void load_weights(float (&w)[2][3][K], const v2s_gru_walk &a,
                                                    const float *w_hh, const forward_lane &l,
                                                    int first) {
#pragma unroll
    for (int u = 0; u < 2; u++)
#pragma unroll
        for (int g = 0; g < 3; g++) {
            int unit = l.unit ^ u, gate = g == 2 || l.update ? g : 1 - g;
            bool there = unit < a.H;
            const float *row = w_hh + (size_t)(gate * a.H + (there ? unit : 0)) * (size_t)a.H;
            load_row<K>(w[u][g], row, a.H, first, there, a.aligned);
        }
}

// Adds the products of the lane's entries FROM to END - 1 of the state.
template <int FROM, int END, int K>
static __device__ __forceinline__ void multiply(const float (&w)[2][3][K], const float *h,
                                                float (&sum)[2][3]) {
#pragma unroll
    for (int k = FROM; k < END; k += 4) {
        float4 v = *(const float4 *)(h + k);
#pragma unroll
        for (int u = 0; u < 2; u++)
#pragma unroll
            for (int g = 0; g < 3; g++) {
                sum[u][g] = fmaf(w[u][g][k], v.x, sum[u][g]);
                sum[u][g] = fmaf(w[u][g][k + 1], v.y, sum[u][g]);
                sum[u][g] = fmaf(w[u][g][k + 2], v.z, sum[u][g]);
                sum[u][g] = fmaf(w[u][g][k + 3], v.w, sum[u][g]);
            }
    }
}

// Over the S lanes, of the lane's unit: the sum of r or z, and q.
template <int S> static __device__ __forceinline__ float2 join(const float (&sum)[2][3]) {
    const unsigned all = 0xffffffffu;
    float own = sum[0][0] + __shfl_xor_sync(all, sum[1][0], 1);
    float other = sum[0][1] + __shfl_xor_sync(all, sum[1][1], 1);
    float q = sum[0][2] + __shfl_xor_sync(all, sum[1][2], 1);
    own += __shfl_xor_sync(all, other, 2);
    q += __shfl_xor_sync(all, q, 2);
#pragma unroll
    for (int step = 4; step < S; step *= 2) {
        own += __shfl_xor_sync(all, own, step);
        q += __shfl_xor_sync(all, q, step);
    }
    return make_float2(own, q);
}

// The copies of W_ih x of coming steps into the ring: [3][units] of each.
template <typename shape> struct forward_input {
    const float *next; // the thread's first number of the next step that is fetched
    int stride;        // from step to step
    int further;       // from its first number to its second; others are as far apart
    int there[shape::fetches];

    __device__ __forceinline__ forward_input(const float *row, int H, int first, int way) {
        int tid = (int)threadIdx.x;
        next = row + (tid / shape::units * H + first + tid % shape::units);
        stride = way * 3 * H;
        further = shape::threads / shape::units * H;
#pragma unroll
        for (int i = 0; i < shape::fetches; i++)
            there[i] =
                i * shape::threads + tid < 3 * shape::units && first + tid % shape::units < H;
        v2s_keep(next);
        v2s_keep(stride);
        v2s_keep(further);
    }

    // `to`: the thread's place in the step's slot.
    __device__ __forceinline__ void fetch(float *to, bool wanted) {
#pragma unroll
        for (int i = 0; i < shape::fetches; i++)
            if (wanted && there[i])
                __pipeline_memcpy_async(to + i * shape::threads, next + i * further, sizeof(float));
        next += stride;
        __pipeline_commit();
    }
};

// Where a thread's results go.
struct forward_output {
    float *y, *saved;            // of its unit: h', n
    int y_stride, saved_stride;  // from step to step
    unsigned gate, q;            // from n to r or z, and to q
    int to_y, to_gate, to_saved; // whether

    __device__ __forceinline__ forward_output(const v2s_gru_walk &a, const forward_lane &l, int d,
                                              size_t row, int way) {
        bool owner = l.there && l.share == 0;
        size_t first = (size_t)d * a.B * a.T + row;
        bool any_y = a.y != NULL, any_saved = a.saved != NULL;
        y = any_y ? a.y + (row * a.ldy + (size_t)d * a.H + l.unit) : NULL;
        saved = any_saved ? a.saved + (first * 4 * a.H + l.unit) : NULL;
        y_stride = any_y ? way * a.ldy : 0;
        saved_stride = any_saved ? way * 4 * a.H : 0;
        gate = l.update ? a.H : 2 * a.H;
        q = 3 * a.H;
        to_y = owner && l.update && any_y;
        to_gate = owner && any_saved;
        to_saved = to_gate && l.update;
        v2s_keep(to_y);
        v2s_keep(to_gate);
        v2s_keep(to_saved);
        v2s_keep(y);
        v2s_keep(saved);
        v2s_keep(y_stride);
        v2s_keep(saved_stride);
    }

    __device__ __forceinline__ void put(float gate_value, float n, float q_value, float h) {
        if (to_gate)
            __stcg(saved + gate, gate_value);
        if (to_saved)
            __stcg(saved, n);
        if (to_saved)
            __stcg(saved + q, q_value);
        if (to_y)
            __stcg(y, h);
        y += y_stride;
        saved += saved_stride;
    }
};

// Fills the half of the state that the first step reads from h0 [H] (NULL: 0), and the ring.
template <int HP, typename shape>
static __device__ __forceinline__ void begin(float *state, const float *h0, int H) {
    int tid = (int)threadIdx.x;
    for (int i = tid; i < HP; i += shape::threads)
        state[shape::parts::at(i)] = h0 != NULL && i < H ? h0[i] : 0.0f;
    for (int i = tid; i < shape::ring::size; i += shape::threads)
        state[2 * shape::parts::size + i] = 0.0f;
    __syncthreads();
}

template <int HP, int TEAM>
static __global__ __launch_bounds__(forward_shape<HP, TEAM>::threads,
                                    1) void forward_kernel(const __grid_constant__ v2s_gru_walk a) {
    using shape = forward_shape<HP, TEAM>;
    using parts = typename shape::parts;
    using team = v2s_team<TEAM>;
    const int units = shape::units, depth = V2S_GRU_DEPTH;
    V2S_DYNAMIC_SHARED(float, state); // [2][parts::size], then the ring [depth][slot]
    int tid = (int)threadIdx.x, b = (int)blockIdx.x / TEAM, d = (int)blockIdx.y, H = a.H, T = a.T;
    int first = team::rank() * units, s = tid % shape::S;
    forward_lane l = lane_of<shape::S>(a, d, b, first + tid / shape::S * 2);
    float w[2][3][shape::K];
    load_weights<shape::K>(w, a, a.dir[d].w_hh, l, s * shape::K);
    begin<HP, shape>(state, a.dir[d].h0 != NULL ? a.dir[d].h0 + (size_t)b * H : NULL, H);

    bool reverse = d == 1 || a.reverse;
    int way = reverse ? -1 : 1;
    size_t row = (size_t)b * T + (reverse ? T - 1 : 0); // where the walk begins
    forward_input<shape> input(a.gi + ((size_t)d * a.B * T + row) * 3 * H, H, first, way);
    forward_output output(a, l, d, row, way);
    typename shape::ring ring = {state + 2 * parts::size};
    for (int i = 0; i < depth - 1; i++)
        input.fetch(ring.slots + i * shape::slot + tid, i < T);
    __pipeline_wait_prior(depth - 2);
    team::arrive();
    team::wait();

    v2s_gru_halves<parts::size> h = {state + s * parts::stride,
                                     state + parts::size + parts::at(l.unit)};
    // Lanes that compute z read something else for n, which nobody uses.
    int in = l.unit - first + (l.update ? 0 : units);
    v2s_keep(in);
    for (int t = 0; t < T; t++) {
        float in_gate = ring.slots[in + ring.at];
        float in_n = ring.slots[in + ring.at + 2 * units] + l.bias_in;
        float start = shape::shares == 1 || l.share == 0 ? in_gate + l.bias : 0.0f;
        float part[2][3] = {{start, 0.0f, l.bias_hn}, {0.0f, 0.0f, 0.0f}};
        multiply<0, shape::K / 2>(w, h.read, part);
        input.fetch(ring.coming() + tid, t < T - (depth - 1));
        ring.turn();
        multiply<shape::K / 2, shape::K>(w, h.read, part);
        float2 sum = join<shape::S>(part);
        float gate = v2s_gru_sigmoid(sum.x), n = v2s_gru_tanh(fmaf(gate, sum.y, in_n));
        float z = __shfl_xor_sync(0xffffffffu, gate, 2);
        l.h = fmaf(z, l.h - n, n);
        if (l.update)
            team::template write<shape::shares>(h.write, l.h, l.share);
        h.turn();
        __pipeline_wait_prior(depth - 2);
        team::arrive();
        output.put(gate, n, sum.y, l.h);
        team::wait();
    }
    if (l.there && l.update && l.share == 0 && a.dir[d].h_end != NULL)
        a.dir[d].h_end[(size_t)b * H + l.unit] = l.h;
}

// ---- launches ---------------------------------------------------------------------------------

template <int HP, int TEAM> static void launch(const v2s_device *dev, const v2s_gru_walk *w) {
    using shape = forward_shape<HP, TEAM>;
    dim3 grid((unsigned)(w->B * TEAM), (unsigned)w->D);
    if constexpr (TEAM > 1)
        v2s_launch_cluster(dev, "gru_forward", forward_kernel<HP, TEAM>, grid, TEAM, shape::threads,
                           shape::shared_bytes, *w);
    else
        v2s_launch(dev, "gru_forward", forward_kernel<HP, TEAM>, grid, shape::threads,
                   shape::shared_bytes, *w);
}

void v2s_gru_persistent_forward(const v2s_device *dev, const v2s_gru_walk *w) {
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

const char *v2s_gru_persistent_kind(int H) {
    return H <= 32    ? "persistent, 64 threads x 48 weights"
           : H <= 64  ? "persistent, 128 threads x 96 weights"
           : H <= 128 ? "persistent, 256 threads x 192 weights"
           : H <= 256 ? "persistent in clusters of 4"
                      : "persistent in clusters of 16";
}

bool v2s_gru_persistent_serves(const v2s_device *dev, int H) {
    const v2s_gru_state *gru = dev->cuda->gru;
    return H <= 128 || (H <= 256 && gru->team_4) || (H <= 512 && gru->team_16);
}

void v2s_gru_persistent_open(v2s_cuda_state *state) {
    if (state->capability < 90)
        return;
    state->gru->team_4 = v2s_gru_team_fits<forward_shape<256, 4>>(forward_kernel<256, 4>, 4) &&
                         v2s_gru_backward_teams(4);
    state->gru->team_16 = v2s_gru_team_fits<forward_shape<512, 16>>(forward_kernel<512, 16>, 16) &&
                          v2s_gru_backward_teams(16);
}
