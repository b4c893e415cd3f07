// SPDX-License-Identifier: MIT
// From the output of a `v2s` network to gains on the basis (spatial/foa_basis.h).
//
//   omni   gains[t] = mean of raw[t - 3 .. t + 3] (56 ms), of those frames that exist: gains that
//          jump from frame to frame make tails lose level when frames overlap
//   dry    gains = raw
#ifndef V2S_INFER_BAND_GAINS_H
#define V2S_INFER_BAND_GAINS_H

#include <stdbool.h>

enum { V2S_BAND_GAINS_RADIUS = 3 }; // frames

// gains[frames][count] from raw[frames][count], overwritten; they must not overlap.
void v2s_band_gains(bool dry, int frames, int count, const float *raw, float *gains);

// The gradient: draw[frames][count], overwritten, from dgains[frames][count].
void v2s_band_gains_back(bool dry, int frames, int count, const float *dgains, float *draw);

#endif
