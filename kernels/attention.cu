// SPDX-License-Identifier: MIT
// HOW IT WORKS. kernels/attention.h has the equations, kernels/attention_tiles.cuh the products.
// Forward: a block owns 64 queries and up to 256 columns of o, walks over the keys 64 at a time,
// and keeps per query the largest s so far and the sum of exp(s - largest) (online softmax).
// Backward has a kernel each for dq (a block owns queries, walks over keys), dk and dv (owns keys,
// walks over queries), which make P anew from lse; so nothing is added by two blocks, and two runs
// agree bit for bit. Memory is one number per query, delta.
//
// More columns than a block owns are shared by several, which make s anew, each for itself.
//
// COST (counted, not measured). Multiply-adds per pair of a query and a key: D + E forward, and
// 2D + E for dq, 2D + E for dk, D + E for dv, in FP32; devices of another precision take products
// of pieces of the map instead (kernels/attention_products.cuh). On an H200 (33.5 T multiply-adds a
// second) a batch of 16 with 16 384 positions, D = 32, E = 256 is 1.2e12 forward and 4.0e12
// backward: 37 and 119 ms at the very best. A block takes 53 KiB of shared memory and at most 128
// registers per thread, so two fit on a multiprocessor of capability 8.0 or 9.0.
//
// LIMITATIONS. Tiles are always computed whole: short sequences waste most of one.
#include "kernels/attention_products.cuh"
#include "kernels/attention_tiles.cuh"
#include "kernels/group_sums.cuh"

static const size_t shared_bytes = V2S_TILE_SHARED * sizeof(float);

// The block's place: item of the batch, first of its rows, first of its columns.
struct place {
    size_t item;
    int row, column;
};

template <int WIDTH> static __device__ __forceinline__ place place_of_block(int rows) {
    unsigned tiles = (unsigned)(rows + V2S_TILE - 1) / V2S_TILE, item = blockIdx.x / tiles;
    return {item, (int)(blockIdx.x - item * tiles) * V2S_TILE, (int)blockIdx.y * 32 * WIDTH};
}

// ---- forward ----------------------------------------------------------------------------------

// State of rows 4 ty + r: largest s, and this thread's part of the sum of exp(s - largest).
struct softmax_state {
    float largest[4], sum[4];
};

// Turns s into P relative to the new largest ones; keep[r] is what all before is multiplied by.
// `others` of the tile count.
static __device__ __forceinline__ void take_tile(softmax_state &state, float (&s)[4][4],
                                                 float scale, int others, float (&keep)[4]) {
    int tx = (int)threadIdx.x % 16;
#pragma unroll
    for (int r = 0; r < 4; r++) {
        float largest = state.largest[r], sum = 0.0f;
#pragma unroll
        for (int k = 0; k < 4; k++) {
            s[r][k] = tx + 16 * k < others ? scale * s[r][k] : -INFINITY;
            largest = fmaxf(largest, s[r][k]); // what is not a number shows in exp below
        }
        largest = v2s_group_join<16>(largest, v2s_larger());
        float from = largest == -INFINITY ? 0.0f : largest;
        keep[r] = expf(state.largest[r] - from);
#pragma unroll
        for (int k = 0; k < 4; k++) {
            s[r][k] = expf(s[r][k] - from);
            sum += s[r][k];
        }
        state.sum[r] = keep[r] * state.sum[r] + sum;
        state.largest[r] = largest;
    }
}

template <int WIDTH>
static __device__ __forceinline__ void write_output(const v2s_attention_args &a, const place &at,
                                                    const float (&acc)[8][WIDTH],
                                                    const float (&share)[4]) {
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
#pragma unroll
    for (int r = 0; r < 8; r++) {
        float factor = v2s_of_row(share, r);
        int row = at.row + 8 * warp + r;
#pragma unroll
        for (int c = 0; c < WIDTH; c++) {
            int column = at.column + 32 * c + lane;
            if (row < a.Nq && column < a.E)
                a.o[(at.item * a.Nq + row) * a.E + column] = factor * acc[r][c];
        }
    }
}

