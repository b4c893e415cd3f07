// SPDX-License-Identifier: MIT
#include "infer/depth_picture.h"

#include <math.h>
#include <string.h>

#include "infer/report_colour.h"

// Lightness of both ends (OKLab).
static const double dark_l = 0.2, light_l = 0.95;

enum { MOST_TOP = 1000 }; // m

static const uint8_t grey[3] = {128, 128, 128};

void v2s_depth_ramp_init(v2s_depth_ramp *ramp) {
    for (int i = 0; i < 256; i++)
        v2s_colour_ramp(dark_l, light_l, i / 255.0, ramp->rgb[i]);
}

const uint8_t *v2s_depth_ramp_at(const v2s_depth_ramp *ramp, double value, double top) {
    double share = top > 0 ? fmin(fmax(value / top, 0.0), 1.0) : 0.0;
    return ramp->rgb[lround(255.0 * share)];
}

static size_t count_above(size_t count, const float *depth_m, int limit_m) {
    size_t above = 0;
    for (size_t i = 0; i < count; i++)
        above += depth_m[i] > (float)limit_m;
    return above;
}

double v2s_depth_top(size_t count, const float *depth_m) {
    size_t few = count_above(count, depth_m, 0) / 100;
    int top = 1;
    while (top < MOST_TOP && count_above(count, depth_m, top) > few)
        top++;
    return top;
}

void v2s_depth_colours(const v2s_depth_ramp *ramp, size_t count, const float *depth_m, double top,
                       uint8_t *rgb) {
    for (size_t i = 0; i < count; i++) {
        double d = (double)depth_m[i];
        memcpy(rgb + 3 * i, d > 0 ? v2s_depth_ramp_at(ramp, d, top) : grey, 3);
    }
}

void v2s_depth_error_colours(const v2s_depth_ramp *ramp, size_t count, const float *predicted_m,
                             const float *truth_m, double top, uint8_t *rgb) {
    for (size_t i = 0; i < count; i++) {
        double error = fabs((double)predicted_m[i] - (double)truth_m[i]);
        memcpy(rgb + 3 * i, truth_m[i] > 0 ? v2s_depth_ramp_at(ramp, error, top) : grey, 3);
    }
}

double v2s_depth_loudness(float magnitude, double loudest) {
    if (!(magnitude > 0) || !(loudest > 0))
        return 0;
    double db = 20 * log10((double)magnitude / loudest);
    return fmin(fmax(1 + db / V2S_DEPTH_FLOOR_DB, 0.0), 1.0);
}

void v2s_depth_spectrogram_colours(const v2s_depth_ramp *ramp, int size, const float *x,
                                   double loudest, uint8_t *rgb) {
    for (int y = 0; y < size; y++)
        for (int c = 0; c < size; c++) {
            float magnitude = x[(size_t)(size - 1 - y) * (size_t)size + (size_t)c];
            memcpy(rgb + 3 * ((size_t)y * (size_t)size + (size_t)c),
                   v2s_depth_ramp_at(ramp, v2s_depth_loudness(magnitude, loudest), 1), 3);
        }
}

double v2s_depth_loudest(size_t count, const float *x) {
    float loudest = 0;
    for (size_t i = 0; i < count; i++)
        loudest = fmaxf(loudest, x[i]);
    return (double)loudest;
}
