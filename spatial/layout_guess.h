// SPDX-License-Identifier: MIT
// Which first-order layout does a four-channel sound have? A guess with its evidence; UNCERTAIN
// wherever the evidence is weak.
//
// The four layouts differ in the place of Y, Z, X and in the level of W against the dipoles:
//
//   ambix      W Y Z X, dipole energy / W energy of a plane wave 1 (SN3D)
//   n3d        W Y Z X, 3
//   fuma       W X Y Z, 2 (W is 3 dB lower)
//   wxyz_sn3d  W X Y Z, 1
//
// The method, its statistics and thresholds stand in layout_guess.c.
//
// Shapes    interleaved4 [frames][4], in file order. Streaming: add any number of blocks.
// Threads   A handle is used by one thread at a time. Memory is constant.
#ifndef V2S_SPATIAL_LAYOUT_GUESS_H
#define V2S_SPATIAL_LAYOUT_GUESS_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef enum v2s_layout {
    V2S_LAYOUT_UNCERTAIN,
    V2S_LAYOUT_AMBIX,
    V2S_LAYOUT_N3D,
    V2S_LAYOUT_FUMA,
    V2S_LAYOUT_WXYZ_SN3D
} v2s_layout;

// "uncertain", "ambix", "n3d", "fuma", "wxyz_sn3d".
const char *v2s_layout_name(v2s_layout layout);

typedef struct v2s_layout_result {
    v2s_layout layout;
    double dipole_ratio;      // energy of the three dipoles over W's, in the directional cells
    double directional_share; // of the energy, in cells with one clear direction, 0..1
    size_t frames_used;       // sample frames that were looked at
    char evidence[256];       // one sentence: what decided, or why nothing could be decided
} v2s_layout_result;

typedef struct v2s_layout_guess v2s_layout_guess;

// ARG: rate outside 4..400 kHz; NOMEM.
V2S_MUST_USE v2s_status v2s_layout_guess_open(double rate_hz, v2s_layout_guess **guess);

// NUMERIC: a sample that is not finite.
V2S_MUST_USE v2s_status v2s_layout_guess_add(v2s_layout_guess *guess, const float *interleaved4,
                                             size_t frames);

V2S_MUST_USE v2s_status v2s_layout_guess_finish(v2s_layout_guess *guess, v2s_layout_result *result);

void v2s_layout_guess_close(v2s_layout_guess **guess);

#endif
