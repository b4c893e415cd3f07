// SPDX-License-Identifier: MIT
// The CUDA forms of the operations; contracts in <op>.h, sources in <op>.cu, table in ops_cuda.cu.
#ifndef V2S_KERNELS_OPS_CUDA_H
#define V2S_KERNELS_OPS_CUDA_H

#include "kernels/device.h"

extern const v2s_memory_ops v2s_memory_cuda;
extern const v2s_ops v2s_ops_cuda_table;

void v2s_conv1d_forward_cuda(const v2s_device *dev, const v2s_conv1d_args *a, v2s_arena *scratch);
size_t v2s_conv1d_scratch_cuda(const v2s_device *dev, const v2s_conv1d_args *a);
void v2s_conv1d_backward_cuda(const v2s_device *dev, const v2s_conv1d_backward_args *a,
                              v2s_arena *scratch);
size_t v2s_conv1d_backward_scratch_cuda(const v2s_device *dev, const v2s_conv1d_backward_args *a);

void v2s_gru_forward_cuda(const v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch);
size_t v2s_gru_scratch_cuda(const v2s_device *dev, const v2s_gru_args *a);
size_t v2s_gru_packed_size_cuda(const v2s_device *dev, int C, int H);
void v2s_gru_pack_cuda(const v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                       void *packed);
size_t v2s_gru_saved_size_cuda(const v2s_device *dev, const v2s_gru_args *a);
void v2s_gru_backward_cuda(const v2s_device *dev, const v2s_gru_backward_args *a,
                           v2s_arena *scratch);
size_t v2s_gru_backward_scratch_cuda(const v2s_device *dev, const v2s_gru_backward_args *a);

void v2s_linear_forward_cuda(const v2s_device *dev, const v2s_linear_args *a, v2s_arena *scratch);
size_t v2s_linear_scratch_cuda(const v2s_device *dev, const v2s_linear_args *a);
void v2s_linear_backward_cuda(const v2s_device *dev, const v2s_linear_backward_args *a,
                              v2s_arena *scratch);
size_t v2s_linear_backward_scratch_cuda(const v2s_device *dev, const v2s_linear_backward_args *a);

void v2s_activation_forward_cuda(const v2s_device *dev, const v2s_activation_args *a,
                                 v2s_arena *scratch);
void v2s_activation_backward_cuda(const v2s_device *dev, const v2s_activation_args *a,
                                  v2s_arena *scratch);

void v2s_elementwise_forward_cuda(const v2s_device *dev, const v2s_elementwise_args *a,
                                  v2s_arena *scratch);
void v2s_elementwise_backward_cuda(const v2s_device *dev, const v2s_elementwise_args *a,
                                   v2s_arena *scratch);

#endif
