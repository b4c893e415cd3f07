// SPDX-License-Identifier: MIT
// The table of the definitions.
#include "kernels/ops.h"

const v2s_ops v2s_ops_scalar = {
    .name = "scalar",
    .memory = &v2s_memory_cpu,
    .conv1d_forward = v2s_conv1d_forward,
    .conv1d_scratch = v2s_conv1d_scratch,
    .conv1d_backward = v2s_conv1d_backward,
    .conv1d_backward_scratch = v2s_conv1d_backward_scratch,
    .gru_forward = v2s_gru_forward,
    .gru_scratch = v2s_gru_scratch,
    .gru_packed_size = v2s_gru_packed_size,
    .gru_pack = v2s_gru_pack,
    .gru_saved_size = v2s_gru_saved_size,
    .gru_backward = v2s_gru_backward,
    .gru_backward_scratch = v2s_gru_backward_scratch,
    .linear_forward = v2s_linear_forward,
    .linear_scratch = v2s_linear_scratch,
    .linear_backward = v2s_linear_backward,
    .linear_backward_scratch = v2s_linear_backward_scratch,
    .optim_step = v2s_optim_step,
    .grad_norm = v2s_grad_norm,
    .ema_update = v2s_ema_update,
    .activation_forward = v2s_activation_forward,
    .activation_backward = v2s_activation_backward,
    .elementwise_forward = v2s_elementwise_forward,
    .elementwise_backward = v2s_elementwise_backward,
    .loss_band = v2s_loss_band,
    .loss_band_scratch = v2s_loss_band_scratch,
};
