// SPDX-License-Identifier: MIT
// The table of all operations of the networks: the one page to read first.
//
// A back end is one table. Each operation has one stem: <op>.h (contract), <op>.c (plain loops, in
// `real`: the definition), <op>_vector.c (what the vector forms share), <op>_avx2.c and so on, and
// tests/kernels/test_<op>.c. Modules call dev->ops->gru_forward(dev, &args, scratch) and never
// know which form runs. <op>.cu is the form for a GPU: a loaded module (kernels/cuda_module.h) has
// the same table. What the pointers in the arguments point at, scratch included, is memory of the
// device (kernels/memory.h).
//
// Law: forward overwrites its outputs; backward adds into every gradient. Operations allocate
// nothing: <op>_scratch says how many bytes of scratch a call takes, and the call gives them back
// (rewinds) before it returns. Arguments are checked by the callers at the border; a kernel
// trusts them.
#ifndef V2S_KERNELS_OPS_H
#define V2S_KERNELS_OPS_H

#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/base/cpu.h"
#include "kernels/batch_norm.h"
#include "kernels/concat.h"
#include "kernels/conv1d.h"
#include "kernels/conv2d.h"
#include "kernels/elementwise.h"
#include "kernels/group.h"
#include "kernels/gru.h"
#include "kernels/linear.h"
#include "kernels/loss.h"
#include "kernels/loss_band.h"
#include "kernels/loss_depth.h"
#include "kernels/memory.h"
#include "kernels/optim.h"
#include "kernels/picture.h"
#include "kernels/pool2d.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/residual.h"
#include "kernels/softmax.h"
#include "kernels/upsample2d.h"

#include "kernels/stft_batch.h"

