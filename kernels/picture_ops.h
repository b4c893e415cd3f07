// SPDX-License-Identifier: MIT
// The vector forms of the operations on pictures, for the tables of kernels/ops_cpu.c. Contracts
// are those of the definitions. They compute on a team (kernels/base/team.h), and give the same
// result for any number of threads, but for conv2d, whose sums oneDNN divides among the threads.
#ifndef V2S_KERNELS_PICTURE_OPS_H
#define V2S_KERNELS_PICTURE_OPS_H

#include "kernels/batch_norm.h"
#include "kernels/concat.h"
#include "kernels/conv2d.h"
#include "kernels/picture.h"
#include "kernels/pool2d.h"
#include "kernels/residual.h"
#include "kernels/upsample2d.h"

void v2s_conv2d_forward_vector(const struct v2s_device *dev, const v2s_conv2d_args *a,
                               v2s_arena *scratch);
size_t v2s_conv2d_scratch_vector(const struct v2s_device *dev, const v2s_conv2d_args *a);
void v2s_conv2d_backward_vector(const struct v2s_device *dev, const v2s_conv2d_backward_args *g,
                                v2s_arena *scratch);
size_t v2s_conv2d_backward_scratch_vector(const struct v2s_device *dev,
                                          const v2s_conv2d_backward_args *g);

void v2s_batch_norm_forward_vector(const struct v2s_device *dev, const v2s_batch_norm_args *a,
                                   v2s_arena *scratch);
size_t v2s_batch_norm_scratch_vector(const struct v2s_device *dev, const v2s_batch_norm_args *a);
void v2s_batch_norm_backward_vector(const struct v2s_device *dev,
                                    const v2s_batch_norm_backward_args *g, v2s_arena *scratch);
size_t v2s_batch_norm_backward_scratch_vector(const struct v2s_device *dev,
                                              const v2s_batch_norm_backward_args *g);

void v2s_pool2d_forward_vector(const struct v2s_device *dev, const v2s_pool2d_args *a,
                               v2s_arena *scratch);
void v2s_pool2d_backward_vector(const struct v2s_device *dev, const v2s_pool2d_args *a,
                                v2s_arena *scratch);

void v2s_upsample2d_forward_vector(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                                   v2s_arena *scratch);
void v2s_upsample2d_backward_vector(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                                    v2s_arena *scratch);

void v2s_picture_to_rows_vector(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                                v2s_arena *scratch);
void v2s_picture_from_rows_vector(const struct v2s_device *dev, const v2s_picture_rows_args *a,
                                  v2s_arena *scratch);

void v2s_concat_forward_vector(const struct v2s_device *dev, const v2s_concat_args *a,
                               v2s_arena *scratch);
void v2s_concat_backward_vector(const struct v2s_device *dev, const v2s_concat_args *a,
                                v2s_arena *scratch);

void v2s_residual_forward_vector(const struct v2s_device *dev, const v2s_residual_args *a,
                                 v2s_arena *scratch);
void v2s_residual_backward_vector(const struct v2s_device *dev, const v2s_residual_args *a,
                                  v2s_arena *scratch);
size_t v2s_residual_backward_scratch_vector(const struct v2s_device *dev,
                                            const v2s_residual_args *a);

#endif
