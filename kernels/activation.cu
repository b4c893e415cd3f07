// SPDX-License-Identifier: MIT
#include "kernels/cuda.cuh"

static __device__ float activate(v2s_activation_kind kind, float x) {
    switch (kind) {
    case V2S_ACTIVATION_RELU:
        return x <= 0.0f ? 0.0f : x; // what is not a number stays
    case V2S_ACTIVATION_SIGMOID:
        return 1.0f / (1.0f + expf(-x));
    case V2S_ACTIVATION_TANH:
        return tanhf(x);
    }
    return x;
}

// From y, which is what the backward has.
static __device__ float slope(v2s_activation_kind kind, float y) {
    switch (kind) {
    case V2S_ACTIVATION_RELU:
        return y <= 0.0f ? 0.0f : 1.0f;
    case V2S_ACTIVATION_SIGMOID:
        return y * (1.0f - y);
    case V2S_ACTIVATION_TANH:
        return 1.0f - y * y;
    }
    return 1.0f;
}

static __global__ void forward_kernel(v2s_activation_kind kind, size_t count, const float *x,
                                      float *y) {
    size_t i = v2s_item();
    if (i < count)
        y[i] = activate(kind, x[i]);
}

static __global__ void backward_kernel(v2s_activation_kind kind, size_t count, const float *y,
                                       const float *dy, float *dx) {
    size_t i = v2s_item();
    if (i < count)
        dx[i] += dy[i] * slope(kind, y[i]);
}

extern "C" void v2s_activation_forward_cuda(const v2s_device *dev, const v2s_activation_args *a,
                                            v2s_arena *scratch) {
    (void)scratch;
    v2s_launch(dev, "activation_forward", forward_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, a->kind, a->count, a->x, a->y);
}

extern "C" void v2s_activation_backward_cuda(const v2s_device *dev, const v2s_activation_args *a,
                                             v2s_arena *scratch) {
    (void)scratch;
    v2s_launch(dev, "activation_backward", backward_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, a->kind, a->count, a->y, a->dy, a->dx);
}
