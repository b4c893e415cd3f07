// SPDX-License-Identifier: MIT
// Two arrays side by side, item by item (torch.cat of pictures along the channels):
//
//   y[n] = (a[n], b[n])            da[n], db[n] += the two parts of dy[n]
//
// Pictures lie channel after channel, or block of channels after block (kernels/picture.h), so an
// item of a is its channels * H * W numbers either way.
//
// Shapes: a, da [N,A], b, db [N,B], y, dy [N,A+B]. y must not overlap a or b. All may be 0.
#ifndef V2S_KERNELS_CONCAT_H
#define V2S_KERNELS_CONCAT_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_concat_args {
    int N;
    size_t A, B;    // numbers of an item
    const real *a;  // [N,A]; forward
    const real *b;  // [N,B]; forward
    real *y;        // [N,A+B]; forward writes
    const real *dy; // [N,A+B]; backward
    real *da;       // [N,A]; backward adds; NULL where it is not wanted
    real *db;       // [N,B]; as da
} v2s_concat_args;

// Neither takes scratch.
void v2s_concat_forward(const struct v2s_device *dev, const v2s_concat_args *a, v2s_arena *scratch);
void v2s_concat_backward(const struct v2s_device *dev, const v2s_concat_args *a,
                         v2s_arena *scratch);

#endif
