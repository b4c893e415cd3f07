// SPDX-License-Identifier: MIT
#include "spatial/si_sdr.h"

#include <math.h>

static double mean_of(size_t frames, size_t channels, const float *x) {
    double sum = 0;
    for (size_t i = 0; i < frames; i++)
        sum += (double)x[i * channels];
    return sum / (double)frames;
}

static double one_channel(size_t frames, size_t channels, const float *truth,
                          const float *prediction) {
    double mt = mean_of(frames, channels, truth), mp = mean_of(frames, channels, prediction);
    double tt = 0, pt = 0, wanted = 0, rest = 0;
    for (size_t i = 0; i < frames; i++) {
        double t = (double)truth[i * channels] - mt, p = (double)prediction[i * channels] - mp;
        tt += t * t;
        pt += p * t;
    }
    double gain = pt / (tt + 1e-8);
    for (size_t i = 0; i < frames; i++) {
        double t = gain * ((double)truth[i * channels] - mt);
        double p = (double)prediction[i * channels] - mp;
        wanted += t * t;
        rest += (t - p) * (t - p);
    }
    return 10 * log10(wanted / rest);
}

double v2s_si_sdr_db(size_t frames, int channels, const float *truth, const float *prediction) {
    double sum = 0;
    for (int c = 0; c < channels; c++)
        sum += one_channel(frames, (size_t)channels, truth + c, prediction + c);
    return sum / channels;
}

static double ild_db(size_t frames, const float *stereo) {
    double left = 0, right = 0;
    for (size_t i = 0; i < frames; i++) {
        left += (double)stereo[2 * i] * (double)stereo[2 * i];
        right += (double)stereo[2 * i + 1] * (double)stereo[2 * i + 1];
    }
    return 10 * log10(left / right);
}

double v2s_ild_error_db(size_t frames, const float *truth, const float *prediction) {
    return fabs(ild_db(frames, prediction) - ild_db(frames, truth));
}
