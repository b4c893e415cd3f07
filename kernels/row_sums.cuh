// SPDX-License-Identifier: MIT
// Sums over the rows of a batch, in double and in a fixed order: a row is cut into slices by its
// length alone, a block (slice, row) sums one and stores it, and whoever needs the row's sum adds
// the slices, every time in the same order.
#ifndef V2S_KERNELS_ROW_SUMS_CUH
#define V2S_KERNELS_ROW_SUMS_CUH

#include "kernels/cuda.cuh"

enum { V2S_SLICE_ITEMS = 4096, V2S_SLICES_MAX = 256, V2S_SUM_BLOCK = 256 };

// Slices of a row of `count` items, at least one.
static inline int v2s_row_slices(size_t count) {
    size_t slices = (count + V2S_SLICE_ITEMS - 1) / V2S_SLICE_ITEMS;
    return slices < 1 ? 1 : slices < V2S_SLICES_MAX ? (int)slices : V2S_SLICES_MAX;
}

static inline dim3 v2s_slice_grid(size_t count, int B) {
    return dim3((unsigned)v2s_row_slices(count), (unsigned)B);
}

// Items of this block's slice: first .. *end - 1.
static __device__ __forceinline__ size_t v2s_slice(size_t count, size_t *end) {
    size_t length = (count + gridDim.x - 1) / gridDim.x, first = blockIdx.x * length;
    *end = first + length < count ? first + length : count;
    return first;
}

// sum[k] becomes its sum over the block's V2S_SUM_BLOCK threads, in all of them.
template <int K> static __device__ void v2s_block_sum(double (&sum)[K]) {
    __shared__ double room[K][V2S_SUM_BLOCK];
    const int i = threadIdx.x;
    for (int k = 0; k < K; k++)
        room[k][i] = sum[k];
    __syncthreads();
    for (int step = V2S_SUM_BLOCK / 2; step > 0; step /= 2) {
        for (int k = 0; k < K && i < step; k++)
            room[k][i] += room[k][i + step];
        __syncthreads();
    }
    for (int k = 0; k < K; k++)
        sum[k] = room[k][0];
    __syncthreads();
}

// Stores this block's sums at partials [B][slices][K]; ends the block's work.
template <int K> static __device__ void v2s_store_sums(double (&sum)[K], double *partials) {
    v2s_block_sum(sum);
    for (int k = 0; k < K && threadIdx.x == 0; k++)
        partials[((size_t)blockIdx.y * gridDim.x + blockIdx.x) * K + k] = sum[k];
}

// The sums of row b, in every thread.
template <int K>
static __device__ void v2s_row_sums(const double *partials, int slices, int b, double (&sum)[K]) {
    for (int k = 0; k < K; k++)
        sum[k] = 0.0;
    for (int i = threadIdx.x; i < slices; i += V2S_SUM_BLOCK)
        for (int k = 0; k < K; k++)
            sum[k] += partials[((size_t)b * slices + i) * K + k];
    v2s_block_sum(sum);
}

#endif
