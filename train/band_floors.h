// SPDX-License-Identifier: MIT
// Floors that a `v2s` network has to beat, fitted on its training clips:
//   scaled    the least-squares constant gain of each channel of the geometric path
//   constant  constant gains on the basis (spatial/foa_basis.h), by the network's own loss: Adam
//             over 12 000 rows of up to 5 s. They are where the network starts, too.
#ifndef V2S_TRAIN_BAND_FLOORS_H
#define V2S_TRAIN_BAND_FLOORS_H

#include "train/band_clips.h"
#include "train/band_loss.h"

// Gains of W, Y, Z, X.
void v2s_band_floor_scaled(const v2s_band_clips *clips, float gain[4]);

// constant [V2S_BASIS_BANDS][gains of the pairing]. Deterministic, whatever the threads. log: for
// progress; NULL: none.
V2S_MUST_USE v2s_status v2s_band_floor_constant(const v2s_band_clips *clips, bool dry,
                                                const v2s_loss_band_config *loss, int threads,
                                                const v2s_run_log *log, float *constant);

#endif