template <int WIDTH>
static __global__ void __launch_bounds__(V2S_TILE_BLOCK, 2) forward_kernel(v2s_attention_args a) {
    V2S_DYNAMIC_SHARED(float, shared);
    float *p = shared + V2S_STAGES;
    place at = place_of_block<WIDTH>(a.Nq);
    v2s_rows q = v2s_item_rows(v2s_rows_of(a.q, a.Nq, a.D), at.item);
    v2s_rows k = v2s_item_rows(v2s_rows_of(a.k, a.Nk, a.D), at.item);
    v2s_rows v = v2s_item_rows(v2s_rows_of(a.v, a.Nk, a.E), at.item);
    softmax_state state;
    float acc[8][WIDTH] = {}, keep[4];
#pragma unroll
    for (int r = 0; r < 4; r++) {
        state.largest[r] = -INFINITY;
        state.sum[r] = 0.0f;
    }
    for (int j = 0; j < a.Nk; j += V2S_TILE) {
        float s[4][4] = {};
        v2s_tile_products(s, shared, q, at.row, k, j);
        take_tile(state, s, a.scale, a.Nk - j, keep);
        v2s_leave_p(p, s);
#pragma unroll
        for (int r = 0; r < 8; r++) {
            float factor = v2s_of_row(keep, r);
#pragma unroll
            for (int c = 0; c < WIDTH; c++)
                acc[r][c] *= factor;
        }
        v2s_tile_add<WIDTH>(acc, shared, p, v, j, at.column);
    }
#pragma unroll
    for (int r = 0; r < 4; r++) {
        float sum = v2s_group_join<16>(state.sum[r], v2s_add());
        int row = at.row + (int)threadIdx.x / 16 * 4 + r;
        if (a.lse != NULL && blockIdx.y == 0 && threadIdx.x % 16 == 0 && row < a.Nq)
            a.lse[at.item * a.Nq + row] = state.largest[r] + logf(sum);
        keep[r] = a.Nk > 0 ? 1.0f / sum : 0.0f;
    }
    write_output<WIDTH>(a, at, acc, keep);
}

// ---- backward ---------------------------------------------------------------------------------

// delta[query] = d_o . o, by a warp.
static __global__ void delta_kernel(size_t queries, int E, const float *d_o, const float *o,
                                    float *delta) {
    size_t query = v2s_item() / 32;
    float sum = 0.0f;
    for (int e = (int)threadIdx.x % 32; query < queries && e < E; e += 32)
        sum += d_o[query * E + e] * o[query * E + e];
    sum = v2s_group_join<32>(sum, v2s_add());
    if (threadIdx.x % 32 == 0 && query < queries)
        delta[query] = sum;
}

enum gradient { QUERIES, KEYS, VALUES }; // dq, dk, dv

// out[row] += factor sum over others of (dS or P)[row,other] source[other], where s is near . far,
// and dP is near_v . far_v. The rows are queries and the others keys for dq; else the other way
// round.
struct gradient_args {
    v2s_rows near, far, near_v, far_v, source;
    const float *lse, *delta; // [B,Nq]
    float scale, factor;
    float *out; // [B, near.count, source.length]
};

