// SPDX-License-Identifier: MIT
// Batch normalisation of every channel (torch.nn.BatchNorm2d; Ioffe, Szegedy 2015):
//
//   y[n,c,i,j] = weight[c] * h[n,c,i,j] + bias[c],   h = (x - mean[c]) * inv_std[c]
//   inv_std = 1 / sqrt(var + eps)
//
// TRAINING: mean and var are those of the channel's K = N*H*W numbers (var with divisor K), and
//   running_mean = (1 - momentum) running_mean + momentum mean
//   running_var  = (1 - momentum) running_var  + momentum var K / (K - 1)
// A K of 1 has no unbiased variance and takes var as it is; a K of 0 changes nothing.
// INFERENCE: mean and var are running_mean and running_var, which stay as they are.
//
// With `relu`, y = max(0, the above) (not a number stays so), and where that is 0, dy counts as 0.
// Backward tells from x, so y need not be kept.
//
// Both modes leave mean and inv_std in saved_mean and saved_inv_std, which backward reads.
//
// Backward, from dy, with sums over n, i, j of the channel:
//   dbias += sum dy,   dweight += sum dy h
//   TRAINING   dx += weight inv_std (dy - (sum dy) / K - h (sum dy h) / K)
//   INFERENCE  dx += weight inv_std dy                  (the statistics are constants)
//
// Channels of x, y, dy and dx may lie in blocks (kernels/picture.h).
//
// Shapes: x, y, dy, dx [N,C,H,W], the rest [C]; row-major, contiguous. y may be x (then no backward
// may follow); nothing else may overlap. N, H and W may be 0.
#ifndef V2S_KERNELS_BATCH_NORM_H
#define V2S_KERNELS_BATCH_NORM_H

#include <stdbool.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_batch_norm_args {
    int N, C, H, W;
    int block; // channels a block; 0 is 1
    bool training, relu;
    real eps, momentum;  // momentum: share of the new statistics; training only
    const real *x;       // [N,C,H,W]
    const real *weight;  // [C]
    const real *bias;    // [C]
    real *running_mean;  // [C]; training changes it
    real *running_var;   // [C]; training changes it
    real *y;             // [N,C,H,W]
    real *saved_mean;    // [C], for backward; NULL (with the next) where none follows
    real *saved_inv_std; // [C]
} v2s_batch_norm_args;

typedef struct v2s_batch_norm_backward_args {
    v2s_batch_norm_args of; // as in the forward call, whose saved_mean and saved_inv_std are read;
                            // y, the running statistics and, without relu, bias are not
    const real *dy;         // [N,C,H,W]
    real *dx;               // [N,C,H,W]; NULL where it is not wanted
    real *dweight;          // [C]
    real *dbias;            // [C]
} v2s_batch_norm_backward_args;

// The definition.
void v2s_batch_norm_forward(const struct v2s_device *dev, const v2s_batch_norm_args *a,
                            v2s_arena *scratch);
size_t v2s_batch_norm_scratch(const struct v2s_device *dev, const v2s_batch_norm_args *a);

void v2s_batch_norm_backward(const struct v2s_device *dev, const v2s_batch_norm_backward_args *g,
                             v2s_arena *scratch);
size_t v2s_batch_norm_backward_scratch(const struct v2s_device *dev,
                                       const v2s_batch_norm_backward_args *g);

#endif
