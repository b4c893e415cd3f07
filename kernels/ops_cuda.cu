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
    .linear_forward = v2s_linear_forward_cuda,
    .linear_scratch = v2s_linear_scratch_cuda,
    .linear_backward = v2s_linear_backward_cuda,
    .linear_backward_scratch = v2s_linear_backward_scratch_cuda,
    .activation_forward = v2s_activation_forward_cuda,
    .activation_backward = v2s_activation_backward_cuda,
    .elementwise_forward = v2s_elementwise_forward_cuda,
    .elementwise_backward = v2s_elementwise_backward_cuda,
    .loss_open = v2s_loss_open_cuda,
    .loss_run = v2s_loss_run_cuda,
    .loss_close = v2s_loss_close_cuda,
    .stft_open = v2s_stft_batch_open_cuda,
    .stft_forward = v2s_stft_batch_forward_cuda,
    .stft_backward = v2s_stft_batch_backward_cuda,
    .istft_forward = v2s_istft_batch_forward_cuda,
    .istft_backward = v2s_istft_batch_backward_cuda,
    .stft_close = v2s_stft_batch_close_cuda,
};
