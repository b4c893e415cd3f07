// SPDX-License-Identifier: MIT
// The table of the CUDA forms.
#include "kernels/cuda.cuh"

extern "C" const v2s_ops v2s_ops_cuda_table = {
    .name = "cuda",
    .memory = &v2s_memory_cuda,
    .activation_forward = v2s_activation_forward_cuda,
    .activation_backward = v2s_activation_backward_cuda,
    .elementwise_forward = v2s_elementwise_forward_cuda,
    .elementwise_backward = v2s_elementwise_backward_cuda,
    .loss_band = v2s_loss_band_cuda,
    .loss_band_scratch = v2s_loss_band_scratch_cuda,
};
