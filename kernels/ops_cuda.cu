// SPDX-License-Identifier: MIT
// The table of the CUDA forms.
#include "kernels/cuda.cuh"

extern "C" const v2s_ops v2s_ops_cuda_table = {
    .name = "cuda",
    .memory = &v2s_memory_cuda,
    .conv1d_forward = v2s_conv1d_forward_cuda,
    .conv1d_scratch = v2s_conv1d_scratch_cuda,
    .conv1d_backward = v2s_conv1d_backward_cuda,
    .conv1d_backward_scratch = v2s_conv1d_backward_scratch_cuda,
    .gru_forward = v2s_gru_forward_cuda,
    .gru_scratch = v2s_gru_scratch_cuda,
    .gru_packed_size = v2s_gru_packed_size_cuda,
    .gru_pack = v2s_gru_pack_cuda,
    .gru_saved_size = v2s_gru_saved_size_cuda,
    .gru_backward = v2s_gru_backward_cuda,
    .gru_backward_scratch = v2s_gru_backward_scratch_cuda,
    .linear_forward = v2s_linear_forward_cuda,
    .linear_scratch = v2s_linear_scratch_cuda,
    .linear_backward = v2s_linear_backward_cuda,
    .linear_backward_scratch = v2s_linear_backward_scratch_cuda,
    .activation_forward = v2s_activation_forward_cuda,
    .activation_backward = v2s_activation_backward_cuda,
    .elementwise_forward = v2s_elementwise_forward_cuda,
    .elementwise_backward = v2s_elementwise_backward_cuda,
};
