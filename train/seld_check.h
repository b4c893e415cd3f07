// SPDX-License-Identifier: MIT
// Does a four-channel sound come from where its labels say, and in which order and normalisation
// are its channels?
//
// Direction of a span: the active intensities of its 10 ms cells (spatial/foa_cells.h), which are
// weighted by energy, each in the frame of the label's direction at that time,
//
//   r = I.u,  e = I.(-sin az, cos az, 0),  n = I.(-cos az sin el, -sin az sin el, cos el)
//
// are added up, and the angle is atan2(|(e, n)|, r). For a source that stands still this is the
// angle between the span's intensity and its label; one that moves is compared moment by moment.
//
// Channels: the same with the dipoles taken as X Y Z (FuMa's order) tells the order. In cells with
// a coherence of at least 0.8, where one plane wave leaves little room for anything else, the
// energy of the dipoles over W's is 1 in SN3D, 2 in FuMa, 3 in N3D; microphones' dipoles are seldom
// exact, so a normalisation is named only where the ratio is the same in most spans.
#ifndef V2S_TRAIN_SELD_CHECK_H
#define V2S_TRAIN_SELD_CHECK_H

#include <stdbool.h>

#include "spatial/foa_cells.h"
#include "spatial/layout_guess.h"
#include "spatial/trajectory.h"

// More than this is not explained by reverberation, and the clip is flagged.
#define V2S_SELD_ANGLE_MAX_DEG 30.0

typedef struct v2s_seld_evidence {
    double angle_deg, angle_wxyz_deg; // NAN: no intensity at all
    v2s_vec3 intensity;               // sum, channels as W Y Z X, not turned
    double ratio;                     // dipoles over W in coherent cells; NAN: none
    bool silent;                      // W below -120 dB of full scale
} v2s_seld_evidence;

// cells [count] of the whole sound at rate_hz; the stretch from start_s to end_s of it.
v2s_seld_evidence v2s_seld_judge(const v2s_foa_cell *cells, size_t count, double rate_hz,
                                 double start_s, double end_s, const v2s_trajectory *path);

// All spans of a data set together.
typedef struct v2s_seld_channels {
    size_t count, room;
    double *angle, *angle_wxyz, *ratio; // [count], of spans with a direction; ratio NAN: none
} v2s_seld_channels;

// NOMEM. Evidence without a direction is passed over.
V2S_MUST_USE v2s_status v2s_seld_channels_add(v2s_seld_channels *c, const v2s_seld_evidence *e);
void v2s_seld_channels_free(v2s_seld_channels *c); // accepts a zeroed one

typedef struct v2s_seld_verdict {
    v2s_layout layout;                // UNCERTAIN: order or normalisation cannot be told
    bool wyzx, wxyz;                  // the order that the labels speak for; both false: neither
    double angle_deg, angle_wxyz_deg; // medians over spans
    double ratio, spread;             // median; quarter to three quarters as a factor - 1
    size_t ratios;                    // spans that have one
} v2s_seld_verdict;

// Sorts what it holds.
v2s_seld_verdict v2s_seld_channels_judge(v2s_seld_channels *c);

#endif
