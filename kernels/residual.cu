// SPDX-License-Identifier: MIT
// Bound by memory: 12 bytes a number forward; backward reads dy and branch and changes dx and
// dbranch in the same pass, 24 (counted).
//
// The sum for gamma is made in double, a slice of the numbers by each block, then slice by slice.
#include "kernels/channel_sums.cuh"

enum { BLOCK = 256 };

template <int V> static __global__ void forward_kernel(v2s_residual_args a, size_t packs) {
    size_t at = v2s_item();
    if (at >= packs)
        return;
    float gamma = a.gamma[0];
    v2s_pack<V> x = v2s_load<V>(a.x, at), branch = v2s_load<V>(a.branch, at);
#pragma unroll
    for (int i = 0; i < V; i++)
        x.v[i] += gamma * branch.v[i];
    v2s_store<V>(a.y, at, x);
}

// to[at] += by * dy, of a pack.
template <int V>
static __device__ __forceinline__ void add(float *to, size_t at, float by, const v2s_pack<V> &dy) {
    v2s_pack<V> sum = v2s_load<V>(to, at);
#pragma unroll
    for (int i = 0; i < V; i++)
        sum.v[i] += by * dy.v[i];
    v2s_store<V>(to, at, sum);
}

// Block: a slice of the packs, whose sum of dy branch it leaves in partial.
template <int V>
static __global__ void backward_kernel(v2s_residual_args a, size_t packs, double *partial) {
    size_t length = (packs + gridDim.x - 1) / gridDim.x, first = blockIdx.x * length;
    size_t end = min(first + length, packs);
    float gamma = a.dbranch != NULL ? a.gamma[0] : 0.0f;
    double sum = 0.0;
    for (size_t at = first + threadIdx.x; at < end; at += BLOCK) {
        v2s_pack<V> dy = v2s_load<V>(a.dy, at);
        if (a.dgamma != NULL) {
            v2s_pack<V> branch = v2s_load<V>(a.branch, at);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum += (double)dy.v[i] * (double)branch.v[i];
        }
        if (a.dx != NULL)
            add<V>(a.dx, at, 1.0f, dy);
        if (a.dbranch != NULL)
            add<V>(a.dbranch, at, gamma, dy);
    }
    if (a.dgamma == NULL)
        return;
    sum = v2s_group_join<BLOCK>(sum, v2s_add());
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}

static __global__ void gamma_kernel(v2s_residual_args a, int slices, const double *partial) {
    double sum = 0.0;
    for (int i = threadIdx.x; i < slices; i += BLOCK)
        sum += partial[i];
    sum = v2s_group_join<BLOCK>(sum, v2s_add());
    if (threadIdx.x == 0)
        a.dgamma[0] += (float)sum;
}

// As many as fill the multiprocessors, and are worth a block.
static size_t slices_of(const v2s_device *dev, const v2s_residual_args *a) {
    const size_t slice_min = 4096;
    size_t most = a->count / slice_min, want = 8 * (size_t)dev->cuda->multiprocessors;
    want = want < most ? want : most;
    return want < 1 ? 1 : want;
}

extern "C" void v2s_residual_forward_cuda(const v2s_device *dev, const v2s_residual_args *a,
                                          v2s_arena *scratch) {
    (void)scratch;
    bool four = v2s_by_four(a->count, a->x) && v2s_by_four(a->count, a->branch) &&
                v2s_by_four(a->count, a->y);
    size_t packs = a->count / (four ? 4 : 1);
    v2s_launch(dev, "residual_forward", four ? forward_kernel<4> : forward_kernel<1>,
               v2s_blocks(packs, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *a, packs);
}

extern "C" void v2s_residual_backward_cuda(const v2s_device *dev, const v2s_residual_args *a,
                                           v2s_arena *scratch) {
    const char *what = "residual_backward";
    size_t mark = scratch->used, slices = slices_of(dev, a);
    double *partial = (double *)v2s_arena_take(scratch, slices, sizeof(double));
    bool four = v2s_by_four(a->count, a->dy) && v2s_by_four(a->count, a->branch) &&
                v2s_by_four(a->count, a->dx) && v2s_by_four(a->count, a->dbranch);
    size_t packs = a->count / (four ? 4 : 1);
    v2s_launch(dev, what, four ? backward_kernel<4> : backward_kernel<1>, dim3((unsigned)slices),
               BLOCK, 0, *a, packs, partial);
    if (a->dgamma != NULL)
        v2s_launch(dev, what, gamma_kernel, dim3(1), BLOCK, 0, *a, (int)slices,
                   (const double *)partial);
    v2s_arena_rewind(scratch, mark);
}

extern "C" size_t v2s_residual_backward_scratch_cuda(const v2s_device *dev,
                                                     const v2s_residual_args *a) {
    return v2s_scratch_round(slices_of(dev, a) * sizeof(double), 1);
}
