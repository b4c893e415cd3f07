// SPDX-License-Identifier: MIT
// From the output of a `v2s` network to gains on the basis (spatial/foa_basis.h). Where W has the
// room in it (pairing `omni`), they are the mean over 7 frames (56 ms): gains that jump from frame
// to frame make tails lose level and correlate with W when frames overlap. Pairing `dry`: as they
// are.
#ifndef V2S_INFER_BAND_GAINS_H
#define V2S_INFER_BAND_GAINS_H

enum { V2S_BAND_GAINS_RADIUS = 3 };

// gains[frames][count] from raw[frames][count]: means of the frames t - 3 .. t + 3 that exist.
void v2s_band_gains_smooth(int frames, int count, const float *raw, float *gains);

// The gradient: draw[frames][count] from dgains[frames][count].
void v2s_band_gains_smooth_back(int frames, int count, const float *dgains, float *draw);

#endif
