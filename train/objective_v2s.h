// SPDX-License-Identifier: MIT
// The objective of the `v2s` presets (train/objective.h): band features in, gains of the basis
// (spatial/foa_basis.h) out, judged by their spatial statistics (train/band_loss.h).
//
// Opening reads every clip once and keeps band sums only (train/band_stats.h), so training touches
// no sound any more. It then fits the floors that a network has to beat (train/band_floors.h); the
// network starts from the constant gains, with a last layer that is zero otherwise.
#ifndef V2S_TRAIN_OBJECTIVE_V2S_H
#define V2S_TRAIN_OBJECTIVE_V2S_H

#include "infer/run_log.h"
#include "train/band_loss.h"
#include "train/objective.h"

typedef struct v2s_objective_v2s_config {
    v2s_pairing pairing; // V2S_PAIRING_OMNI or V2S_PAIRING_DRY
    int channels, hidden, kernel;
    double rate_hz;      // that clips are resampled to; 0: each has its own
    double segment_s;    // of a training row
    double dropout;      // share of the inputs that are set to 0
    double equaliser_db; // spread of the random gains of a row's spectrum
    double band_limit;   // share of the rows whose upper bands are hidden, as of a sound of a
                         // lower rate
    int rows;            // most rows of a batch
    int threads;         // for reading
    bool strict;         // a clip that cannot be used is an error; else it is named and left out
    v2s_run_log *log;    // for warnings; NULL: none
    v2s_loss_band_config loss;
} v2s_objective_v2s_config;

v2s_objective_v2s_config v2s_objective_v2s_defaults(v2s_pairing pairing);

// Clips are borrowed until close. FORMAT: no clip of one of the splits can be used.
V2S_MUST_USE v2s_status v2s_objective_v2s_open(const v2s_objective_v2s_config *config,
                                               const v2s_clip *const *train, size_t train_count,
                                               const v2s_clip *const *val, size_t val_count,
                                               v2s_objective **out);

#endif
