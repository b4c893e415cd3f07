// SPDX-License-Identifier: MIT
// cuDNN's two-dimensional convolution and its gradients, in float:
//
//   y[n,k,p,q] = sum over c, i, j of x[n, c, p sh - ph + i dh, q sw - pw + j dw] w[k,c,i,j]
#include <algorithm>

#include "cudnn_types.h"

using namespace v2s_emulation;

namespace {

struct view { // of a tensor [n,c,h,w]
    float *data;
    int n, c, h, w;
    int ns, cs, hs, ws;
    float &at(int in, int ic, int ih, int iw) const {
        return data[(size_t)in * (size_t)ns + (size_t)ic * (size_t)cs + (size_t)ih * (size_t)hs +
                    (size_t)iw * (size_t)ws];
    }
    size_t extent() const {
        return (size_t)(n - 1) * (size_t)ns + (size_t)(c - 1) * (size_t)cs +
               (size_t)(h - 1) * (size_t)hs + (size_t)(w - 1) * (size_t)ws + 1;
    }
};

struct convolution {
    view x, w, y; // w: [k, c / groups, h, w]
    cudnnConvolutionStruct how;
    float alpha, beta;
};

view view_of(cudnnTensorDescriptor_t t, const void *data) {
    const std::vector<int> &size = t->size, &stride = t->stride;
    return view{(float *)data, size[0],   size[1],   size[2],  size[3],
                stride[0],     stride[1], stride[2], stride[3]};
}

view view_of(cudnnFilterDescriptor_t f, const void *data) {
    return view{(float *)data, f->k, f->c, f->h, f->w, f->c * f->h * f->w, f->h * f->w, f->w, 1};
}

// Calls visit(p, q, c, c in its group, row, column, i, j) for every product of output channel k.
template <typename Visit> void each_product(const convolution &op, int k, Visit visit) {
    const cudnnConvolutionStruct &how = op.how;
    int first = k / (op.w.n / how.groups) * op.w.c; // channel of x
    for (int c = 0; c < op.w.c; c++)
        for (int i = 0; i < op.w.h; i++)
            for (int j = 0; j < op.w.w; j++) {
                int wi = how.flipped ? op.w.h - 1 - i : i, wj = how.flipped ? op.w.w - 1 - j : j;
                for (int p = 0; p < op.y.h; p++) {
                    int row = p * how.stride_h - how.pad_h + i * how.dilation_h;
                    if (row < 0 || row >= op.x.h)
                        continue;
                    for (int q = 0; q < op.y.w; q++) {
                        int column = q * how.stride_w - how.pad_w + j * how.dilation_w;
                        if (column >= 0 && column < op.x.w)
                            visit(p, q, first + c, c, row, column, wi, wj);
                    }
                }
            }
}

float exactly(const convolution &op, float value) {
    return tf32_unless(value, op.how.math == CUDNN_FMA_MATH);
}

void blend(const convolution &op, float &out, double sum) {
    out = (float)(op.alpha * sum + (op.beta == 0.0f ? 0.0 : (double)op.beta * out));
}

void forward(const convolution &op) {
    std::vector<double> sums((size_t)op.y.h * (size_t)op.y.w);
    for (int n = 0; n < op.y.n; n++)
        for (int k = 0; k < op.y.c; k++) {
            std::fill(sums.begin(), sums.end(), 0.0);
            each_product(op, k, [&](int p, int q, int xc, int c, int row, int col, int i, int j) {
                sums[(size_t)(p * op.y.w + q)] += (double)exactly(op, op.x.at(n, xc, row, col)) *
                                                  exactly(op, op.w.at(k, c, i, j));
            });
            for (int p = 0; p < op.y.h; p++)
                for (int q = 0; q < op.y.w; q++)
                    blend(op, op.y.at(n, k, p, q), sums[(size_t)(p * op.y.w + q)]);
        }
}

void backward_data(const convolution &op) {
    size_t plane = (size_t)op.x.h * (size_t)op.x.w;
    std::vector<double> sums((size_t)op.x.c * plane);
    for (int n = 0; n < op.x.n; n++) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int k = 0; k < op.y.c; k++)
            each_product(op, k, [&](int p, int q, int xc, int c, int row, int col, int i, int j) {
                sums[(size_t)xc * plane + (size_t)(row * op.x.w + col)] +=
                    (double)exactly(op, op.y.at(n, k, p, q)) * exactly(op, op.w.at(k, c, i, j));
            });
        for (int c = 0; c < op.x.c; c++)
            for (int row = 0; row < op.x.h; row++)
                for (int col = 0; col < op.x.w; col++)
                    blend(op, op.x.at(n, c, row, col),
                          sums[(size_t)c * plane + (size_t)(row * op.x.w + col)]);
    }
}

