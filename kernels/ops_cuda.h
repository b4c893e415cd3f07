// SPDX-License-Identifier: MIT
// The CUDA forms of the operations; contracts in <op>.h, sources in <op>.cu, table in ops_cuda.cu.
#ifndef V2S_KERNELS_OPS_CUDA_H
#define V2S_KERNELS_OPS_CUDA_H

#include "kernels/device.h"

extern const v2s_memory_ops v2s_memory_cuda;
extern const v2s_ops v2s_ops_cuda_table;

void v2s_activation_forward_cuda(const v2s_device *dev, const v2s_activation_args *a,
                                 v2s_arena *scratch);
void v2s_activation_backward_cuda(const v2s_device *dev, const v2s_activation_args *a,
                                  v2s_arena *scratch);

void v2s_elementwise_forward_cuda(const v2s_device *dev, const v2s_elementwise_args *a,
                                  v2s_arena *scratch);
void v2s_elementwise_backward_cuda(const v2s_device *dev, const v2s_elementwise_args *a,
                                   v2s_arena *scratch);

void v2s_loss_band_cuda(const v2s_device *dev, const v2s_loss_band_args *a, v2s_arena *scratch);
size_t v2s_loss_band_scratch_cuda(const v2s_device *dev, const v2s_loss_band_args *a);

#endif
