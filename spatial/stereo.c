// SPDX-License-Identifier: MIT
#include "spatial/stereo.h"

#include <math.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"

void v2s_stereo_decode(const float *ambi, int channels, size_t frames, float *stereo) {
    V2S_ASSERT(channels >= V2S_FOA_CHANNELS);
    const double b = 0.7, k = 1.0 / sqrt(1.0 + b * b / 2.0);
    const float w_gain = (float)k, y_gain = (float)(k * b);
    for (size_t t = 0; t < frames; t++) {
        const float *a = ambi + t * (size_t)channels;
        float w = w_gain * a[V2S_ACN_W], y = y_gain * a[V2S_ACN_Y];
        stereo[2 * t] = w + y;
        stereo[2 * t + 1] = w - y;
    }
}
