// SPDX-License-Identifier: MIT
#include "kernels/cuda.cuh"

static __global__ void forward_kernel(v2s_elementwise_args a) {
    size_t i = v2s_item();
    if (i >= a.count)
        return;
    if (a.kind == V2S_ELEMENTWISE_ADD)
        a.y[i] = a.a[i] + a.b[i];
    else if (a.kind == V2S_ELEMENTWISE_MUL)
        a.y[i] = a.a[i] * a.b[i];
    else
        a.y[i] = a.factor * a.a[i];
}

static __global__ void backward_kernel(v2s_elementwise_args a) {
    size_t i = v2s_item();
    if (i >= a.count)
        return;
    float dy = a.dy[i], da = dy, db = dy;
    if (a.kind == V2S_ELEMENTWISE_MUL) {
        da = dy * a.b[i];
        db = dy * a.a[i];
    } else if (a.kind == V2S_ELEMENTWISE_SCALE) {
        da = a.factor * dy;
    }
    if (a.da != NULL)
        a.da[i] += da;
    if (a.db != NULL && a.kind != V2S_ELEMENTWISE_SCALE)
        a.db[i] += db; // after da: they may be the same
}

extern "C" void v2s_elementwise_forward_cuda(const v2s_device *dev, const v2s_elementwise_args *a,
                                             v2s_arena *scratch) {
    (void)scratch;
    v2s_launch(dev, "elementwise_forward", forward_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, *a);
}

extern "C" void v2s_elementwise_backward_cuda(const v2s_device *dev, const v2s_elementwise_args *a,
                                              v2s_arena *scratch) {
    (void)scratch;
    v2s_launch(dev, "elementwise_backward", backward_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, *a);
}