template <gradient KIND, int WIDTH>
static __global__ void __launch_bounds__(V2S_TILE_BLOCK, 2) gradient_kernel(gradient_args g) {
    V2S_DYNAMIC_SHARED(float, shared);
    float *p = shared + V2S_STAGES;
    place at = place_of_block<WIDTH>(g.near.count);
    v2s_rows near = v2s_item_rows(g.near, at.item), far = v2s_item_rows(g.far, at.item);
    v2s_rows near_v = v2s_item_rows(g.near_v, at.item), far_v = v2s_item_rows(g.far_v, at.item);
    v2s_rows source = v2s_item_rows(g.source, at.item);
    size_t query0 = at.item * (size_t)(KIND == QUERIES ? near.count : far.count);
    int ty = (int)threadIdx.x / 16, tx = (int)threadIdx.x % 16;
    float acc[8][WIDTH] = {};
    for (int j = 0; j < far.count; j += V2S_TILE) {
        float s[4][4] = {}, dp[4][4] = {};
        v2s_tile_products(s, shared, near, at.row, far, j);
        if (KIND != VALUES)
            v2s_tile_products(dp, shared, near_v, at.row, far_v, j);
#pragma unroll
        for (int r = 0; r < 4; r++)
#pragma unroll
            for (int k = 0; k < 4; k++) {
                int row = at.row + 4 * ty + r, other = j + tx + 16 * k;
                bool inside = row < near.count && other < far.count;
                size_t query = query0 + (size_t)(KIND == QUERIES ? row : other);
                float value = inside ? expf(g.scale * s[r][k] - g.lse[query]) : 0.0f;
                if (KIND != VALUES && inside)
                    value *= dp[r][k] - g.delta[query];
                s[r][k] = value;
            }
        v2s_leave_p(p, s);
        v2s_tile_add<WIDTH>(acc, shared, p, source, j, at.column);
    }
    int first = at.row + (int)threadIdx.x / 32 * 8;
#pragma unroll
    for (int r = 0; r < 8; r++)
#pragma unroll
        for (int c = 0; c < WIDTH; c++) {
            int row = first + r, column = at.column + 32 * c + (int)threadIdx.x % 32;
            if (row < near.count && column < source.length)
                g.out[(at.item * near.count + row) * source.length + column] +=
                    g.factor * acc[r][c];
        }
}

// ---- launches ---------------------------------------------------------------------------------

// Columns per thread: the width of which the blocks do the least. Each block computes its columns,
// whole, and `again` numbers per pair once more.
static int width_of(int columns, int again, int most) {
    static const int widths[] = {1, 2, 4, 6, 8};
    int best = 1;
    long long least = -1;
    for (int i = 0; i < 5 && widths[i] <= most; i++) {
        int own = 32 * widths[i];
        long long cost = (long long)((columns + own - 1) / own) * (own + again);
        if (least < 0 || cost < least) {
            least = cost;
            best = widths[i];
        }
    }
    return best;
}

template <typename Args>
static void launch_tiles(const v2s_device *dev, const char *what, void (*kernel)(Args), int B,
                         int rows, int columns, int width, const Args &args) {
    if (B == 0 || rows == 0)
        return;
    v2s_cuda_note(dev, what,
                  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       (int)shared_bytes));
    size_t tiles = ((size_t)rows + V2S_TILE - 1) / V2S_TILE;
    dim3 grid((unsigned)((size_t)B * tiles), (unsigned)((columns + 32 * width - 1) / (32 * width)));
    v2s_launch(dev, what, kernel, grid, V2S_TILE_BLOCK, shared_bytes, args);
}

extern "C" size_t v2s_attention_scratch_cuda(const v2s_device *dev, const v2s_attention_args *a) {
    bool map = v2s_attention_by_products(dev, a);
    return map ? v2s_scratch_round(v2s_attention_piece_bytes(dev, a), 1) : 0;
}

extern "C" void v2s_attention_forward_cuda(const v2s_device *dev, const v2s_attention_args *a,
                                           v2s_arena *scratch) {
    size_t mark = scratch->used;
    if (v2s_attention_by_products(dev, a)) {
        float *s = (float *)v2s_arena_take(scratch, v2s_attention_piece_bytes(dev, a), 1);
        v2s_attention_products_forward(dev, a, s);
        v2s_arena_rewind(scratch, mark);
        return;
    }
    int width = width_of(a->E, a->D, V2S_WIDTH_MAX);
    void (*kernel)(v2s_attention_args) = width == 1   ? forward_kernel<1>
                                         : width == 2 ? forward_kernel<2>
                                         : width == 4 ? forward_kernel<4>
                                         : width == 6 ? forward_kernel<6>
                                                      : forward_kernel<8>;
    launch_tiles(dev, "attention_forward", kernel, a->B, a->Nq, a->E, width, *a);
}

