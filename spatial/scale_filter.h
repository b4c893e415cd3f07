// SPDX-License-Identifier: MIT
// One-dimensional correlation filter over object size: Danelljan, Hager, Khan, Felsberg, "Accurate
// Scale Estimation for Robust Visual Tracking" (DSST), BMVC 2014, section 3.2.
//
// The object is cut out at `count` sizes step^j, j = -(count-1)/2 .. (count-1)/2; each cut-out is
// resampled to the same small grid and described by HOG. Over j, for every feature l,
//   A_l = conj(G) F_l,  B = sum_l conj(F_l) F_l                                     (eq. 5)
//   y = F^-1(sum_l conj(A_l) Z_l / (B + lambda))                                    (eq. 6)
// with A_l and B updated linearly. G is fixed, so the mean of F_l is what is stored.
// The size is read off the peak of y with a parabola through three points.
//
// Shapes: samples [cells][n][32] floats, n = FFT length >= count, the unused end zero.
// Ownership: all memory is in the arena. One thread at a time.
#ifndef V2S_SPATIAL_SCALE_FILTER_H
#define V2S_SPATIAL_SCALE_FILTER_H

#include <stdbool.h>

#include "kernels/base/arena.h"
#include "spatial/kcf_fft.h"
#include "spatial/patch.h"

enum { V2S_SCALE_MAX = 48 }; // FFT length at most

typedef struct v2s_scale_config {
    int count;     // sizes, odd, at most 33
    double step;   // ratio of neighbouring sizes
    int area;      // pixels of the resampled cut-out, at most
    double lambda; // regularisation
    double rate;   // of the linear update
} v2s_scale_config;

typedef struct v2s_scale_filter {
    v2s_scale_config config;
    int cw, ch; // cells of a cut-out
    v2s_fft_plan plan;
    float label[2 * V2S_SCALE_MAX];                    // G: real parts, then imaginary
    float window[V2S_SCALE_MAX];                       // Hann over the sizes
    float denominator[V2S_SCALE_MAX];                  // B
    double cosine[V2S_SCALE_MAX], sine[V2S_SCALE_MAX]; // of 2 pi k / n
    float *model, *samples;                            // [cells][n][32]
    float *pixels;                                     // [4 ch][4 cw]
    float *features;                                   // [ch][cw][32]
    float *hog_scratch, *fft_scratch, *row;
    bool trained;
} v2s_scale_filter;

// Grid shape after the aspect of a box of w x h pixels.
void v2s_scale_init(v2s_scale_filter *filter, v2s_arena *arena, const v2s_scale_config *config,
                    double w, double h, int picture_width);

// Learns the box at its present size; the first call takes rate as 1.
void v2s_scale_train(v2s_scale_filter *filter, const v2s_track_ops *ops, const v2s_picture *picture,
                     v2s_box box, v2s_pyramid *pyramid);

// Factor by which the box has grown, within step^-+(count-1)/2.
double v2s_scale_detect(v2s_scale_filter *filter, const v2s_track_ops *ops,
                        const v2s_picture *picture, v2s_box box, v2s_pyramid *pyramid);

#endif
