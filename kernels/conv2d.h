// SPDX-License-Identifier: MIT
// Two-dimensional convolution (correlation, as in deep learning), stride 1, size kept by zeros:
//
//   y[n,o,i,j] = bias[o] + sum_{c,ki,kj} w[o,c,ki,kj] * x[n,c,i+di,j+dj]
//   di = ki - (KH-1)/2,  dj = kj - (KW-1)/2,   x outside 0..H-1, 0..W-1 is zero
//
// KH and KW are odd. Equals torch.nn.Conv2d(C, O, (KH, KW), padding=(KH // 2, KW // 2)).
//
// Channels may lie in blocks (kernels/picture.h): x_block for x and dx, y_block for y and dy.
//
// Shapes: x [N,C,H,W], w [O,C,KH,KW], bias [O], y [N,O,H,W]; row-major, contiguous. y is
// overwritten and must not overlap an input. N, H and W may be 0.
//
// Backward, from dy = d(loss)/dy; in the sums i+di, j+dj lie inside the picture:
//   dbias[o]          += sum_{n,i,j} dy[n,o,i,j]
//   dw[o,c,ki,kj]     += sum_{n,i,j} dy[n,o,i,j] * x[n,c,i+di,j+dj]
//   dx[n,c,i+di,j+dj] += sum_{o,ki,kj} dy[n,o,i,j] * w[o,c,ki,kj]
#ifndef V2S_KERNELS_CONV2D_H
#define V2S_KERNELS_CONV2D_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_conv2d_args {
    int N, C, O, H, W, KH, KW;
    int x_block, y_block; // channels a block of x and of y; 0 is 1
    const real *x;        // [N,C,H,W]
    const real *w;        // [O,C,KH,KW]
    const real *bias;     // [O]; NULL is zero
    real *y;              // [N,O,H,W]
} v2s_conv2d_args;

typedef struct v2s_conv2d_backward_args {
    v2s_conv2d_args of; // as in the forward call; bias and y are not read
    const real *dy;     // [N,O,H,W]
    real *dx;           // [N,C,H,W]; NULL where it is not wanted
    real *dw;           // [O,C,KH,KW]
    real *dbias;        // [O]; NULL where it is not wanted
} v2s_conv2d_backward_args;

// The definition.
void v2s_conv2d_forward(const struct v2s_device *dev, const v2s_conv2d_args *a, v2s_arena *scratch);
size_t v2s_conv2d_scratch(const struct v2s_device *dev, const v2s_conv2d_args *a);

void v2s_conv2d_backward(const struct v2s_device *dev, const v2s_conv2d_backward_args *g,
                         v2s_arena *scratch);
size_t v2s_conv2d_backward_scratch(const struct v2s_device *dev, const v2s_conv2d_backward_args *g);

#endif
