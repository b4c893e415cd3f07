// SPDX-License-Identifier: MIT
// Bound by memory: 8 bytes a number forward, 12 backward (counted).
#include "kernels/channel_sums.cuh"

static const size_t grid_y_max = 65535;

// Thread: pack k of an item's A+B numbers, in every gridDim.y-th item. A and B count packs.
template <int V> static __global__ void forward_kernel(v2s_concat_args a, size_t A, size_t B) {
    size_t k = v2s_item();
    if (k >= A + B)
        return;
    for (size_t n = blockIdx.y; n < (size_t)a.N; n += gridDim.y) {
        v2s_pack<V> x = k < A ? v2s_load<V>(a.a, n * A + k) : v2s_load<V>(a.b, n * B + (k - A));
        v2s_store<V>(a.y, n * (A + B) + k, x);
    }
}

template <int V> static __global__ void backward_kernel(v2s_concat_args a, size_t A, size_t B) {
    size_t k = v2s_item();
    float *to = k < A ? a.da : a.db;
    if (k >= A + B || to == NULL)
        return;
    for (size_t n = blockIdx.y; n < (size_t)a.N; n += gridDim.y) {
        size_t at = k < A ? n * A + k : n * B + (k - A);
        v2s_pack<V> sum = v2s_load<V>(to, at), dy = v2s_load<V>(a.dy, n * (A + B) + k);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum.v[i] += dy.v[i];
        v2s_store<V>(to, at, sum);
    }
}

static dim3 grid_of(const v2s_concat_args *a, size_t packs) {
    dim3 grid = v2s_blocks(packs, V2S_CUDA_BLOCK);
    grid.y = (unsigned)((size_t)a->N < grid_y_max ? (size_t)a->N : grid_y_max);
    return grid;
}

static bool by_four(const v2s_concat_args *a, const void *first, const void *second,
                    const void *both) {
    return v2s_by_four(a->A, first) && v2s_by_four(a->B, second) && v2s_by_four(a->A + a->B, both);
}

extern "C" void v2s_concat_forward_cuda(const v2s_device *dev, const v2s_concat_args *a,
                                        v2s_arena *scratch) {
    (void)scratch;
    bool four = by_four(a, a->a, a->b, a->y);
    size_t V = four ? 4 : 1;
    v2s_launch(dev, "concat_forward", four ? forward_kernel<4> : forward_kernel<1>,
               grid_of(a, (a->A + a->B) / V), V2S_CUDA_BLOCK, 0, *a, a->A / V, a->B / V);
}

extern "C" void v2s_concat_backward_cuda(const v2s_device *dev, const v2s_concat_args *a,
                                         v2s_arena *scratch) {
    (void)scratch;
    bool four = by_four(a, a->da, a->db, a->dy);
    size_t V = four ? 4 : 1;
    v2s_launch(dev, "concat_backward", four ? backward_kernel<4> : backward_kernel<1>,
               grid_of(a, (a->A + a->B) / V), V2S_CUDA_BLOCK, 0, *a, a->A / V, a->B / V);
}
