// SPDX-License-Identifier: MIT
// Bilinear change of a picture's size, corners on corners
// (torch.nn.functional.interpolate(mode="bilinear", align_corners=True)):
//
//   row i of OH lies at i (H-1) / (OH-1) of H (at 0 where OH is 1): at r + f, between r and r+1
//
//   y = (1-f) ((1-g) x[r,s] + g x[r,s+1]) + f ((1-g) x[r+1,s] + g x[r+1,s+1])
//
// with s and g of the column alike; a neighbour past the last row or column is the last one, with
// weight 0. r and f come from whole numbers: r = i (H-1) div (OH-1), f = remainder / (OH-1), so
// they are the same on every device.
//
// Backward is the transpose: each dy is added to its four neighbours with the same four weights.
//
// Channels may lie in blocks (kernels/picture.h).
//
// Shapes: x, dx [N,C,H,W]; y, dy [N,C,OH,OW]; row-major, contiguous, none overlap. N, C, OH, OW may
// be 0; H and W are at least 1.
#ifndef V2S_KERNELS_UPSAMPLE2D_H
#define V2S_KERNELS_UPSAMPLE2D_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_upsample2d_args {
    int N, C, H, W, OH, OW;
    int block;      // channels a block; 0 is 1
    const real *x;  // [N,C,H,W]; forward
    real *y;        // [N,C,OH,OW]; forward writes
    const real *dy; // [N,C,OH,OW]; backward
    real *dx;       // [N,C,H,W]; backward adds
} v2s_upsample2d_args;

// Neither takes scratch.
void v2s_upsample2d_forward(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                            v2s_arena *scratch);
void v2s_upsample2d_backward(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                             v2s_arena *scratch);

#endif
