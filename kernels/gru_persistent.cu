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
// a step is 292 instructions, of which 192 multiply with weights and 8 read 16 bytes of the state.
// Each scheduler has two warps to issue, so a step takes at least 584 clocks, 0.29 us at 1.98 GHz;
// 384 is what the products alone would take. The chain behind the last product (two exchanges, a
// tanh, the write, the barrier) is about 170 clocks long and hides only in part. Reads of the state
// are 8 warps * 8 * 512 bytes, 256 clocks of shared memory, so they are not the limit. Per step and
// row, 3 H numbers come from device memory and H (training: 5 H) go there: 64 blocks in training
// move 0.26 MB in that time, 0.9 of 4.8 TB/s.
//
// FEW ROWS leave most multiprocessors without work. Where `overlap` allows it (kernels/gru.h), a
// row is cut in as many pieces as there are; they start from states that are warmed up on `overlap`
// steps from zero. A last launch compares them with the states where the pieces before them end,
// and walks a piece again that started wrong. One row of 16 000 steps in two directions with an
// overlap of 128 becomes 66 pieces of 128 + 243 steps on 132 multiprocessors.
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
static __device__ __forceinline__ forward_lane lane_of(const v2s_gru_walk &a, int d, int pair) {
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

// A row's steps i, i + 1, .. of a walk, `count` of them, from the state `from` [H] (NULL: 0).
struct forward_piece {
    int d, b, i, count;
    const float *from;
};

// Fills the half of the state that the first step reads, and the ring.
template <int HP, typename shape>
static __device__ __forceinline__ void begin(float *state, const float *from, int H) {
    int tid = (int)threadIdx.x;
    for (int i = tid; i < HP; i += shape::threads)
        state[shape::parts::at(i)] = from != NULL && i < H ? from[i] : 0.0f;
    for (int i = tid; i < shape::ring::size; i += shape::threads)
        state[2 * shape::parts::size + i] = 0.0f;
    __syncthreads();
}

// `state` is shared: [2][parts::size], then the ring. Leaves the last state in l.h.
template <int HP, int TEAM>
static __device__ __forceinline__ void walk(const v2s_gru_walk &a, const forward_piece &piece,
                                            const float (&w)[2][3][forward_shape<HP, TEAM>::K],
                                            forward_lane &l, float *state) {
    using shape = forward_shape<HP, TEAM>;
    using parts = typename shape::parts;
    using team = v2s_team<TEAM>;
    const int units = shape::units, depth = V2S_GRU_DEPTH;
    int tid = (int)threadIdx.x, H = a.H, T = a.T, d = piece.d, count = piece.count;
    int first = team::rank() * units;
    begin<HP, shape>(state, piece.from, H);
    l.h = l.there && piece.from != NULL ? piece.from[l.unit] : 0.0f;

    bool reverse = d == 1 || a.reverse;
    int way = reverse ? -1 : 1;
    size_t row = (size_t)piece.b * T + (reverse ? T - 1 - piece.i : piece.i);
    forward_input<shape> input(a.gi + ((size_t)d * a.B * T + row) * 3 * H, H, first, way);
    forward_output output(a, l, d, row, way);
    typename shape::ring ring = {state + 2 * parts::size};
    for (int i = 0; i < depth - 1; i++)
        input.fetch(ring.slots + i * shape::slot + tid, i < count);
    __pipeline_wait_prior(depth - 2);
    team::arrive();
    team::wait();

    v2s_gru_halves<parts::size> h = {state + tid % shape::S * parts::stride,
                                     state + parts::size + parts::at(l.unit)};
    // Lanes that compute z read something else for n, which nobody uses.
    int in = l.unit - first + (l.update ? 0 : units);
    v2s_keep(in);
    for (int t = 0; t < count; t++) {
        float in_gate = ring.slots[in + ring.at];
        float in_n = ring.slots[in + ring.at + 2 * units] + l.bias_in;
        float start = shape::shares == 1 || l.share == 0 ? in_gate + l.bias : 0.0f;
        float part[2][3] = {{start, 0.0f, l.bias_hn}, {0.0f, 0.0f, 0.0f}};
        multiply<0, shape::K / 2>(w, h.read, part);
        input.fetch(ring.coming() + tid, t < count - (depth - 1));
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
}

// The state of piece p among `from` or `to`.
static __device__ __forceinline__ size_t state_at(const v2s_gru_walk &a, int d, int p, int b) {
    return (((size_t)d * a.all + p) * a.B + b) * a.H;
}

static __device__ __forceinline__ forward_piece piece_of(const v2s_gru_walk &a, int d, int p,
                                                         int b) {
    int i = a.first + p * a.stride;
    return {d, b, i, min(a.steps, a.T - i), NULL};
}

static __device__ __forceinline__ void store(const forward_lane &l, float *to) {
    if (l.there && l.update && l.share == 0 && to != NULL)
        to[l.unit] = l.h;
}

template <int HP, int TEAM>
static __global__ __launch_bounds__(forward_shape<HP, TEAM>::threads,
                                    1) void forward_kernel(const __grid_constant__ v2s_gru_walk a) {
    using shape = forward_shape<HP, TEAM>;
    V2S_DYNAMIC_SHARED(float, state);
    int tid = (int)threadIdx.x, b = (int)blockIdx.x / TEAM, d = (int)blockIdx.y;
    int p = (int)blockIdx.z, first = v2s_team<TEAM>::rank() * shape::units;
    const v2s_gru_walk_direction &dir = a.dir[d];
    size_t at = (size_t)b * a.H;
    forward_lane l = lane_of<shape::S>(a, d, first + tid / shape::S * 2);
    float w[2][3][shape::K];
    load_weights<shape::K>(w, a, dir.w_hh, l, tid % shape::S * shape::K);
    forward_piece piece = piece_of(a, d, p, b);
    if (a.from != NULL && p > 0)
        piece.from = a.from + state_at(a, d, p, b);
    else
        piece.from = dir.h0 != NULL ? dir.h0 + at : NULL;
    walk<HP, TEAM>(a, piece, w, l, state);
    if (a.to != NULL)
        store(l, a.to + state_at(a, d, p, b));
    else
        store(l, dir.h_end != NULL ? dir.h_end + at : NULL);
}

// ---- rows in pieces ---------------------------------------------------------------------------

// Largest difference of two states at a cut: four steps of a float in [-1,1].
#define CUT_TOLERANCE 0x1p-22f

// The first piece from p on whose start, warmed up, is not where the piece before it ends.
static __device__ __forceinline__ int next_wrong(const v2s_gru_walk &a, int d, int p, int b) {
    for (; p < a.pieces; p++) {
        const float *ends = a.to + state_at(a, d, p - 1, b);
        const float *starts = a.from + state_at(a, d, p, b);
        int wrong = 0;
        for (int j = (int)threadIdx.x; j < a.H; j += (int)blockDim.x)
            wrong |= !(fabsf(ends[j] - starts[j]) <= CUT_TOLERANCE);
        if (__syncthreads_or(wrong))
            break;
    }
    return p;
}

// Walks pieces again that started wrong, in order, and stores h_end.
template <int HP>
static __global__ __launch_bounds__(forward_shape<HP, 1>::threads,
                                    1) void repair_kernel(const __grid_constant__ v2s_gru_walk a) {
    using shape = forward_shape<HP, 1>;
    V2S_DYNAMIC_SHARED(float, state);
    int tid = (int)threadIdx.x, b = (int)blockIdx.x, d = (int)blockIdx.y;
    int p = next_wrong(a, d, 1, b);
    if (p < a.pieces) {
        forward_lane l = lane_of<shape::S>(a, d, tid / shape::S * 2);
        float w[2][3][shape::K];
        load_weights<shape::K>(w, a, a.dir[d].w_hh, l, tid % shape::S * shape::K);
        while (p < a.pieces) {
            forward_piece piece = piece_of(a, d, p, b);
            piece.from = a.to + state_at(a, d, p - 1, b);
            walk<HP, 1>(a, piece, w, l, state);
            store(l, a.to + state_at(a, d, p, b));
            __syncthreads();
            p = next_wrong(a, d, p + 1, b);
        }
    }
    float *h_end = a.dir[d].h_end;
    const float *last = a.to + state_at(a, d, a.pieces - 1, b);
    for (int j = tid; j < a.H && h_end != NULL; j += shape::threads)
        h_end[(size_t)b * a.H + j] = last[j];
}

// ---- launches ---------------------------------------------------------------------------------

template <int HP, int TEAM> static void launch(const v2s_device *dev, const v2s_gru_walk *w) {
    using shape = forward_shape<HP, TEAM>;
    dim3 grid((unsigned)(w->B * TEAM), (unsigned)w->D, (unsigned)w->pieces);
    if constexpr (TEAM > 1)
        v2s_launch_cluster(dev, "gru_forward", forward_kernel<HP, TEAM>, grid, TEAM, shape::threads,
                           shape::shared_bytes, *w);
    else
        v2s_launch(dev, "gru_forward", forward_kernel<HP, TEAM>, grid, shape::threads,
                   shape::shared_bytes, *w);
}

static void walk_pieces(const v2s_device *dev, const v2s_gru_walk *w) {
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

template <int HP> static void launch_repair(const v2s_device *dev, const v2s_gru_walk *w) {
    using shape = forward_shape<HP, 1>;
    v2s_launch(dev, "gru_forward", repair_kernel<HP>, dim3((unsigned)w->B, (unsigned)w->D),
               shape::threads, shape::shared_bytes, *w);
}

// As many pieces as multiprocessors have nothing to do otherwise; none shorter than two overlaps,
// which is where the time goes that it gains.
static int pieces_of(const v2s_device *dev, const v2s_gru_walk *w, int overlap) {
    if (overlap <= 0 || w->H > 128)
        return 1;
    int free = dev->cuda->multiprocessors / (w->B * w->D), most = w->T / 2 / overlap;
    int pieces = free < most ? free : most;
    return pieces > 1 ? pieces : 1;
}

// Warms up at the cuts, walks the pieces from there, and looks whether that was right.
static void walk_cut(const v2s_device *dev, const v2s_gru_walk *whole, int pieces, int overlap,
                     v2s_arena *scratch) {
    size_t mark = scratch->used, states = (size_t)whole->B * whole->H;
    size_t all = states * (size_t)(pieces * whole->D);
    float *starts = (float *)v2s_arena_take(scratch, all, sizeof(float));
    float *ends = (float *)v2s_arena_take(scratch, all, sizeof(float));
    v2s_gru_walk w = *whole;
    w.stride = w.steps = (w.T + pieces - 1) / pieces;
    w.all = w.pieces = (w.T + w.stride - 1) / w.stride;
    v2s_gru_walk warm = w;
    warm.pieces = w.pieces - 1; // of piece 1 on
    warm.first = w.stride - overlap;
    warm.steps = overlap;
    warm.to = starts + states;
    warm.y = NULL;
    warm.dir[0].h0 = warm.dir[1].h0 = NULL;
    walk_pieces(dev, &warm);
    w.from = starts;
    w.to = ends;
    walk_pieces(dev, &w);
    if (w.H <= 32)
        launch_repair<32>(dev, &w);
    else if (w.H <= 64)
        launch_repair<64>(dev, &w);
    else
        launch_repair<128>(dev, &w);
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_gru_persistent_scratch(const v2s_device *dev, int H) {
    size_t states = v2s_size_mul((size_t)dev->cuda->multiprocessors, (size_t)H);
    return v2s_scratch_round(2 * states * sizeof(float), 2);
}

void v2s_gru_persistent_forward(const v2s_device *dev, const v2s_gru_walk *w, int overlap,
                                v2s_arena *scratch) {
    int pieces = pieces_of(dev, w, overlap);
    if (pieces > 1) {
        walk_cut(dev, w, pieces, overlap, scratch);
        return;
    }
    v2s_gru_walk whole = *w;
    whole.pieces = whole.all = 1;
    whole.steps = w->T;
    walk_pieces(dev, &whole);
}

const char *v2s_gru_persistent_kind(int H) {
    return H <= 32    ? "persistent, 64 threads x 48 weights"
           : H <= 64  ? "persistent, 128 threads x 96 weights"
           : H <= 128 ? "persistent, 256 threads x 192 weights"
           : H <= 256 ? "persistent in clusters of 4"
                      : "persistent in clusters of 16";
}

int v2s_gru_persistent_most(int capability) {
    return capability >= 90 ? 512 : 128;
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
