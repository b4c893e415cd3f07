// SPDX-License-Identifier: MIT
#include "kernels/ops.h"
#include "kernels/picture_ops.h"
#include "kernels/vector.h"

// Loops that the compiler makes vectors of by itself.
#define PLAIN_OPS                                                                                  \
    .memory = &v2s_memory_cpu, .activation_forward = v2s_activation_forward,                       \
    .activation_backward = v2s_activation_backward,                                                \
    .elementwise_forward = v2s_elementwise_forward,                                                \
    .elementwise_backward = v2s_elementwise_backward, .loss_band = v2s_loss_band,                  \
    .loss_band_scratch = v2s_loss_band_scratch

// Operations that have no vector form: the definitions.
#define DEFINED_OPS                                                                                \
    .softmax_forward = v2s_softmax_forward, .softmax_backward = v2s_softmax_backward,              \
    .reduce_forward = v2s_reduce_forward, .reduce_scratch = v2s_reduce_scratch,                    \
    .reduce_backward = v2s_reduce_backward, .random_fill = v2s_random_fill

// Pictures: convolutions by oneDNN, and what stands between them.
#define PICTURE_OPS                                                                                \
    .conv2d_forward = v2s_conv2d_forward_vector, .conv2d_scratch = v2s_conv2d_scratch_vector,      \
    .conv2d_backward = v2s_conv2d_backward_vector,                                                 \
    .conv2d_backward_scratch = v2s_conv2d_backward_scratch_vector,                                 \
    .batch_norm_forward = v2s_batch_norm_forward_vector,                                           \
    .batch_norm_scratch = v2s_batch_norm_scratch_vector,                                           \
    .batch_norm_backward = v2s_batch_norm_backward_vector,                                         \
    .batch_norm_backward_scratch = v2s_batch_norm_backward_scratch_vector,                         \
    .pool2d_forward = v2s_pool2d_forward_vector, .pool2d_backward = v2s_pool2d_backward_vector,    \
    .upsample2d_forward = v2s_upsample2d_forward_vector,                                           \
    .upsample2d_backward = v2s_upsample2d_backward_vector,                                         \
    .picture_to_rows = v2s_picture_to_rows_vector,                                                 \
    .picture_from_rows = v2s_picture_from_rows_vector,                                             \
    .concat_forward = v2s_concat_forward_vector, .concat_backward = v2s_concat_backward_vector,    \
    .residual_forward = v2s_residual_forward_vector,                                               \
    .residual_backward = v2s_residual_backward_vector,                                             \
    .residual_backward_scratch = v2s_residual_backward_scratch_vector,                             \
    .loss_depth = v2s_loss_depth, .loss_depth_scratch = v2s_loss_depth_scratch

#define SIGNAL_OPS                                                                                 \
    .loss_open = v2s_loss_open, .loss_run = v2s_loss_run, .loss_close = v2s_loss_close,            \
    .stft_open = v2s_stft_batch_open, .stft_forward = v2s_stft_batch_forward,                      \
    .stft_backward = v2s_stft_batch_backward, .istft_forward = v2s_istft_batch_forward,            \
    .istft_backward = v2s_istft_batch_backward, .stft_close = v2s_stft_batch_close

#define VECTOR_OPS                                                                                 \
    .conv1d_forward = v2s_conv1d_forward_vector, .conv1d_scratch = v2s_conv1d_scratch_vector,      \
    .gru_forward = v2s_gru_forward_vector, .gru_scratch = v2s_gru_scratch_vector,                  \
    .gru_packed_size = v2s_gru_packed_size_vector, .gru_pack = v2s_gru_pack_vector,                \
    .linear_forward = v2s_linear_forward_vector, .linear_scratch = v2s_linear_scratch_vector,      \
    .conv1d_backward = v2s_conv1d_backward_vector,                                                 \
    .conv1d_backward_scratch = v2s_conv1d_backward_scratch_vector,                                 \
    .gru_saved_size = v2s_gru_saved_size_vector, .gru_backward = v2s_gru_backward_vector,          \
    .gru_backward_scratch = v2s_gru_backward_scratch_vector,                                       \
    .linear_backward = v2s_linear_backward_vector,                                                 \
    .linear_backward_scratch = v2s_linear_backward_scratch_vector, .optim_step = v2s_optim_step,   \
    .attention_forward = v2s_attention_forward_vector,                                             \
    .attention_scratch = v2s_attention_scratch_vector,                                             \
    .attention_backward = v2s_attention_backward_vector,                                           \
    .attention_backward_scratch = v2s_attention_backward_scratch_vector,                           \
    .grad_norm = v2s_grad_norm, .ema_update = v2s_ema_update, .total = v2s_total,                  \
    .optim_update = v2s_optim_update, .optim_update_scratch = v2s_optim_update_scratch

const v2s_ops *v2s_ops_cpu(v2s_isa isa) {
    static const v2s_ops tables[] = {
        [V2S_ISA_AVX2] =
            {.name = "avx2", PLAIN_OPS, DEFINED_OPS, PICTURE_OPS, SIGNAL_OPS, VECTOR_OPS},
        [V2S_ISA_AVX512] =
            {.name = "avx512", PLAIN_OPS, DEFINED_OPS, PICTURE_OPS, SIGNAL_OPS, VECTOR_OPS},
        [V2S_ISA_AVX512_BF16] =
            {.name = "avx512-bf16", PLAIN_OPS, DEFINED_OPS, PICTURE_OPS, SIGNAL_OPS, VECTOR_OPS},
    };
    return isa == V2S_ISA_SCALAR ? &v2s_ops_scalar : &tables[isa];
}

const v2s_vector *v2s_vector_cpu(v2s_isa isa) {
#if defined(__x86_64__)
    static const v2s_vector *const vectors[] = {
        [V2S_ISA_SCALAR] = NULL,
        [V2S_ISA_AVX2] = &v2s_vector_avx2,
        [V2S_ISA_AVX512] = &v2s_vector_avx512,
        [V2S_ISA_AVX512_BF16] = &v2s_vector_avx512bf16,
    };
    return vectors[isa];
#else
    (void)isa;
    return NULL;
#endif
}