extern "C" size_t v2s_attention_backward_scratch_cuda(const v2s_device *dev,
                                                      const v2s_attention_backward_args *g) {
    const v2s_attention_args *a = &g->of;
    size_t queries = (size_t)a->B * (size_t)a->Nq;
    size_t map = v2s_attention_by_products(dev, a) ? v2s_attention_piece_bytes(dev, a) : 0;
    return v2s_scratch_round(v2s_size_mul(queries, sizeof(float)) + 2 * map, 3);
}

// dq or dk. More accumulators than those of width 4 would not leave registers for s and dP.
template <gradient KIND>
static void score_gradient(const v2s_device *dev, const v2s_attention_args *a,
                           const gradient_args &g) {
    const int width_max = 4;
    int width = width_of(a->D, a->D + a->E, width_max);
    void (*kernel)(gradient_args) = width == 1   ? gradient_kernel<KIND, 1>
                                    : width == 2 ? gradient_kernel<KIND, 2>
                                                 : gradient_kernel<KIND, width_max>;
    launch_tiles(dev, "attention_backward", kernel, a->B, g.near.count, a->D, width, g);
}

static void value_gradient(const v2s_device *dev, const v2s_attention_args *a,
                           const gradient_args &g) {
    int width = width_of(a->E, a->D, V2S_WIDTH_MAX);
    void (*kernel)(gradient_args) = width == 1   ? gradient_kernel<VALUES, 1>
                                    : width == 2 ? gradient_kernel<VALUES, 2>
                                    : width == 4 ? gradient_kernel<VALUES, 4>
                                    : width == 6 ? gradient_kernel<VALUES, 6>
                                                 : gradient_kernel<VALUES, 8>;
    launch_tiles(dev, "attention_backward", kernel, a->B, g.near.count, a->E, width, g);
}

extern "C" void v2s_attention_backward_cuda(const v2s_device *dev,
                                            const v2s_attention_backward_args *g,
                                            v2s_arena *scratch) {
    const v2s_attention_args *a = &g->of;
    size_t mark = scratch->used, queries = (size_t)a->B * (size_t)a->Nq;
    float *delta = (float *)v2s_arena_take(scratch, queries, sizeof(float));
    v2s_launch(dev, "attention_backward", delta_kernel, v2s_blocks(queries, V2S_CUDA_BLOCK / 32),
               V2S_CUDA_BLOCK, 0, queries, a->E, g->d_o, a->o, delta);
    if (v2s_attention_by_products(dev, a)) {
        float *s = (float *)v2s_arena_take(scratch, v2s_attention_piece_bytes(dev, a), 1);
        float *dp = (float *)v2s_arena_take(scratch, v2s_attention_piece_bytes(dev, a), 1);
        v2s_attention_products_backward(dev, g, delta, s, dp);
        v2s_arena_rewind(scratch, mark);
        return;
    }
    v2s_rows q = v2s_rows_of(a->q, a->Nq, a->D), k = v2s_rows_of(a->k, a->Nk, a->D);
    v2s_rows v = v2s_rows_of(a->v, a->Nk, a->E), d_o = v2s_rows_of(g->d_o, a->Nq, a->E);
    score_gradient<QUERIES>(dev, a, {q, k, d_o, v, k, a->lse, delta, a->scale, a->scale, g->dq});
    score_gradient<KEYS>(dev, a, {k, q, v, d_o, q, a->lse, delta, a->scale, a->scale, g->dk});
    value_gradient(dev, a, {k, q, v, d_o, d_o, a->lse, delta, a->scale, 1.0f, g->dv});
    v2s_arena_rewind(scratch, mark);
}
