// SPDX-License-Identifier: MIT
// Depth maps from files, in metres.
//
// npy of unsigned (or signed) integers is in mm, of floats in m, unless `millimetres` says that
// floats are mm too (BatVision V1). 16-bit grey PNG is in mm. Above max_depth_m is cut to it; 0,
// NaN and negative are not valid and become 0; +inf is max_depth_m.
//
// Resizing  NEAREST   source index floor((i + 0.5) n / size): no invalid 0 is mixed into depths
//           BILINEAR  between pixel centres, without antialiasing, zeros mixed in: what published
//                     code does
#ifndef V2S_DATA_DEPTH_MAP_H
#define V2S_DATA_DEPTH_MAP_H

#include <stdbool.h>

#include "kernels/base/status.h"

typedef enum v2s_depth_resize { V2S_DEPTH_NEAREST, V2S_DEPTH_BILINEAR } v2s_depth_resize;

typedef struct v2s_depth_map_options {
    double max_depth_m;
    int size;
    v2s_depth_resize resize;
    bool millimetres; // floats are mm
} v2s_depth_map_options;

// depth [size,size]; a name that ends in .png is a PNG, every other one npy, where axes of length 1
// beside the two do not count. IO, FORMAT (not a picture of two dimensions; no valid pixel at all),
// NOMEM.
V2S_MUST_USE v2s_status v2s_depth_map_read(const char *path, const v2s_depth_map_options *options,
                                           float *depth);

// M7 of a map, per image, over pixels with true > 0, in metres (metrics.md):
//   delta_k = mean(max(t/p, p/t) < 1.25^k), rmse, abs_rel = mean |p-t|/t,
//   log10 = mean |log10 t - log10 p|, mae = mean |p-t|; a score that is NaN becomes 0, p = 0 gives
//   inf in log10
typedef struct v2s_depth_scores {
    double rmse, abs_rel, log10, mae, delta1, delta2, delta3;
} v2s_depth_scores;

// False where no pixel is valid.
bool v2s_depth_scores_of(int count, const float *predicted, const float *truth,
                         v2s_depth_scores *scores);

#endif