typedef struct v2s_ops {
    const char *name; // which kernels: "scalar", "avx2", "avx512", "avx512-bf16", "cuda"
    const v2s_memory_ops *memory;
    const v2s_group_ops *group; // NULL: the device has no sums over processes of its own

    void (*conv1d_forward)(const struct v2s_device *, const v2s_conv1d_args *, v2s_arena *);
    size_t (*conv1d_scratch)(const struct v2s_device *, const v2s_conv1d_args *);
    void (*conv1d_backward)(const struct v2s_device *, const v2s_conv1d_backward_args *,
                            v2s_arena *);
    size_t (*conv1d_backward_scratch)(const struct v2s_device *, const v2s_conv1d_backward_args *);

    void (*gru_forward)(const struct v2s_device *, const v2s_gru_args *, v2s_arena *);
    size_t (*gru_scratch)(const struct v2s_device *, const v2s_gru_args *);
    size_t (*gru_packed_size)(const struct v2s_device *, int C, int H);
    void (*gru_pack)(const struct v2s_device *, int C, int H, const v2s_gru_direction *, void *);
    size_t (*gru_saved_size)(const struct v2s_device *, const v2s_gru_args *);
    void (*gru_backward)(const struct v2s_device *, const v2s_gru_backward_args *, v2s_arena *);
    size_t (*gru_backward_scratch)(const struct v2s_device *, const v2s_gru_backward_args *);

    void (*linear_forward)(const struct v2s_device *, const v2s_linear_args *, v2s_arena *);
    size_t (*linear_scratch)(const struct v2s_device *, const v2s_linear_args *);
    void (*linear_backward)(const struct v2s_device *, const v2s_linear_backward_args *,
                            v2s_arena *);
    size_t (*linear_backward_scratch)(const struct v2s_device *, const v2s_linear_backward_args *);

    void (*optim_step)(const struct v2s_device *, const v2s_optim_args *);
    double (*grad_norm)(const struct v2s_device *, const real *grad, size_t count);
    void (*ema_update)(const struct v2s_device *, const v2s_ema_args *);
    void (*total)(const struct v2s_device *, size_t count, const double *values, double *sum);
    void (*optim_update)(const struct v2s_device *, const v2s_optim_update_args *, v2s_arena *);
    size_t (*optim_update_scratch)(const struct v2s_device *, const v2s_optim_update_args *);

    void (*activation_forward)(const struct v2s_device *, const v2s_activation_args *, v2s_arena *);
    void (*activation_backward)(const struct v2s_device *, const v2s_activation_args *,
                                v2s_arena *);

    void (*elementwise_forward)(const struct v2s_device *, const v2s_elementwise_args *,
                                v2s_arena *);
    void (*elementwise_backward)(const struct v2s_device *, const v2s_elementwise_args *,
                                 v2s_arena *);

    void (*conv2d_forward)(const struct v2s_device *, const v2s_conv2d_args *, v2s_arena *);
    size_t (*conv2d_scratch)(const struct v2s_device *, const v2s_conv2d_args *);
    void (*conv2d_backward)(const struct v2s_device *, const v2s_conv2d_backward_args *,
                            v2s_arena *);
    size_t (*conv2d_backward_scratch)(const struct v2s_device *, const v2s_conv2d_backward_args *);

    void (*batch_norm_forward)(const struct v2s_device *, const v2s_batch_norm_args *, v2s_arena *);
    size_t (*batch_norm_scratch)(const struct v2s_device *, const v2s_batch_norm_args *);
    void (*batch_norm_backward)(const struct v2s_device *, const v2s_batch_norm_backward_args *,
                                v2s_arena *);
    size_t (*batch_norm_backward_scratch)(const struct v2s_device *,
                                          const v2s_batch_norm_backward_args *);

    void (*pool2d_forward)(const struct v2s_device *, const v2s_pool2d_args *, v2s_arena *);
    void (*pool2d_backward)(const struct v2s_device *, const v2s_pool2d_args *, v2s_arena *);

    void (*upsample2d_forward)(const struct v2s_device *, const v2s_upsample2d_args *, v2s_arena *);
    void (*upsample2d_backward)(const struct v2s_device *, const v2s_upsample2d_args *,
                                v2s_arena *);

    void (*softmax_forward)(const struct v2s_device *, const v2s_softmax_args *, v2s_arena *);
    void (*softmax_backward)(const struct v2s_device *, const v2s_softmax_args *, v2s_arena *);

    void (*attention_forward)(const struct v2s_device *, const v2s_attention_args *, v2s_arena *);
    size_t (*attention_scratch)(const struct v2s_device *, const v2s_attention_args *);
    void (*attention_backward)(const struct v2s_device *, const v2s_attention_backward_args *,
                               v2s_arena *);
    size_t (*attention_backward_scratch)(const struct v2s_device *,
                                         const v2s_attention_backward_args *);

    void (*reduce_forward)(const struct v2s_device *, const v2s_reduce_args *, v2s_arena *);
    size_t (*reduce_scratch)(const struct v2s_device *, const v2s_reduce_args *);
    void (*reduce_backward)(const struct v2s_device *, const v2s_reduce_args *, v2s_arena *);

    void (*random_fill)(const struct v2s_device *, const v2s_random_args *, v2s_arena *);

    v2s_status (*loss_open)(const struct v2s_device *, const v2s_loss_config *, v2s_loss **);
    void (*loss_run)(const struct v2s_device *, v2s_loss *, const v2s_loss_args *);
    void (*loss_close)(const struct v2s_device *, v2s_loss **);

    v2s_status (*stft_open)(const struct v2s_device *, const v2s_stft_batch_config *,
                            v2s_stft_batch **);
    void (*stft_forward)(const struct v2s_device *, v2s_stft_batch *, const v2s_stft_batch_args *);
    void (*stft_backward)(const struct v2s_device *, v2s_stft_batch *, const v2s_stft_batch_args *);
    void (*istft_forward)(const struct v2s_device *, v2s_stft_batch *, const v2s_stft_batch_args *);
    void (*istft_backward)(const struct v2s_device *, v2s_stft_batch *,
                           const v2s_stft_batch_args *);
    void (*stft_close)(const struct v2s_device *, v2s_stft_batch **);

    void (*loss_band)(const struct v2s_device *, const v2s_loss_band_args *, v2s_arena *);
    size_t (*loss_band_scratch)(const struct v2s_device *, const v2s_loss_band_args *);

    void (*picture_to_rows)(const struct v2s_device *, const v2s_picture_rows_args *, v2s_arena *);
    void (*picture_from_rows)(const struct v2s_device *, const v2s_picture_rows_args *,
                              v2s_arena *);

    void (*concat_forward)(const struct v2s_device *, const v2s_concat_args *, v2s_arena *);
    void (*concat_backward)(const struct v2s_device *, const v2s_concat_args *, v2s_arena *);

    void (*residual_forward)(const struct v2s_device *, const v2s_residual_args *, v2s_arena *);
    void (*residual_backward)(const struct v2s_device *, const v2s_residual_args *, v2s_arena *);
    size_t (*residual_backward_scratch)(const struct v2s_device *, const v2s_residual_args *);

    void (*loss_depth)(const struct v2s_device *, const v2s_loss_depth_args *, v2s_arena *);
    size_t (*loss_depth_scratch)(const struct v2s_device *, const v2s_loss_depth_args *);
} v2s_ops;

// The table of the definitions.
extern const v2s_ops v2s_ops_scalar;

// Bytes of an arena that serves takes of `bytes` in up to `takes` pieces.
static inline size_t v2s_scratch_round(size_t bytes, size_t takes) {
    return bytes + takes * V2S_ARENA_ALIGN;
}

// The processor's table for an instruction set, and the vector kernels behind it (NULL: scalar).
struct v2s_vector;
const v2s_ops *v2s_ops_cpu(v2s_isa isa);
const struct v2s_vector *v2s_vector_cpu(v2s_isa isa);

#endif
