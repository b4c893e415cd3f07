// SPDX-License-Identifier: MIT
// Bound by memory: 21 bytes per output forward; backward changes one float in each 16 bytes of dx,
// which go through memory whole: 37 bytes per output. At 4.8 TB/s (H200) 64 channels of 512 x 512
// are 4.2 million outputs or 0.02 ms and 0.03 ms at best (counted, not measured).
#include "kernels/cuda.cuh"

static size_t outputs_of(const v2s_pool2d_args *a) {
    return (size_t)a->N * (size_t)a->C * (size_t)(a->H / 2) * (size_t)(a->W / 2);
}

// Where the square of output number i starts in x.
static __device__ __forceinline__ size_t corner(const v2s_pool2d_args &a, size_t i) {
    size_t half = (size_t)(a.W / 2), row = i / half, column = i - row * half;
    size_t rows = (size_t)(a.H / 2), plane = row / rows;
    return (plane * (size_t)a.H + 2 * (row - plane * rows)) * (size_t)a.W + 2 * column;
}

static __global__ void forward_kernel(v2s_pool2d_args a, size_t outputs) {
    size_t i = v2s_item();
    if (i >= outputs)
        return;
    const float *x = a.x + corner(a, i), *below = x + a.W;
    float value[4] = {x[0], x[1], below[0], below[1]}, largest = value[0];
    int best = 0;
#pragma unroll
    for (int k = 1; k < 4; k++)
        if (value[k] > largest || isnan(value[k])) {
            largest = value[k];
            best = k;
        }
    a.y[i] = largest;
    if (a.index != NULL)
        a.index[i] = (uint8_t)best;
}

// Squares do not overlap, so each dx belongs to one thread.
static __global__ void backward_kernel(v2s_pool2d_args a, size_t outputs) {
    size_t i = v2s_item();
    if (i >= outputs)
        return;
    int k = a.index[i];
    a.dx[corner(a, i) + (size_t)(k / 2) * (size_t)a.W + (size_t)(k % 2)] += a.dy[i];
}

extern "C" void v2s_pool2d_forward_cuda(const v2s_device *dev, const v2s_pool2d_args *a,
                                        v2s_arena *scratch) {
    (void)scratch;
    V2S_ASSERT(a->block <= 1); // v2s_picture_block
    v2s_launch(dev, "pool2d_forward", forward_kernel, v2s_blocks(outputs_of(a), V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, *a, outputs_of(a));
}

extern "C" void v2s_pool2d_backward_cuda(const v2s_device *dev, const v2s_pool2d_args *a,
                                         v2s_arena *scratch) {
    (void)scratch;
    V2S_ASSERT(a->block <= 1); // v2s_picture_block
    v2s_launch(dev, "pool2d_backward", backward_kernel, v2s_blocks(outputs_of(a), V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, *a, outputs_of(a));
}
