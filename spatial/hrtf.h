// SPDX-License-Identifier: MIT
// Head-related impulse responses as plain arrays: what data/sofa fills and spatial/binaural reads.
//
// Axes      ours (conventions.h): x front, y left, z up, seen from the middle of the head.
// Owner     whoever filled it; v2s_hrtf_free releases the arrays.
#ifndef V2S_SPATIAL_HRTF_H
#define V2S_SPATIAL_HRTF_H

#include "spatial/conventions.h"

typedef struct v2s_hrtf {
    double rate_hz;
    int measurements; // directions
    int taps;         // samples of one response
    v2s_vec3 *unit;   // [measurements], unit vectors to the source
    float *ir;        // [measurements][2][taps], broadband delays applied; 0 = left ear, 1 = right
    char title[128];  // of the file, for messages and summaries; may be empty
} v2s_hrtf;

// Releases the arrays and zeroes the struct; accepts a zeroed struct.
void v2s_hrtf_free(v2s_hrtf *hrtf);

#endif