void backward_filter(const convolution &op) {
    std::vector<double> sums(op.w.extent(), 0.0);
    for (int n = 0; n < op.x.n; n++)
        for (int k = 0; k < op.y.c; k++)
            each_product(op, k, [&](int p, int q, int xc, int c, int row, int col, int i, int j) {
                sums[(size_t)(&op.w.at(k, c, i, j) - op.w.data)] +=
                    (double)exactly(op, op.y.at(n, k, p, q)) *
                    exactly(op, op.x.at(n, xc, row, col));
            });
    for (size_t i = 0; i < sums.size(); i++)
        blend(op, op.w.data[i], sums[i]);
}

int output_size(int in, int pad, int filter, int dilation, int stride) {
    return 1 + (in + 2 * pad - (dilation * (filter - 1) + 1)) / stride;
}

cudnnStatus_t settle(cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t x_desc,
                     cudnnFilterDescriptor_t w_desc, cudnnTensorDescriptor_t y_desc, const void *x,
                     const void *w, const void *y, convolution &op) {
    if (!conv || !x_desc || !w_desc || !y_desc)
        return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    if (x_desc->size.size() != 4 || y_desc->size.size() != 4 || x_desc->type != CUDNN_DATA_FLOAT ||
        y_desc->type != CUDNN_DATA_FLOAT)
        return CUDNN_STATUS_NOT_SUPPORTED;
    if (((uintptr_t)x | (uintptr_t)w | (uintptr_t)y) % 16 != 0)
        return CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER;
    op.x = view_of(x_desc, x);
    op.w = view_of(w_desc, w);
    op.y = view_of(y_desc, y);
    op.how = *conv;
    bool fits =
        op.x.n == op.y.n && op.x.c == op.w.c * conv->groups && op.y.c == op.w.n &&
        op.w.n % conv->groups == 0 &&
        op.y.h == output_size(op.x.h, conv->pad_h, op.w.h, conv->dilation_h, conv->stride_h) &&
        op.y.w == output_size(op.x.w, conv->pad_w, op.w.w, conv->dilation_w, conv->stride_w);
    return fits ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
}

// Algorithm 0 needs no workspace; the others get one that they spoil.
size_t workspace_bytes(int algo, cudnnFilterDescriptor_t w) {
    return algo == 0 ? 0 : 1024 + (size_t)w->c * (size_t)w->h * (size_t)w->w * 128;
}

cudnnStatus_t run(cudnnHandle_t handle, convolution op, const void *alpha, const void *beta,
                  int algo, cudnnFilterDescriptor_t w_desc, void *workspace, size_t workspace_size,
                  void (*work)(const convolution &)) {
    if (workspace_size < workspace_bytes(algo, w_desc))
        return CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT;
    op.alpha = *(const float *)alpha;
    op.beta = *(const float *)beta;
    cudnn_check_place("the image", op.x.data, op.x.extent());
    cudnn_check_place("the filter", op.w.data, op.w.extent());
    cudnn_check_place("the output", op.y.data, op.y.extent());
    return cudnn_queue(handle, workspace, workspace_size, [op, work]() { work(op); });
}

