// SPDX-License-Identifier: MIT
// Each line (row or column) is cut into slices, so that few long lines keep the GPU busy, too: a
// first kernel leaves 8 bytes per slice, a second one joins them in order. Sums are in double.
//
// MAX looks for the largest key: the number's bits in the order of numbers above the place, counted
// from the end; so of equal ones the first is the largest, in whatever order they are looked at.
//
// Bound by memory: 4 bytes per number (counted); backward 8.
#include "kernels/group_sums.cuh"

enum { ROW_BLOCK = 256, LANES = 32, WARPS = 8 };
static const size_t slices_max = 256, slice_min = 1024;

typedef unsigned long long key; // as the shuffles know it

struct sum_of {
    typedef double type;
    typedef v2s_add join;
    static __device__ __forceinline__ double take(float x, int) {
        return (double)x;
    }
};

struct largest_of {
    typedef key type;
    typedef v2s_larger join;
    static __device__ __forceinline__ key take(float x, int place) {
        unsigned bits = __float_as_uint(x + 0.0f); // -0 and 0 are equal
        bits = isnan(x) ? 0xffffffffu : (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
        return (key)bits << 32 | (0xffffffffu - (unsigned)place);
    }
};

// partial[slice][line] of rows, which belong to THREADS threads each.
template <typename Kind, int THREADS>
static __global__ void rows_kernel(v2s_reduce_args a, typename Kind::type *partial) {
    size_t row = (size_t)blockIdx.x * (ROW_BLOCK / THREADS) + threadIdx.x / THREADS;
    int length = (a.N + (int)gridDim.y - 1) / (int)gridDim.y, first = (int)blockIdx.y * length;
    int end = row < (size_t)a.M ? min(first + length, a.N) : 0, lane = (int)threadIdx.x % THREADS;
    typename Kind::join join;
    typename Kind::type part = 0;
    for (int n = first + lane; n < end; n += THREADS)
        part = join(part, Kind::take(a.x[row * (size_t)a.N + n], n));
    part = v2s_group_join<THREADS>(part, join);
    if (lane == 0 && row < (size_t)a.M)
        partial[(size_t)blockIdx.y * a.M + row] = part;
}

// The same of columns, 32 at a time: 8 warps read whole lines, then meet.
template <typename Kind>
static __global__ void columns_kernel(v2s_reduce_args a, typename Kind::type *partial) {
    __shared__ typename Kind::type parts[WARPS][LANES];
    int lane = (int)threadIdx.x % LANES, warp = (int)threadIdx.x / LANES;
    int n = (int)(blockIdx.x * LANES) + lane;
    int length = (a.M + (int)gridDim.y - 1) / (int)gridDim.y, first = (int)blockIdx.y * length;
    int end = n < a.N ? min(first + length, a.M) : 0;
    typename Kind::join join;
    typename Kind::type part = 0;
    for (int m = first + warp; m < end; m += WARPS)
        part = join(part, Kind::take(a.x[(size_t)m * a.N + n], m));
    parts[warp][lane] = part;
    __syncthreads();
    if (warp > 0 || n >= a.N)
        return;
    for (int i = 1; i < WARPS; i++)
        part = join(part, parts[i][lane]);
    partial[(size_t)blockIdx.y * a.N + n] = part;
}

template <typename Kind>
static __global__ void join_kernel(v2s_reduce_args a, int lines, int count, int slices,
                                   const typename Kind::type *partial) {
    int line = (int)v2s_item();
    if (line >= lines)
        return;
    typename Kind::join join;
    typename Kind::type all = 0;
    for (int i = 0; i < slices; i++)
        all = join(all, partial[(size_t)i * lines + line]);
    if (a.kind != V2S_REDUCE_MAX) {
        a.y[line] = (float)(a.kind == V2S_REDUCE_MEAN ? (double)all / count : (double)all);
        return;
    }
    int place = count > 0 ? (int)(0xffffffffu - (unsigned)(key)all) : 0;
    size_t at = a.axis == V2S_REDUCE_ROWS ? (size_t)line * a.N + place : (size_t)place * a.N + line;
    a.y[line] = count > 0 ? a.x[at] : -INFINITY;
    if (a.index != NULL)
        a.index[line] = place;
}

static __global__ void backward_kernel(v2s_reduce_args a, int count) {
    size_t i = v2s_item();
    if (i >= (size_t)a.M * a.N)
        return;
    float dy = a.dy[a.axis == V2S_REDUCE_ROWS ? i / a.N : i % a.N];
    a.dx[i] += a.kind == V2S_REDUCE_MEAN ? dy / count : dy;
}

static __global__ void largest_backward_kernel(v2s_reduce_args a, int lines) {
    int line = (int)v2s_item();
    if (line >= lines)
        return;
    int place = a.index[line];
    size_t at = a.axis == V2S_REDUCE_ROWS ? (size_t)line * a.N + place : (size_t)place * a.N + line;
    a.dx[at] += a.dy[line];
}

static int lines_of(const v2s_reduce_args *a) {
    return a->axis == V2S_REDUCE_ROWS ? a->M : a->N;
}

static int count_of(const v2s_reduce_args *a) {
    return a->axis == V2S_REDUCE_ROWS ? a->N : a->M;
}

// Threads per row: short rows share a warp.
static int threads_of(int N) {
    return N <= 16 ? 4 : N <= 1024 ? 32 : ROW_BLOCK;
}

static dim3 whole_lines(const v2s_reduce_args *a) {
    return a->axis == V2S_REDUCE_ROWS ? v2s_blocks((size_t)a->M, ROW_BLOCK / threads_of(a->N))
                                      : v2s_blocks((size_t)a->N, LANES);
}

// As many as give each multiprocessor four blocks, and are worth a block.
static size_t slices_of(const v2s_device *dev, const v2s_reduce_args *a) {
    size_t blocks = whole_lines(a).x, most = (size_t)count_of(a) / slice_min;
    size_t want = blocks > 0 ? 4 * (size_t)dev->cuda->multiprocessors / blocks : 0;
    want = want < most ? want : most;
    return want < 1 ? 1 : want < slices_max ? want : slices_max;
}

extern "C" size_t v2s_reduce_scratch_cuda(const v2s_device *dev, const v2s_reduce_args *a) {
    size_t parts = v2s_size_mul(slices_of(dev, a), (size_t)lines_of(a));
    return v2s_scratch_round(v2s_size_mul(parts, sizeof(key)), 1);
}

template <typename Kind>
static void forward(const v2s_device *dev, const v2s_reduce_args *a, v2s_arena *scratch) {
    typedef typename Kind::type type;
    size_t mark = scratch->used, slices = slices_of(dev, a);
    type *partial = (type *)v2s_arena_take(scratch, slices * (size_t)lines_of(a), sizeof(type));
    dim3 grid = whole_lines(a);
    grid.y = (unsigned)slices;
    int threads = threads_of(a->N);
    if (a->axis == V2S_REDUCE_ROWS)
        v2s_launch(dev, "reduce_forward",
                   threads == 4    ? rows_kernel<Kind, 4>
                   : threads == 32 ? rows_kernel<Kind, 32>
                                   : rows_kernel<Kind, ROW_BLOCK>,
                   grid, ROW_BLOCK, 0, *a, partial);
    else
        v2s_launch(dev, "reduce_forward", columns_kernel<Kind>, grid, LANES * WARPS, 0, *a,
                   partial);
    v2s_launch(dev, "reduce_forward", join_kernel<Kind>,
               v2s_blocks((size_t)lines_of(a), V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *a, lines_of(a),
               count_of(a), (int)slices, (const type *)partial);
    v2s_arena_rewind(scratch, mark);
}

extern "C" void v2s_reduce_forward_cuda(const v2s_device *dev, const v2s_reduce_args *a,
                                        v2s_arena *scratch) {
    if (a->kind == V2S_REDUCE_MAX)
        forward<largest_of>(dev, a, scratch);
    else
        forward<sum_of>(dev, a, scratch);
}

extern "C" void v2s_reduce_backward_cuda(const v2s_device *dev, const v2s_reduce_args *a,
                                         v2s_arena *scratch) {
    (void)scratch;
    int lines = count_of(a) > 0 ? lines_of(a) : 0;
    if (a->kind == V2S_REDUCE_MAX)
        v2s_launch(dev, "reduce_backward", largest_backward_kernel,
                   v2s_blocks((size_t)lines, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *a, lines);
    else
        v2s_launch(dev, "reduce_backward", backward_kernel,
                   v2s_blocks((size_t)a->M * (size_t)a->N, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *a,
                   count_of(a));
}
