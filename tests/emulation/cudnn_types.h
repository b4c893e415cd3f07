// SPDX-License-Identifier: MIT
// What lies behind cuDNN's handles in the emulation.
#ifndef V2S_EMULATION_CUDNN_TYPES_H
#define V2S_EMULATION_CUDNN_TYPES_H

#include <cudnn.h>
#include <string.h>
#include <vector>

#include "emulated_math.h"
#include "emulation.h"

struct cudnnContext {
    cudaStream_t stream = nullptr;
    bool used = false;
};

struct cudnnTensorStruct {
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    std::vector<int> size, stride;
};

struct cudnnFilterStruct {
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    int k = 0, c = 0, h = 0, w = 0; // contiguous in this order
};

struct cudnnConvolutionStruct {
    int pad_h = 0, pad_w = 0, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
    bool flipped = false; // true convolution
    int groups = 1;
    cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

struct cudnnDropoutStruct {
    float rate = 0.0f;
};

namespace v2s_emulation {

// cuDNN's default arithmetic on floats allows TF32; only CUDNN_FMA_MATH does not.
static inline float tf32_unless(float value, bool exact) {
    return exact ? value : __uint_as_float((__float_as_uint(value) + 0x1000u) & ~0x1fffu);
}

// Ends the process where `count` floats from `data` cannot be reached by a device.
void cudnn_check_place(const char *name, const void *data, size_t count);

// Queues work that spoils its workspace first.
cudnnStatus_t cudnn_queue(cudnnHandle_t handle, void *workspace, size_t workspace_size,
                          std::function<void()> work);

} // namespace v2s_emulation

#endif
