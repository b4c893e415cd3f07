// SPDX-License-Identifier: MIT
// Affine map of every row:  y[m,o] = bias[o] + sum_c w[o,c] * x[m,c]   (torch.nn.Linear(C, O)).
//
// Shapes: x [M,C], w [O,C], bias [O], y [M,O]; row-major, contiguous. y is overwritten and must
// not overlap an input. M may be 0.
//
// Backward, from dy = d(loss)/dy:
//   dbias[o] += sum_m dy[m,o],  dw[o,c] += sum_m dy[m,o] * x[m,c],  dx[m,c] += sum_o dy[m,o] *
//   w[o,c]
#ifndef V2S_KERNELS_LINEAR_H
#define V2S_KERNELS_LINEAR_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_linear_args {
    int M, C, O;
    const real *x;    // [M,C]
    const real *w;    // [O,C]
    const real *bias; // [O]
    real *y;          // [M,O]
} v2s_linear_args;

typedef struct v2s_linear_backward_args {
    v2s_linear_args of; // as in the forward call; y is not read
    const real *dy;     // [M,O]
    real *dx;           // [M,C]; NULL where it is not wanted
    real *dw;           // [O,C]
    real *dbias;        // [O]
} v2s_linear_backward_args;

// The definition.
void v2s_linear_forward(const struct v2s_device *dev, const v2s_linear_args *a, v2s_arena *scratch);
size_t v2s_linear_scratch(const struct v2s_device *dev, const v2s_linear_args *a);

void v2s_linear_backward(const struct v2s_device *dev, const v2s_linear_backward_args *a,
                         v2s_arena *scratch);
size_t v2s_linear_backward_scratch(const struct v2s_device *dev, const v2s_linear_backward_args *a);

// The same on vector kernels; needs v2s_linear_scratch_vector bytes of scratch.
void v2s_linear_forward_vector(const struct v2s_device *dev, const v2s_linear_args *a,
                               v2s_arena *scratch);
size_t v2s_linear_scratch_vector(const struct v2s_device *dev, const v2s_linear_args *a);

void v2s_linear_backward_vector(const struct v2s_device *dev, const v2s_linear_backward_args *a,
                                v2s_arena *scratch);
size_t v2s_linear_backward_scratch_vector(const struct v2s_device *dev,
                                          const v2s_linear_backward_args *a);

#endif
