// SPDX-License-Identifier: MIT
// cuDNN's handles and descriptors.
#include <stdio.h>

#include "cudnn_types.h"

using namespace v2s_emulation;

void v2s_emulation::cudnn_check_place(const char *name, const void *data, size_t count) {
    if (place_of(data) == PAGEABLE)
        report("cuDNN: %s (%p) is ordinary host memory", name, data);
    if (!range_ok(data, count * sizeof(float)))
        report("cuDNN: %s reaches beyond its device memory (%zu floats from %p)", name, count,
               data);
}

cudnnStatus_t v2s_emulation::cudnn_queue(cudnnHandle_t handle, void *workspace,
                                         size_t workspace_size, std::function<void()> work) {
    if (workspace_size)
        cudnn_check_place("the workspace", workspace, workspace_size / sizeof(float));
    if (first_use_spoils_capture(handle->used, handle->stream))
        return CUDNN_STATUS_EXECUTION_FAILED;
    cudaError_t error = enqueue(handle->stream, [workspace, workspace_size, work]() {
        if (workspace_size)
            memset(workspace, 0xFF, workspace_size);
        work();
    });
    return error == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

size_t cudnnGetVersion(void) {
    return CUDNN_VERSION;
}

size_t cudnnGetCudartVersion(void) {
    return CUDART_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t status) {
    switch (status) {
#define V2S_NAME(name, value)                                                                      \
    case name:                                                                                     \
        return #name;
        V2S_EMULATED_CUDNN_STATUS(V2S_NAME)
#undef V2S_NAME
    }
    return "CUDNN_UNKNOWN_STATUS";
}

void cudnnGetLastErrorString(char *message, size_t max_size) {
    snprintf(message, max_size, "%s", "");
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
    locked guard;
    if (device_ready() != cudaSuccess || forbid_while_capturing() != cudaSuccess)
        return CUDNN_STATUS_NOT_INITIALIZED;
    *handle = new cudnnContext;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetStream(cudnnHandle_t handle, cudaStream_t *stream) {
    *stream = handle->stream;
    return CUDNN_STATUS_SUCCESS;
}

#define V2S_DESCRIPTOR(name, type)                                                                 \
    cudnnStatus_t cudnnCreate##name(type *made) {                                                  \
        *made = new std::remove_pointer_t<type>;                                                   \
        return CUDNN_STATUS_SUCCESS;                                                               \
    }                                                                                              \
    V2S_DESTROY(name, type)
#define V2S_DESTROY(name, type)                                                                    \
    cudnnStatus_t cudnnDestroy##name(type old) {                                                   \
        delete old;                                                                                \
        return CUDNN_STATUS_SUCCESS;                                                               \
    }
V2S_DESTROY(, cudnnHandle_t)
V2S_DESCRIPTOR(TensorDescriptor, cudnnTensorDescriptor_t)
V2S_DESCRIPTOR(FilterDescriptor, cudnnFilterDescriptor_t)
V2S_DESCRIPTOR(DropoutDescriptor, cudnnDropoutDescriptor_t)
V2S_DESCRIPTOR(ConvolutionDescriptor, cudnnConvolutionDescriptor_t)

cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t tensor, cudnnDataType_t type,
                                         int dims, const int size[], const int stride[]) {
    if (dims < 3 || dims > 8)
        return CUDNN_STATUS_BAD_PARAM;
    for (int i = 0; i < dims; i++)
        if (size[i] < 1 || stride[i] < 1)
            return CUDNN_STATUS_BAD_PARAM;
    tensor->type = type;
    tensor->size.assign(size, size + dims);
    tensor->stride.assign(stride, stride + dims);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetTensorNdDescriptor(cudnnTensorDescriptor_t tensor, int dims_requested,
                                         cudnnDataType_t *type, int *dims, int size[],
                                         int stride[]) {
    *type = tensor->type;
    *dims = (int)tensor->size.size();
    for (int i = 0; i < dims_requested && i < *dims; i++) {
        size[i] = tensor->size[(size_t)i];
        stride[i] = tensor->stride[(size_t)i];
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t tensor, cudnnDataType_t type,
                                           int n, int c, int h, int w, int n_stride, int c_stride,
                                           int h_stride, int w_stride) {
    const int size[] = {n, c, h, w}, stride[] = {n_stride, c_stride, h_stride, w_stride};
    return cudnnSetTensorNdDescriptor(tensor, type, 4, size, stride);
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
    if (format == CUDNN_TENSOR_NHWC)
        return cudnnSetTensor4dDescriptorEx(tensor, type, n, c, h, w, h * w * c, 1, w * c, c);
    return cudnnSetTensor4dDescriptorEx(tensor, type, n, c, h, w, c * h * w, h * w, w, 1);
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
    if (k < 1 || c < 1 || h < 1 || w < 1)
        return CUDNN_STATUS_BAD_PARAM;
    if (format != CUDNN_TENSOR_NCHW || type != CUDNN_DATA_FLOAT)
        return CUDNN_STATUS_NOT_SUPPORTED;
    *filter = cudnnFilterStruct{type, k, c, h, w};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDropoutGetStatesSize(cudnnHandle_t, size_t *size) {
    *size = 256;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t dropout, cudnnHandle_t, float rate,
                                        void *, size_t, unsigned long long) {
    if (rate != 0.0f)
        return CUDNN_STATUS_NOT_SUPPORTED;
    dropout->rate = rate;
    return CUDNN_STATUS_SUCCESS;
}
