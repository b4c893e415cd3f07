// SPDX-License-Identifier: MIT
// Convolutions by cuDNN: FMA arithmetic in FP32; on a device of TF32 or BF16 tensor cores round
// what they multiply to TF32 (both, because the pictures stay in FP32). Algorithms are those that
// cuDNN's heuristics put first among the deterministic ones with a bounded workspace; nothing is
// timed, so scratch and call, and two runs, have the same.
#include "kernels/conv2d_cuda.cuh"

#include <cudnn.h>
#include <stdio.h>
#include <string.h>

static const size_t workspace_max = (size_t)256 << 20;

struct descriptors {
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t conv;
};

static void close_descriptors(descriptors *d) {
    if (d->x != NULL)
        cudnnDestroyTensorDescriptor(d->x);
    if (d->y != NULL)
        cudnnDestroyTensorDescriptor(d->y);
    if (d->w != NULL)
        cudnnDestroyFilterDescriptor(d->w);
    if (d->conv != NULL)
        cudnnDestroyConvolutionDescriptor(d->conv);
}

// The first failure of what it is given.
static bool ok(cudnnStatus_t *first, cudnnStatus_t status) {
    if (*first == CUDNN_STATUS_SUCCESS)
        *first = status;
    return *first == CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t open_descriptors(const v2s_device *dev, const v2s_conv2d_args *a,
                                      descriptors *d) {
    cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
    cudnnMathType_t math =
        dev->precision == V2S_PRECISION_F32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
    bool made = ok(&status, cudnnCreateTensorDescriptor(&d->x)) &&
                ok(&status, cudnnCreateTensorDescriptor(&d->y)) &&
                ok(&status, cudnnCreateFilterDescriptor(&d->w)) &&
                ok(&status, cudnnCreateConvolutionDescriptor(&d->conv));
    if (made &&
        ok(&status, cudnnSetTensor4dDescriptor(d->x, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, a->N,
                                               a->C, a->H, a->W)) &&
        ok(&status, cudnnSetTensor4dDescriptor(d->y, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, a->N,
                                               a->O, a->H, a->W)) &&
        ok(&status, cudnnSetFilter4dDescriptor(d->w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, a->O,
                                               a->C, a->KH, a->KW)) &&
        ok(&status, cudnnSetConvolution2dDescriptor(d->conv, a->KH / 2, a->KW / 2, 1, 1, 1, 1,
                                                    CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT)))
        ok(&status, cudnnSetConvolutionMathType(d->conv, math));
    return status;
}

// The first of cuDNN's proposals that is deterministic and small enough.
template <typename Found, typename SizeOf>
static void pick(const Found *found, int count, SizeOf size_of, v2s_conv2d_plan *plan) {
    for (int i = 0; i < count; i++) {
        size_t bytes = 0;
        if (found[i].status != CUDNN_STATUS_SUCCESS ||
            found[i].determinism != CUDNN_DETERMINISTIC ||
            size_of(found[i].algo, &bytes) != CUDNN_STATUS_SUCCESS || bytes > workspace_max)
            continue;
        plan->algorithm = (int)found[i].algo;
        plan->workspace = bytes;
        plan->refused = false;
        return;
    }
}

static void find_forward(cudnnHandle_t dnn, const descriptors &d, v2s_conv2d_plan *plan) {
    cudnnConvolutionFwdAlgoPerf_t found[CUDNN_CONVOLUTION_FWD_ALGO_COUNT];
    int count = 0;
    if (cudnnGetConvolutionForwardAlgorithm_v7(dnn, d.x, d.w, d.conv, d.y,
                                               CUDNN_CONVOLUTION_FWD_ALGO_COUNT, &count,
                                               found) != CUDNN_STATUS_SUCCESS)
        return;
    auto size_of = [&](cudnnConvolutionFwdAlgo_t algorithm, size_t *bytes) {
        return cudnnGetConvolutionForwardWorkspaceSize(dnn, d.x, d.w, d.conv, d.y, algorithm,
                                                       bytes);
    };
    pick(found, count, size_of, plan);
}

static void find_input(cudnnHandle_t dnn, const descriptors &d, v2s_conv2d_plan *plan) {
    cudnnConvolutionBwdDataAlgoPerf_t found[CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT];
    int count = 0;
    if (cudnnGetConvolutionBackwardDataAlgorithm_v7(dnn, d.w, d.y, d.conv, d.x,
                                                    CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, &count,
                                                    found) != CUDNN_STATUS_SUCCESS)
        return;
    auto size_of = [&](cudnnConvolutionBwdDataAlgo_t algorithm, size_t *bytes) {
        return cudnnGetConvolutionBackwardDataWorkspaceSize(dnn, d.w, d.y, d.conv, d.x, algorithm,
                                                            bytes);
    };
    pick(found, count, size_of, plan);
}

static void find_weight(cudnnHandle_t dnn, const descriptors &d, v2s_conv2d_plan *plan) {
    cudnnConvolutionBwdFilterAlgoPerf_t found[CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT];
    int count = 0;
    if (cudnnGetConvolutionBackwardFilterAlgorithm_v7(dnn, d.x, d.y, d.conv, d.w,
                                                      CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT,
                                                      &count, found) != CUDNN_STATUS_SUCCESS)
        return;
    auto size_of = [&](cudnnConvolutionBwdFilterAlgo_t algorithm, size_t *bytes) {
        return cudnnGetConvolutionBackwardFilterWorkspaceSize(dnn, d.x, d.y, d.conv, d.w, algorithm,
                                                              bytes);
    };
    pick(found, count, size_of, plan);
}

v2s_conv2d_plan v2s_conv2d_dnn_plan(const v2s_device *dev, const v2s_conv2d_args *a,
                                    v2s_conv2d_pass pass) {
    v2s_conv2d_state *state = dev->cuda->conv2d;
    v2s_conv2d_plan plan = {pass, {a->N, a->C, a->O, a->H, a->W, a->KH, a->KW}, true, 0, 0};
    for (size_t i = 0; i < state->asked && i < V2S_CONV2D_PLANS; i++)
        if (state->plans[i].pass == pass &&
            memcmp(state->plans[i].shape, plan.shape, sizeof plan.shape) == 0)
            return state->plans[i];
    cudnnHandle_t dnn = (cudnnHandle_t)v2s_cuda_dnn(dev);
    descriptors d = {};
    if (dnn != NULL && open_descriptors(dev, a, &d) == CUDNN_STATUS_SUCCESS) {
        if (pass == V2S_CONV2D_FORWARD)
            find_forward(dnn, d, &plan);
        else if (pass == V2S_CONV2D_INPUT)
            find_input(dnn, d, &plan);
        else
            find_weight(dnn, d, &plan);
    }
    close_descriptors(&d);
    state->plans[state->asked++ % V2S_CONV2D_PLANS] = plan;
    return plan;
}

void v2s_conv2d_dnn_run(const v2s_device *dev, const v2s_conv2d_args *a,
                        const v2s_conv2d_dnn_call *c) {
    const float one = 1.0f;
    const v2s_conv2d_plan *p = &c->plan;
    cudnnHandle_t dnn = (cudnnHandle_t)dev->cuda->dnn;
    descriptors d = {};
    cudnnStatus_t status = open_descriptors(dev, a, &d);
    if (status == CUDNN_STATUS_SUCCESS && p->pass == V2S_CONV2D_FORWARD)
        status = cudnnConvolutionForward(dnn, &one, d.x, c->x, d.w, c->w, d.conv,
                                         (cudnnConvolutionFwdAlgo_t)p->algorithm, c->workspace,
                                         p->workspace, &c->beta, d.y, c->to);
    else if (status == CUDNN_STATUS_SUCCESS && p->pass == V2S_CONV2D_INPUT)
        status = cudnnConvolutionBackwardData(dnn, &one, d.w, c->w, d.y, c->dy, d.conv,
                                              (cudnnConvolutionBwdDataAlgo_t)p->algorithm,
                                              c->workspace, p->workspace, &c->beta, d.x, c->to);
    else if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnConvolutionBackwardFilter(dnn, &one, d.x, c->x, d.y, c->dy, d.conv,
                                                (cudnnConvolutionBwdFilterAlgo_t)p->algorithm,
                                                c->workspace, p->workspace, &c->beta, d.w, c->to);
    close_descriptors(&d);
    if (status == CUDNN_STATUS_SUCCESS)
        return;
    char text[V2S_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "cuDNN: conv2d: %s", cudnnGetErrorString(status));
    v2s_cuda_note_text(dev, status == CUDNN_STATUS_ALLOC_FAILED ? V2S_NOMEM : V2S_CUDA, text);
}
