// SPDX-License-Identifier: MIT
// The loss of depth maps, in metres, and its gradient.
//
//   p predicted, g true; a pixel is valid where g > 0 (elsewhere p is not read, and dp is 0)
//   l1      = sum over valid pixels of |p - g| / pixels
//   edge    = sum over neighbours, side by side and one above the other, both valid, of
//             |(p' - p) - (g' - g)| / pairs                        (forward differences)
//   smooth  = sum over inner pixels, valid with their four neighbours, of
//             |4 p - the four around p| exp(-(|g right - g| + |g below - g|)) / inner
//   loss    = weight_l1 l1 + weight_edge edge + weight_smooth smooth
//
// pixels, pairs and inner are how many of them the whole batch has: the caller counts them
// (v2s_loss_depth_count) over everything that makes one optimizer step, so that pieces of a batch
// sum up to the loss of the batch. A count of 0 makes its term 0. The derivative of |0| is 0.
//
// Shapes: p, g, dp [N,H,W]; terms [3] in double: l1, edge, smooth without their weights.
// dp is overwritten with d(loss)/dp.
#ifndef V2S_KERNELS_LOSS_DEPTH_H
#define V2S_KERNELS_LOSS_DEPTH_H

#include <stdint.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

#ifndef V2S_KERNELS_LOSS_DEPTH_COUNTS // one for both precisions (kernels/f64_tensor.h)
#define V2S_KERNELS_LOSS_DEPTH_COUNTS
typedef struct v2s_loss_depth_counts {
    int64_t pixels, pairs, inner;
} v2s_loss_depth_counts;
#endif

typedef struct v2s_loss_depth_args {
    int N, H, W;
    v2s_loss_depth_counts counts;
    double weight_l1, weight_edge, weight_smooth;
    const real *p; // [N,H,W]
    const real *g; // [N,H,W]; 0, negative or not a number: not valid
    real *dp;      // [N,H,W]; NULL where it is not wanted
    double *terms; // [3]; overwritten
} v2s_loss_depth_args;

void v2s_loss_depth(const struct v2s_device *dev, const v2s_loss_depth_args *a, v2s_arena *scratch);
size_t v2s_loss_depth_scratch(const struct v2s_device *dev, const v2s_loss_depth_args *a);

// Adds those of N maps in host memory to *counts.
void v2s_loss_depth_count(int N, int H, int W, const float *g, v2s_loss_depth_counts *counts);

#endif
