// SPDX-License-Identifier: MIT
// Mean squared error:  L = 1/count sum_i (x_i - truth_i)^2,  dL/dx_i = 2 (x_i - truth_i) / count.
//
// Shapes: x, truth, dx [count] (for sound T * C). The sum is carried in double.
#ifndef V2S_KERNELS_LOSS_MSE_H
#define V2S_KERNELS_LOSS_MSE_H

#include <stddef.h>

#include "kernels/base/real.h"

// Returns L (0 for count 0); adds scale * dL/dx to dx unless dx is NULL.
double v2s_loss_mse(size_t count, const real *x, const real *truth, real scale, real *dx);

#endif
