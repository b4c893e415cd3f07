// SPDX-License-Identifier: MIT
// The CUDA forms of the operations; contracts in <op>.h, sources in <op>.cu, table in ops_cuda.cu.
#ifndef V2S_KERNELS_OPS_CUDA_H
#define V2S_KERNELS_OPS_CUDA_H

#include "kernels/device.h"

extern const v2s_memory_ops v2s_memory_cuda;
extern const v2s_group_ops v2s_group_cuda;
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

void v2s_optim_step_cuda(const v2s_device *dev, const v2s_optim_args *a);
double v2s_grad_norm_cuda(const v2s_device *dev, const float *grad, size_t count);
void v2s_ema_update_cuda(const v2s_device *dev, const v2s_ema_args *a);
void v2s_total_cuda(const v2s_device *dev, size_t count, const double *values, double *sum);
void v2s_optim_update_cuda(const v2s_device *dev, const v2s_optim_update_args *a,
                           v2s_arena *scratch);
size_t v2s_optim_update_scratch_cuda(const v2s_device *dev, const v2s_optim_update_args *a);

void v2s_loss_band_cuda(const v2s_device *dev, const v2s_loss_band_args *a, v2s_arena *scratch);
size_t v2s_loss_band_scratch_cuda(const v2s_device *dev, const v2s_loss_band_args *a);

v2s_status v2s_loss_open_cuda(const v2s_device *dev, const v2s_loss_config *config, v2s_loss **out);
void v2s_loss_run_cuda(const v2s_device *dev, v2s_loss *loss, const v2s_loss_args *a);
void v2s_loss_close_cuda(const v2s_device *dev, v2s_loss **loss);

v2s_status v2s_stft_batch_open_cuda(const v2s_device *dev, const v2s_stft_batch_config *config,
                                    v2s_stft_batch **out);
void v2s_stft_batch_forward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                 const v2s_stft_batch_args *a);
void v2s_stft_batch_backward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                  const v2s_stft_batch_args *a);
void v2s_istft_batch_forward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                  const v2s_stft_batch_args *a);
void v2s_istft_batch_backward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                   const v2s_stft_batch_args *a);
void v2s_stft_batch_close_cuda(const v2s_device *dev, v2s_stft_batch **s);

void v2s_conv2d_forward_cuda(const v2s_device *dev, const v2s_conv2d_args *a, v2s_arena *scratch);
size_t v2s_conv2d_scratch_cuda(const v2s_device *dev, const v2s_conv2d_args *a);
void v2s_conv2d_backward_cuda(const v2s_device *dev, const v2s_conv2d_backward_args *a,
                              v2s_arena *scratch);
size_t v2s_conv2d_backward_scratch_cuda(const v2s_device *dev, const v2s_conv2d_backward_args *a);

void v2s_batch_norm_forward_cuda(const v2s_device *dev, const v2s_batch_norm_args *a,
                                 v2s_arena *scratch);
size_t v2s_batch_norm_scratch_cuda(const v2s_device *dev, const v2s_batch_norm_args *a);
void v2s_batch_norm_backward_cuda(const v2s_device *dev, const v2s_batch_norm_backward_args *a,
                                  v2s_arena *scratch);
size_t v2s_batch_norm_backward_scratch_cuda(const v2s_device *dev,
                                            const v2s_batch_norm_backward_args *a);

void v2s_pool2d_forward_cuda(const v2s_device *dev, const v2s_pool2d_args *a, v2s_arena *scratch);
void v2s_pool2d_backward_cuda(const v2s_device *dev, const v2s_pool2d_args *a, v2s_arena *scratch);

void v2s_upsample2d_forward_cuda(const v2s_device *dev, const v2s_upsample2d_args *a,
                                 v2s_arena *scratch);
void v2s_upsample2d_backward_cuda(const v2s_device *dev, const v2s_upsample2d_args *a,
                                  v2s_arena *scratch);

void v2s_softmax_forward_cuda(const v2s_device *dev, const v2s_softmax_args *a, v2s_arena *scratch);
void v2s_softmax_backward_cuda(const v2s_device *dev, const v2s_softmax_args *a,
                               v2s_arena *scratch);

void v2s_attention_forward_cuda(const v2s_device *dev, const v2s_attention_args *a,
                                v2s_arena *scratch);
size_t v2s_attention_scratch_cuda(const v2s_device *dev, const v2s_attention_args *a);
void v2s_attention_backward_cuda(const v2s_device *dev, const v2s_attention_backward_args *a,
                                 v2s_arena *scratch);
size_t v2s_attention_backward_scratch_cuda(const v2s_device *dev,
                                           const v2s_attention_backward_args *a);

void v2s_reduce_forward_cuda(const v2s_device *dev, const v2s_reduce_args *a, v2s_arena *scratch);
size_t v2s_reduce_scratch_cuda(const v2s_device *dev, const v2s_reduce_args *a);
void v2s_reduce_backward_cuda(const v2s_device *dev, const v2s_reduce_args *a, v2s_arena *scratch);

void v2s_random_fill_cuda(const v2s_device *dev, const v2s_random_args *a, v2s_arena *scratch);

void v2s_picture_to_rows_cuda(const v2s_device *dev, const v2s_picture_rows_args *a,
                              v2s_arena *scratch);
void v2s_picture_from_rows_cuda(const v2s_device *dev, const v2s_picture_rows_args *a,
                                v2s_arena *scratch);

void v2s_concat_forward_cuda(const v2s_device *dev, const v2s_concat_args *a, v2s_arena *scratch);
void v2s_concat_backward_cuda(const v2s_device *dev, const v2s_concat_args *a, v2s_arena *scratch);

void v2s_residual_forward_cuda(const v2s_device *dev, const v2s_residual_args *a,
                               v2s_arena *scratch);
void v2s_residual_backward_cuda(const v2s_device *dev, const v2s_residual_args *a,
                                v2s_arena *scratch);
size_t v2s_residual_backward_scratch_cuda(const v2s_device *dev, const v2s_residual_args *a);

void v2s_loss_depth_cuda(const v2s_device *dev, const v2s_loss_depth_args *a, v2s_arena *scratch);
size_t v2s_loss_depth_scratch_cuda(const v2s_device *dev, const v2s_loss_depth_args *a);

#endif
