// SPDX-License-Identifier: MIT
// The inner loops of the spatial statistics (erb_stft.h, foa_stats.h, ear_stats.h), in double, for
// four signals side by side in the lanes of a vector. One source per instruction set
// (field_ops_body.h): the same sums in the same order, so a result does not depend on the machine.
#ifndef V2S_SPATIAL_FIELD_OPS_H
#define V2S_SPATIAL_FIELD_OPS_H

#include "kernels/base/cpu.h"
#include "kernels/base/status.h"

typedef double v2s_lanes4 __attribute__((vector_size(32)));

typedef struct v2s_lanes_bin {
    v2s_lanes4 re, im;
} v2s_lanes_bin;

// Real transforms of n = 2^k points, k >= 3.
typedef struct v2s_lanes_fft {
    int n;
    double *turn_re, *turn_im; // [3 n/4] exp(-2 pi i k / n)
    v2s_lanes_bin *work[2];    // [n/2] each
} v2s_lanes_fft;

// Products of the lanes, added up: |S_i|^2 in `own`, S_i S_j^* with j = i + 1 in `next` and with
// j = i + 2 in `across`, j modulo 4.
typedef struct v2s_lanes_sums {
    v2s_lanes4 own, next_re, next_im, across_re, across_im;
} v2s_lanes_sums;

typedef struct v2s_field_ops {
    // spectrum[k] = sum_i window[i] x[i] exp(-2 pi i k i / n), k = 0 .. n/2; x [n][4].
    void (*transform)(v2s_lanes_fft *fft, const double *window, const float *x,
                      v2s_lanes_bin *spectrum);
    // Adds the products of bin k, times rise[k] to band low[k], times 1 - rise[k] to band
    // low[k] - 1, where these lie in 0 .. bands-1; low rises with k.
    void (*collect)(int bins, const int *low, const double *rise, const v2s_lanes_bin *x, int bands,
                    v2s_lanes_sums *sums);
    // out[k] = |x[k]| + floor_magnitude
    void (*magnitudes)(int bins, const v2s_lanes_bin *x, double floor_magnitude, v2s_lanes4 *out);
    // sum over bins and the lanes 1..3 of ln((|x| + floor_magnitude) / other)^2; the logarithm is
    // good to 1e-12, and 0 for equal numbers.
    double (*log_distance)(int bins, const v2s_lanes_bin *x, double floor_magnitude,
                           const v2s_lanes4 *other);
} v2s_field_ops;

const v2s_field_ops *v2s_field_ops_for(v2s_isa isa);

// NOMEM. Closed by v2s_lanes_fft_close, also after a failure.
V2S_MUST_USE v2s_status v2s_lanes_fft_open(int n, v2s_lanes_fft *fft);
void v2s_lanes_fft_close(v2s_lanes_fft *fft);

#endif
