// SPDX-License-Identifier: MIT
// Softmax of every row (torch.softmax(x, -1)):
//
//   y[m,n] = exp(x[m,n] - max_m) / sum_k exp(x[m,k] - max_m)
//   dx[m,n] += y[m,n] (dy[m,n] - sum_k dy[m,k] y[m,k])
//
// The backward needs y only. A row that holds something that is not a number, +inf, or nothing but
// -inf is not a number, as in PyTorch.
//
// Shapes: x, y, dy, dx [M,N]; row-major, contiguous. y may be x; nothing else may overlap. M and N
// may be 0.
#ifndef V2S_KERNELS_SOFTMAX_H
#define V2S_KERNELS_SOFTMAX_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_softmax_args {
    int M, N;
    const real *x;  // [M,N]; forward
    real *y;        // [M,N]; forward writes, backward reads
    const real *dy; // [M,N]; backward
    real *dx;       // [M,N]; backward adds
} v2s_softmax_args;

// Neither takes scratch.
void v2s_softmax_forward(const struct v2s_device *dev, const v2s_softmax_args *a,
                         v2s_arena *scratch);
void v2s_softmax_backward(const struct v2s_device *dev, const v2s_softmax_args *a,
                          v2s_arena *scratch);

#endif
