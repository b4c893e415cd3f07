// SPDX-License-Identifier: MIT
#include "kernels/band_gains.h"

#include <stddef.h>
#include <string.h>

// Adds share(t) * from[row of `from`] to to[row of `to`] for every frame t and every frame f that
// its mean takes; `back`: from t to f, otherwise from f to t.
static void spread(bool back, int radius, int frames, int count, const float *from, float *to) {
    memset(to, 0, (size_t)frames * (size_t)count * sizeof *to);
    for (int t = 0; t < frames; t++) {
        v2s_band_window w = v2s_band_window_of(radius, frames, t);
        for (int f = w.first; f <= w.last; f++) {
            const float *x = from + (size_t)(back ? t : f) * (size_t)count;
            float *y = to + (size_t)(back ? f : t) * (size_t)count;
            for (int i = 0; i < count; i++)
                y[i] += w.share * x[i];
        }
    }
}

void v2s_band_gains(bool dry, int frames, int count, const float *raw, float *gains) {
    spread(false, dry ? 0 : V2S_BAND_GAINS_RADIUS, frames, count, raw, gains);
}

void v2s_band_gains_back(bool dry, int frames, int count, const float *dgains, float *draw) {
    spread(true, dry ? 0 : V2S_BAND_GAINS_RADIUS, frames, count, dgains, draw);
}
