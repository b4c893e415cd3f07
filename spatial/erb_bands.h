// SPDX-License-Identifier: MIT
// Overlapping triangles on the ERB-rate scale (Glasberg & Moore, "Derivation of auditory filter
// shapes from notched-noise data", 1990):
//
//   rate(f) = 21.4 log10(1 + 0.00437 f)
//
// Centres stand at equal steps of rate; a bin between two centres belongs to both, with weights
// that add to one, linear in rate. Below the first and above the last centre a bin belongs to that
// one alone. The same weights collect energies into bands and spread gains over bins.
#ifndef V2S_SPATIAL_ERB_BANDS_H
#define V2S_SPATIAL_ERB_BANDS_H

#include "kernels/base/status.h"

enum { V2S_ERB_PADDING = 16 };

typedef struct v2s_erb_bands {
    int bands, bins;
    int used;      // bands whose centre lies below half the rate: 1 .. bands
    int *first;    // [bands] bins first[b] .. first[b+1]-1 lie between the centres b and b + 1
                   // (the lowest interval and the highest one reach to the ends)
    float *weight; // [bins] share of the upper of the two; the lower one has 1 - weight;
                   // V2S_ERB_PADDING zeros behind it
} v2s_erb_bands;

double v2s_erb_rate(double hz);
double v2s_erb_hz(double rate);

// `bands` centres from low_hz to high_hz over the bins of a transform of `length` samples (bins =
// length/2 + 1). Centres do not depend on rate or length. NOMEM. Free with v2s_erb_bands_close.
V2S_MUST_USE v2s_status v2s_erb_bands_open(int bands, double low_hz, double high_hz, int length,
                                           double rate_hz, v2s_erb_bands *out);
void v2s_erb_bands_close(v2s_erb_bands *b);

#endif
