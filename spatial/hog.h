// SPDX-License-Identifier: MIT
// HOG features of Felzenszwalb, Girshick, McAllester, Ramanan, "Object Detection with
// Discriminatively Trained Part-Based Models", TPAMI 2010, section 6, on luma, cell 4.
//
// gradient   central differences; direction snapped to 18 sectors of 20 degrees (bin 0 centred on
//            +x, angles grow towards +y), vote = magnitude
// cells      bilinear in x and y: a pixel votes for the 4 cells around it
// norms      e(c) = sum_o<9 (h_o + h_o+9)^2; for the 4 blocks of 2 x 2 cells that hold c:
//            n_k = 1 / sqrt(sum of e + 1e-4); cells outside repeat the border
// channels   0..17  1/2 sum_k min(n_k h_o, 0.2)                 contrast-sensitive
//            18..26 1/2 sum_k min(n_k (h_o + h_o+9), 0.2)       contrast-insensitive
//            27..30 0.2357 sum_o<18 min(n_k h_o, 0.2)           texture, k = 0..3
//            31     0, room for one more channel
//
// Shapes: luma [4 ch][4 cw] in 0..1, features [ch][cw][32], 64-byte aligned; dense, x fastest.
#ifndef V2S_SPATIAL_HOG_H
#define V2S_SPATIAL_HOG_H

#include "spatial/tracker_ops.h"

// Floats of scratch for a grid of cw x ch cells.
size_t v2s_hog_scratch_floats(int cw, int ch);

// features[i] = HOG of the cell times weight[i] (NULL: 1).
void v2s_hog(const v2s_track_ops *ops, const float *luma, int cw, int ch, const float *weight,
             float *scratch, float *features);

#endif
