// SPDX-License-Identifier: MIT
// The numbers of the losses (formulas in kernels/loss_<type>.h) that the forms for every device
// share. Macros, because kernels for a GPU cannot read constants of the host.
#ifndef V2S_KERNELS_LOSS_CONSTANTS_H
#define V2S_KERNELS_LOSS_CONSTANTS_H

#include <math.h>

#include "kernels/fft_length.h"

#define V2S_LOSS_ABSOLUTE_FLOOR 1e-10 // -100 dB full scale
#define V2S_LOSS_WINDOW_POWER 0.375   // mean w^2 of a Hann window

#define V2S_EDC_RELATIVE_FLOOR 1e-4            // -40 dB
#define V2S_EDC_DB_PER_NEPER 4.342944819032518 // 10 / ln 10

#define V2S_MRSTFT_RELATIVE_FLOOR 1e-6 // -60 dB

#define V2S_INTENSITY_WINDOW_S 0.032
#define V2S_INTENSITY_HIGHEST_HZ 8000.0
#define V2S_INTENSITY_SOFT_SHARE 1e-3 // of the mean |I_y|, in e

enum { V2S_INTENSITY_CHANNELS = 4, V2S_INTENSITY_BANDS = 24, V2S_INTENSITY_BLOCK = 8 };

// Points of the intensity loss's transforms.
static inline int v2s_intensity_points(double rate_hz) {
    return (int)v2s_fft_length_above((size_t)lround(V2S_INTENSITY_WINDOW_S * rate_hz));
}

static inline double v2s_erb_rate(double f_hz) {
    return 21.4 * log10(1.0 + 0.00437 * f_hz);
}

// Place of bin k on the scale whose unit is the distance of two bands: triangle b rises from place
// b to b + 1 and falls to b + 2. Negative for a bin above the highest frequency.
static inline double v2s_intensity_place(int k, int n, double rate_hz) {
    double top_hz = fmin(V2S_INTENSITY_HIGHEST_HZ, rate_hz / 2.0);
    if (k * rate_hz / n > top_hz)
        return -1.0;
    return v2s_erb_rate(k * rate_hz / n) / v2s_erb_rate(top_hz) * (V2S_INTENSITY_BANDS + 1);
}

#endif
