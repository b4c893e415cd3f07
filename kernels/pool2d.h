// SPDX-License-Identifier: MIT
// Largest of every 2 x 2 square, stride 2 (torch.nn.MaxPool2d(2)):
//
//   y[n,c,i,j] = max over a, b in {0,1} of x[n,c,2i+a,2j+b]
//
// An odd last row or column is left out (H and W are halved downwards). index is 2a+b of the
// largest: the first of equal ones. A square that holds something that is not a number gives that;
// of several, index is the last one's, as in PyTorch.
//
// Backward: dx[n,c,2i+a,2j+b] += dy[n,c,i,j] where (a,b) is what index says.
//
// Channels may lie in blocks (kernels/picture.h); index lies as y does.
//
// Shapes: x, dx [N,C,H,W]; y, dy, index [N,C,H/2,W/2]; row-major, contiguous, none overlap. All
// may be empty.
#ifndef V2S_KERNELS_POOL2D_H
#define V2S_KERNELS_POOL2D_H

#include <stdint.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_pool2d_args {
    int N, C, H, W;
    int block;      // channels a block; 0 is 1
    const real *x;  // [N,C,H,W]; forward
    real *y;        // [N,C,H/2,W/2]; forward writes
    uint8_t *index; // [N,C,H/2,W/2]; forward writes (NULL: not wanted), backward reads
    const real *dy; // [N,C,H/2,W/2]; backward
    real *dx;       // [N,C,H,W]; backward adds
} v2s_pool2d_args;

// Neither takes scratch.
void v2s_pool2d_forward(const struct v2s_device *dev, const v2s_pool2d_args *a, v2s_arena *scratch);
void v2s_pool2d_backward(const struct v2s_device *dev, const v2s_pool2d_args *a,
                         v2s_arena *scratch);

#endif
