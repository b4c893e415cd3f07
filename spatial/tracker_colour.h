// SPDX-License-Identifier: MIT
// Colour model: how likely each pixel belongs to the object, by two histograms. Bertinetto,
// Valmadre, Golodetz, Miksik, Torr, "Staple: Complementary Learners for Real-Time Tracking",
// CVPR 2016, section 3.2 and the authors' program.
//
//   beta(bin) = object(bin) / (object(bin) + background(bin)), each histogram a density
//   score of a box = mean of beta over its pixels (by an integral image)
//   both histograms <- (1 - rate) old + rate new
//
// A bin is 16 levels of luma x 16 x 16 of chroma (8 codes of 8-bit chroma each, the ends
// collecting the rest); 32 levels of luma for grey pictures.
// The model is invariant to rotation and deformation, where the correlation filter is not; the
// filter copes with lights and look-alike colours, where this does not.
//
// Shapes: samples y, u, v [height][width] as patch.h gives them, u = v = NULL for grey.
#ifndef V2S_SPATIAL_TRACKER_COLOUR_H
#define V2S_SPATIAL_TRACKER_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/arena.h"

enum { V2S_COLOUR_BINS = 4096 };

typedef struct v2s_colour {
    int width, height;                      // samples of the window
    float *object, *background, *beta;      // [V2S_COLOUR_BINS]
    float *count_object, *count_background; // [V2S_COLOUR_BINS] of the present picture
    uint16_t *bins;                         // [height][width]
    float *integral;                        // [height + 1][width + 1] of beta
    bool trained;
} v2s_colour;

void v2s_colour_init(v2s_colour *colour, v2s_arena *arena, int width, int height);

// Bins of the samples; the start of train and score.
void v2s_colour_look(v2s_colour *colour, const float *y, const float *u, const float *v);

// Learns from the samples looked at last: the object fills the middle object_w x object_h samples
// (less a margin), the background is what lies outside. The first call takes rate as 1.
void v2s_colour_train(v2s_colour *colour, double object_w, double object_h, double rate);

// Integral image of beta of the samples looked at last.
void v2s_colour_score(v2s_colour *colour);

// Mean of beta over a box of w x h samples whose centre is (dx, dy) samples off the window's
// centre. Parts outside the window count as 0.
double v2s_colour_box(const v2s_colour *colour, double dx, double dy, double w, double h);

#endif
