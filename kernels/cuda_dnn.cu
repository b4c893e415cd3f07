// SPDX-License-Identifier: MIT
// cuDNN's handle of a device, made when it is first asked for.
#include "kernels/cuda.cuh"

#include <cudnn.h>
#include <stdio.h>

void *v2s_cuda_dnn(const v2s_device *dev) {
    v2s_cuda_state *s = dev->cuda;
    if (s->dnn != NULL)
        return s->dnn;
    cudnnHandle_t dnn = NULL;
    cudnnStatus_t status = cudnnCreate(&dnn);
    if (status == CUDNN_STATUS_SUCCESS) {
        s->dnn = dnn;
        status = cudnnSetStream(dnn, s->stream);
    }
    if (status != CUDNN_STATUS_SUCCESS) {
        char text[V2S_ERROR_TEXT_MAX];
        snprintf(text, sizeof text, "cuDNN: opening: %s", cudnnGetErrorString(status));
        v2s_cuda_note_text(dev, V2S_CUDA, text);
    }
    return s->dnn;
}

void v2s_cuda_dnn_close(v2s_cuda_state *state) {
    if (state->dnn != NULL)
        cudnnDestroy((cudnnHandle_t)state->dnn);
    state->dnn = NULL;
}
