// SPDX-License-Identifier: MIT
// What the tracker knows of its object and how it looks for it in one window: KCF on HOG + colour,
// a colour histogram, a size filter. tracker.c decides what to believe.
//
// Units: positions in pixels of the picture; "cells" are 4 x 4 samples of the resampled window.
// Ownership: all memory in one arena of the model. One thread at a time.
#ifndef V2S_SPATIAL_TRACKER_MODEL_H
#define V2S_SPATIAL_TRACKER_MODEL_H

#include "spatial/kcf.h"
#include "spatial/scale_filter.h"
#include "spatial/tracker_colour.h"

typedef struct v2s_tracker_model {
    v2s_arena arena;
    const v2s_track_ops *ops;
    int width, height;     // of the pictures
    bool coloured;         // pictures have chroma
    double base_w, base_h; // first box, pixels
    double cx, cy;         // centre of the box, pixels
    double scale;          // present size / first size
    double step;           // pixels between samples of the window at scale 1
    double cell_w, cell_h; // size of the object, cells
    v2s_kcf kcf;
    v2s_scale_filter sizes;
    v2s_colour colour;
    float *hann;                     // [ny][nx]
    float *luma;                     // [4 ny][4 nx]
    float *half_y, *half_u, *half_v; // [2 ny][2 nx]
    float *hog_scratch, *row;
    v2s_pyramid pyramid; // of the picture that is looked at; cleared at each new one
} v2s_tracker_model;

// The best place in one window.
typedef struct v2s_finding {
    double cx, cy; // centre, pixels
    double peak;   // KCF response there
    double psr;    // peak-to-sidelobe ratio of the KCF response
    double colour; // mean object probability of the pixels of the box there, 0..1
} v2s_finding;

// Shapes and memory for a box; nothing is learnt yet. NOMEM.
V2S_MUST_USE v2s_status v2s_tracker_model_open(v2s_tracker_model *model, const v2s_picture *picture,
                                               v2s_box box);
void v2s_tracker_model_close(v2s_tracker_model *model);

v2s_box v2s_tracker_model_box(const v2s_tracker_model *model);

// How far from a window's centre the object can be found, pixels.
void v2s_tracker_model_reach(const v2s_tracker_model *model, double *x, double *y);

// Looks in the window centred on (cx, cy) at the present size.
v2s_finding v2s_tracker_model_find(v2s_tracker_model *model, const v2s_picture *picture, double cx,
                                   double cy);

// Sets the size to `scale` times the first one, or the nearest that is allowed.
void v2s_tracker_model_set_scale(v2s_tracker_model *model, double scale);

// Estimates the size at the present place.
void v2s_tracker_model_resize(v2s_tracker_model *model, const v2s_picture *picture);

// Learns the object at the present place and size; the first call learns it whole.
void v2s_tracker_model_learn(v2s_tracker_model *model, const v2s_picture *picture);

#endif
