// SPDX-License-Identifier: MIT
// Published agreement of where the sound comes from: M6 (ViSAGe, evaluate_spatial.py) and M8.
//
//   M6   both sounds cut or filled with silence to 5 s; maps of amplitude (energy_map.h, but with
//        the reference's gains: Y and X by sqrt 2) over the whole, each second, each fifth of a
//        second; rows resampled to round(180 sin) points; cc is Pearson's correlation of prediction
//        and truth, auc AUC-Judd with the truth's points above max - std as fixations. Windows in
//        which either is not a number (a map without contrast) are left out, as is the reference's
//        jitter of 1e-7, which is random.
//   M8   angle between active intensities in frames of 100 ms, both made unit vectors,
//        arccos(clip(u v)) in degrees, mean over the frames whose W of the truth is within 40 dB of
//        the loudest (one source: the assignment of DCASE's DOA error is trivial)
#ifndef V2S_SPATIAL_MAP_AGREEMENT_H
#define V2S_SPATIAL_MAP_AGREEMENT_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_map_scores {
    double cc, auc;           // over the whole
    double cc_1fps, auc_1fps; // mean over windows of 1 s
    double cc_5fps, auc_5fps; // of 0.2 s
} v2s_map_scores;

// foa [frames][4], AmbiX. NOMEM.
V2S_MUST_USE v2s_status v2s_map_agreement(double rate_hz, size_t frames, const float *truth,
                                          const float *prediction, v2s_map_scores *scores);

// M8; not a number where no frame has two directions.
double v2s_direction_error_deg(double rate_hz, size_t frames, const float *truth,
                               const float *prediction);

#endif