template <typename Perf, typename Algo>
cudnnStatus_t list(cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t w, int requested,
                   int *returned, Perf *results, std::initializer_list<Algo> algos,
                   bool zero_is_deterministic) {
    *returned = 0;
    for (Algo algo : algos) {
        if (*returned == requested)
            break;
        Perf &perf = results[(*returned)++];
        memset(&perf, 0, sizeof perf);
        perf.algo = algo;
        perf.memory = workspace_bytes(algo, w);
        perf.determinism =
            algo != 0 || zero_is_deterministic ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
        perf.mathType = conv->math;
    }
    return CUDNN_STATUS_SUCCESS;
}

} // namespace

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t conv, cudnnMathType_t math) {
    conv->math = math;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t conv, int groups) {
    if (groups < 1)
        return CUDNN_STATUS_BAD_PARAM;
    conv->groups = groups;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t conv, int pad_h,
                                              int pad_w, int stride_h, int stride_w, int dilation_h,
                                              int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
    if (pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1)
        return CUDNN_STATUS_BAD_PARAM;
    if (type != CUDNN_DATA_FLOAT)
        return CUDNN_STATUS_NOT_SUPPORTED;
    conv->pad_h = pad_h;
    conv->pad_w = pad_w;
    conv->stride_h = stride_h;
    conv->stride_w = stride_w;
    conv->dilation_h = dilation_h;
    conv->dilation_w = dilation_w;
    conv->flipped = mode == CUDNN_CONVOLUTION;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolution2dForwardOutputDim(cudnnConvolutionDescriptor_t conv,
                                                    cudnnTensorDescriptor_t x,
                                                    cudnnFilterDescriptor_t w, int *n, int *c,
                                                    int *height, int *width) {
    *n = x->size[0];
    *c = w->k;
    *height = output_size(x->size[2], conv->pad_h, w->h, conv->dilation_h, conv->stride_h);
    *width = output_size(x->size[3], conv->pad_w, w->w, conv->dilation_w, conv->stride_w);
    return *height > 0 && *width > 0 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t,
                                                     cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t conv,
                                                     cudnnTensorDescriptor_t, int requested,
                                                     int *returned,
                                                     cudnnConvolutionFwdAlgoPerf_t *results) {
    return list(conv, w, requested, returned, results,
                {CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_GEMM,
                 CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM},
                true);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
    cudnnHandle_t, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t,
    cudnnConvolutionDescriptor_t conv, cudnnTensorDescriptor_t, int requested, int *returned,
    cudnnConvolutionBwdDataAlgoPerf_t *results) {
    return list(conv, w, requested, returned, results,
                {CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1}, false);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    cudnnHandle_t, cudnnTensorDescriptor_t, cudnnTensorDescriptor_t,
    cudnnConvolutionDescriptor_t conv, cudnnFilterDescriptor_t dw, int requested, int *returned,
    cudnnConvolutionBwdFilterAlgoPerf_t *results) {
    return list(conv, dw, requested, returned, results,
                {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1}, false);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(
    cudnnHandle_t, cudnnTensorDescriptor_t, cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t,
    cudnnTensorDescriptor_t, cudnnConvolutionFwdAlgo_t algo, size_t *size) {
    *size = workspace_bytes(algo, w);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
    cudnnHandle_t, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t, cudnnConvolutionDescriptor_t,
    cudnnTensorDescriptor_t, cudnnConvolutionBwdDataAlgo_t algo, size_t *size) {
    *size = workspace_bytes(algo, w);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t, cudnnTensorDescriptor_t, cudnnTensorDescriptor_t, cudnnConvolutionDescriptor_t,
    cudnnFilterDescriptor_t dw, cudnnConvolutionBwdFilterAlgo_t algo, size_t *size) {
    *size = workspace_bytes(algo, dw);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha,
                                      cudnnTensorDescriptor_t x_desc, const void *x,
                                      cudnnFilterDescriptor_t w_desc, const void *w,
                                      cudnnConvolutionDescriptor_t conv,
                                      cudnnConvolutionFwdAlgo_t algo, void *workspace,
                                      size_t workspace_size, const void *beta,
                                      cudnnTensorDescriptor_t y_desc, void *y) {
    locked guard;
    convolution op;
    cudnnStatus_t status = settle(conv, x_desc, w_desc, y_desc, x, w, y, op);
    return status != CUDNN_STATUS_SUCCESS
               ? status
               : run(handle, op, alpha, beta, algo, w_desc, workspace, workspace_size, forward);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha,
                                           cudnnFilterDescriptor_t w_desc, const void *w,
                                           cudnnTensorDescriptor_t dy_desc, const void *dy,
                                           cudnnConvolutionDescriptor_t conv,
                                           cudnnConvolutionBwdDataAlgo_t algo, void *workspace,
                                           size_t workspace_size, const void *beta,
                                           cudnnTensorDescriptor_t dx_desc, void *dx) {
    locked guard;
    convolution op;
    cudnnStatus_t status = settle(conv, dx_desc, w_desc, dy_desc, dx, w, dy, op);
    return status != CUDNN_STATUS_SUCCESS ? status
                                          : run(handle, op, alpha, beta, algo, w_desc, workspace,
                                                workspace_size, backward_data);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha,
                                             cudnnTensorDescriptor_t x_desc, const void *x,
                                             cudnnTensorDescriptor_t dy_desc, const void *dy,
                                             cudnnConvolutionDescriptor_t conv,
                                             cudnnConvolutionBwdFilterAlgo_t algo, void *workspace,
                                             size_t workspace_size, const void *beta,
                                             cudnnFilterDescriptor_t dw_desc, void *dw) {
    locked guard;
    convolution op;
    cudnnStatus_t status = settle(conv, x_desc, dw_desc, dy_desc, x, dw, dy, op);
    return status != CUDNN_STATUS_SUCCESS ? status
                                          : run(handle, op, alpha, beta, algo, dw_desc, workspace,
                                                workspace_size, backward_filter);
}

cudnnStatus_t cudnnConvolutionBackwardBias(cudnnHandle_t handle, const void *alpha,
                                           cudnnTensorDescriptor_t dy_desc, const void *dy,
                                           const void *beta, cudnnTensorDescriptor_t db_desc,
                                           void *db) {
    locked guard;
    if (dy_desc->size.size() != 4 || db_desc->size.size() != 4 ||
        db_desc->size[1] != dy_desc->size[1])
        return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
    view from = view_of(dy_desc, dy), to = view_of(db_desc, db);
    convolution op = {};
    op.alpha = *(const float *)alpha;
    op.beta = *(const float *)beta;
    cudnn_check_place("dy", dy, from.extent());
    cudnn_check_place("db", db, to.extent());
    return cudnn_queue(handle, nullptr, 0, [=]() {
        for (int c = 0; c < from.c; c++) {
            double sum = 0.0;
            for (int n = 0; n < from.n; n++)
                for (int h = 0; h < from.h; h++)
                    for (int w = 0; w < from.w; w++)
                        sum += from.at(n, c, h, w);
            blend(op, to.at(0, c, 0, 0), sum);
        }
    });
}
