// SPDX-License-Identifier: MIT
// Depth maps, errors and spectrograms as colours.
//
// The ramp is v2s_colour_ramp: dark blue is the least, light yellow the most.
#ifndef V2S_INFER_DEPTH_PICTURE_H
#define V2S_INFER_DEPTH_PICTURE_H

#include <stddef.h>
#include <stdint.h>

// The ramp in 256 steps.
typedef struct v2s_depth_ramp {
    uint8_t rgb[256][3];
} v2s_depth_ramp;

void v2s_depth_ramp_init(v2s_depth_ramp *ramp);

// Colour of a value of 0..top; what lies outside is drawn as the nearer end.
const uint8_t *v2s_depth_ramp_at(const v2s_depth_ramp *ramp, double value, double top);

// The top of a scale from 0 for `count` depths: the least whole number of metres that at most a
// hundredth of the valid ones exceed, so that single far pixels do not darken the rest.
double v2s_depth_top(size_t count, const float *depth_m);

// rgb [count][3] of depths in metres on a scale 0..top; invalid ones (0) are grey.
void v2s_depth_colours(const v2s_depth_ramp *ramp, size_t count, const float *depth_m, double top,
                       uint8_t *rgb);

// rgb [count][3] of |predicted - truth| on a scale 0..top; grey where the truth is invalid.
void v2s_depth_error_colours(const v2s_depth_ramp *ramp, size_t count, const float *predicted_m,
                             const float *truth_m, double top, uint8_t *rgb);

// Magnitudes are shown in decibels, from V2S_DEPTH_FLOOR_DB below `loudest` to it.
#define V2S_DEPTH_FLOOR_DB 60.0

// Share 0..1 of the scale.
double v2s_depth_loudness(float magnitude, double loudest);

// rgb [size][size][3] of a spectrogram [size][size], its row 0 (DC) at the bottom.
void v2s_depth_spectrogram_colours(const v2s_depth_ramp *ramp, int size, const float *x,
                                   double loudest, uint8_t *rgb);

// The largest of `count` magnitudes.
double v2s_depth_loudest(size_t count, const float *x);

#endif
