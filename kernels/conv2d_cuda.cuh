// SPDX-License-Identifier: MIT
// The two ways of a convolution on a GPU: cuDNN (conv2d_cudnn.cu), and products of our own
// (conv2d.cu) for kernels of 1 x 1, for what cuDNN refuses, for pointers that are no multiples of
// 16 bytes, and for all where the environment says V2S_CUDA_CONV=own when the device is opened.
#ifndef V2S_KERNELS_CONV2D_CUDA_CUH
#define V2S_KERNELS_CONV2D_CUDA_CUH

#include "kernels/channel_sums.cuh"

enum v2s_conv2d_pass { V2S_CONV2D_FORWARD, V2S_CONV2D_INPUT, V2S_CONV2D_WEIGHT }; // y, dx, dw

// What cuDNN does for a shape.
struct v2s_conv2d_plan {
    v2s_conv2d_pass pass;
    int shape[7]; // N C O H W KH KW
    bool refused;
    int algorithm;
    size_t workspace; // bytes
};

enum { V2S_CONV2D_PLANS = 256 };

// Plans that were asked for; the oldest goes when there are too many.
struct v2s_conv2d_state {
    bool own; // V2S_CUDA_CONV=own
    size_t asked;
    v2s_conv2d_plan plans[V2S_CONV2D_PLANS];
};

// cuDNN's plan, found without timing: the same in every call. refused: it has none.
v2s_conv2d_plan v2s_conv2d_dnn_plan(const v2s_device *dev, const v2s_conv2d_args *a,
                                    v2s_conv2d_pass pass);

// to = to * beta + the pass's result: `to` is y, dx or dw, `x` and `dy` as far as it reads them.
struct v2s_conv2d_dnn_call {
    v2s_conv2d_plan plan;
    const float *x, *w, *dy;
    float *to;
    float beta;
    void *workspace;
};
void v2s_conv2d_dnn_run(const v2s_device *dev, const v2s_conv2d_args *a,
                        const v2s_conv2d_dnn_call *call);

#endif
