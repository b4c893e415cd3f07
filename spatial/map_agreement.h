// SPDX-License-Identifier: MIT
// Published agreement of where the sound comes from: M6 (ViSAGe, jaeyeonkim99/visage,
// evaluate_spatial.py, utils/wild_360.py, utils/view_video.py), M8's and M9's angles.
//
//   M6   Both sounds are cut or filled with silence to 5 s. Maps of amplitude (energy_map.h) over
//        the whole ("all"), over windows of 1 s ("1fps") and of a fifth of a second ("5fps").
//        Row r of a map, x = 0..179, is resampled to S points,
//          S = round-half-even(180 sin(pi (r + 0.5) / 90)),  at  i (180 - 90 / S) / S,  i < S,
//        linearly (the reference interpolates with a period of 360 over knots 0..179; no position
//        reaches the last knot, so the period never counts). All in double.
//          cc    Pearson's correlation of the two maps' points (deviations over N, not N - 1)
//          auc   AUC-Judd: fixations are the truth's N points above max - deviation, thresholds t_i
//                the prediction's values there in descending order, i = 0..N-1;
//                tp_i = i / N, fp_i = (number of points >= t_i - i) / (points - N), trapezoids from
//                (0, 0) through (fp_i, tp_i) to (1, 1). The reference's jitter of 1e-7, which is
//                random, is left out.
//        Mean over the windows in which both maps have contrast; the reference skips windows
//        without one in 1fps and 5fps alone. Over the whole, cc is not a number where a map has no
//        contrast, auc where the prediction has none, and auc is 0.5 where the truth has none (no
//        fixation: the curve is the diagonal).
//   The reference's harmonics have gains 1, sqrt 2, 1, sqrt 2 for W,Y,Z,X, where SN3D has 1: a
//   misplaced parenthesis in its normalisation. Both are offered.
//
//   M8   angle between active intensities in frames of 100 ms, both made unit vectors,
//        arccos(clip(u v)) in degrees, mean over the frames whose W of the truth is within 40 dB of
//        the loudest (one source: the assignment of DCASE's DOA error is trivial)
//   M9   of the clip's active intensities I = sum_t W (X, Y, Z), radians: |wrapped difference of
//        azimuths|, |difference of elevations| and the great-circle angle. OmniAudio's evaluation
//        is not published: the definition is ours.
#ifndef V2S_SPATIAL_MAP_AGREEMENT_H
#define V2S_SPATIAL_MAP_AGREEMENT_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_map_scores {
    double cc, auc;           // over the whole
    double cc_1fps, auc_1fps; // mean over windows of 1 s
    double cc_5fps, auc_5fps; // of 0.2 s
} v2s_map_scores;

// foa [frames][4], AmbiX. `published`: with the reference's gains; `sn3d`: with the right ones;
// either may be NULL. Windows hold floor(rate / 5) samples and five times that (the reference
// refuses rates that 5 does not divide). ARG: a rate below 5 Hz. NOMEM.
V2S_MUST_USE v2s_status v2s_map_agreement(double rate_hz, size_t frames, const float *truth,
                                          const float *prediction, v2s_map_scores *published,
                                          v2s_map_scores *sn3d);

// M8; not a number where no frame has two directions.
double v2s_direction_error_deg(double rate_hz, size_t frames, const float *truth,
                               const float *prediction);

typedef struct v2s_intensity_error {
    double azimuth_rad, elevation_rad; // 0..pi
    double angle_rad;                  // 0..pi
} v2s_intensity_error;

// M9; not numbers where either sound has no intensity.
v2s_intensity_error v2s_intensity_error_of(size_t frames, const float *truth,
                                           const float *prediction);

#endif
