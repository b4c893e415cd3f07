// SPDX-License-Identifier: MIT
#include "spatial/erb_bands.h"

#include <math.h>
#include <stdlib.h>

double v2s_erb_rate(double hz) {
    return 21.4 * log10(1 + 0.00437 * hz);
}

double v2s_erb_hz(double rate) {
    return (pow(10, rate / 21.4) - 1) / 0.00437;
}

v2s_status v2s_erb_bands_open(int bands, double low_hz, double high_hz, int length, double rate_hz,
                              v2s_erb_bands *out) {
    v2s_erb_bands b = {.bands = bands, .bins = length / 2 + 1};
    b.first = calloc((size_t)bands, sizeof *b.first);
    b.weight = calloc((size_t)b.bins + V2S_ERB_PADDING, sizeof *b.weight);
    if (b.first == NULL || b.weight == NULL) {
        v2s_erb_bands_close(&b);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    double first = v2s_erb_rate(low_hz), step = (v2s_erb_rate(high_hz) - first) / (bands - 1);
    for (int i = 0; i < b.bins; i++) {
        double at = (v2s_erb_rate(i * rate_hz / length) - first) / step;
        at = fmin(fmax(at, 0), bands - 1);
        int lower = at < bands - 1 ? (int)at : bands - 2;
        b.weight[i] = (float)(at - lower);
        b.first[lower + 1] = i + 1;
    }
    for (int i = 1; i < bands; i++) // intervals without a bin, or above half the rate
        b.first[i] = b.first[i] > b.first[i - 1] ? b.first[i] : b.first[i - 1];
    double top = (v2s_erb_rate(rate_hz / 2) - first) / step;
    b.used = (int)fmin(fmax(ceil(top), 1), bands);
    *out = b;
    return V2S_OK;
}

void v2s_erb_bands_close(v2s_erb_bands *b) {
    free(b->first);
    free(b->weight);
    *b = (v2s_erb_bands){0};
}
