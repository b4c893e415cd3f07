// SPDX-License-Identifier: MIT
// From the output of a `v2s` network to gains on the basis (kernels/band_layout.h).
//
//   omni   gains[t] = mean of raw[t - 3 .. t + 3] (56 ms), of those frames that exist: gains that
//          jump from frame to frame make tails lose level when frames overlap
//   dry    gains = raw
#ifndef V2S_KERNELS_BAND_GAINS_H
#define V2S_KERNELS_BAND_GAINS_H

#include <stdbool.h>

#include "kernels/base/host_device.h"

enum { V2S_BAND_GAINS_RADIUS = 3 }; // frames

// The frames that the mean of frame t takes, and the share of each.
typedef struct v2s_band_window {
    int first, last;
    float share;
} v2s_band_window;

static inline V2S_HD v2s_band_window v2s_band_window_of(int radius, int frames, int t) {
    v2s_band_window w;
    w.first = t > radius ? t - radius : 0;
    w.last = t + radius < frames ? t + radius : frames - 1;
    w.share = 1.0f / (float)(w.last - w.first + 1);
    return w;
}

// gains[frames][count] from raw[frames][count], overwritten; they must not overlap.
void v2s_band_gains(bool dry, int frames, int count, const float *raw, float *gains);

// The gradient: draw[frames][count], overwritten, from dgains[frames][count].
void v2s_band_gains_back(bool dry, int frames, int count, const float *dgains, float *draw);

#endif
