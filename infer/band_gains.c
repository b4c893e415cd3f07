// SPDX-License-Identifier: MIT
#include "infer/band_gains.h"

#include <stddef.h>
#include <string.h>

typedef struct span {
    int first, last;
} span;

static span around(int frames, int t) {
    int first = t - V2S_BAND_GAINS_RADIUS, last = t + V2S_BAND_GAINS_RADIUS;
    return (span){first > 0 ? first : 0, last < frames ? last : frames - 1};
}

void v2s_band_gains_smooth(int frames, int count, const float *raw, float *gains) {
    memset(gains, 0, (size_t)frames * (size_t)count * sizeof *gains);
    for (int t = 0; t < frames; t++) {
        span s = around(frames, t);
        float share = 1.0f / (float)(s.last - s.first + 1), *to = gains + (size_t)t * (size_t)count;
        for (int f = s.first; f <= s.last; f++)
            for (int i = 0; i < count; i++)
                to[i] += share * raw[(size_t)f * (size_t)count + (size_t)i];
    }
}

void v2s_band_gains_smooth_back(int frames, int count, const float *dgains, float *draw) {
    memset(draw, 0, (size_t)frames * (size_t)count * sizeof *draw);
    for (int t = 0; t < frames; t++) {
        span s = around(frames, t);
        float share = 1.0f / (float)(s.last - s.first + 1);
        const float *from = dgains + (size_t)t * (size_t)count;
        for (int f = s.first; f <= s.last; f++)
            for (int i = 0; i < count; i++)
                draw[(size_t)f * (size_t)count + (size_t)i] += share * from[i];
    }
}
