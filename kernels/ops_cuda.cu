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
    .batch_norm_forward = v2s_batch_norm_forward_cuda,
    .batch_norm_scratch = v2s_batch_norm_scratch_cuda,
    .batch_norm_backward = v2s_batch_norm_backward_cuda,
    .batch_norm_backward_scratch = v2s_batch_norm_backward_scratch_cuda,
    .pool2d_forward = v2s_pool2d_forward_cuda,
    .pool2d_backward = v2s_pool2d_backward_cuda,
    .upsample2d_forward = v2s_upsample2d_forward_cuda,
    .upsample2d_backward = v2s_upsample2d_backward_cuda,
    .softmax_forward = v2s_softmax_forward_cuda,
    .softmax_backward = v2s_softmax_backward_cuda,
    .reduce_forward = v2s_reduce_forward_cuda,
    .reduce_scratch = v2s_reduce_scratch_cuda,
    .reduce_backward = v2s_reduce_backward_cuda,
    .random_fill = v2s_random_fill_cuda,
};
