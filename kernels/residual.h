// SPDX-License-Identifier: MIT
// A branch added with a learned weight (the gamma of attention blocks; Zhang et al. 2019):
//
//   y = x + gamma[0] branch
//   dx += dy,   dbranch += gamma[0] dy,   dgamma[0] += sum_i dy[i] branch[i]
//
// gamma lies in the device's memory, because it is a parameter. The sum is made in double.
//
// Shapes: x, branch, y, dy, dx, dbranch [count], gamma, dgamma [1]. y may be x or branch (then no
// backward may follow in the latter case). A gradient that is NULL is not wanted.
#ifndef V2S_KERNELS_RESIDUAL_H
#define V2S_KERNELS_RESIDUAL_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_residual_args {
    size_t count;
    const real *x;      // [count]; forward
    const real *branch; // [count]
    const real *gamma;  // [1]
    real *y;            // [count]; forward writes
    const real *dy;     // [count]; backward
    real *dx;           // [count]; backward adds
    real *dbranch;      // [count]; backward adds
    real *dgamma;       // [1]; backward adds
} v2s_residual_args;

void v2s_residual_forward(const struct v2s_device *dev, const v2s_residual_args *a,
                          v2s_arena *scratch);
void v2s_residual_backward(const struct v2s_device *dev, const v2s_residual_args *a,
                           v2s_arena *scratch);
size_t v2s_residual_backward_scratch(const struct v2s_device *dev, const v2s_residual_args *a);

#endif
