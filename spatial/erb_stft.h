// SPDX-License-Identifier: MIT
// The short-time spectra and bands in which spatial statistics are taken.
//
// STFT      periodic Hann of length n = 2^round(log2(0.032 s rate)), hop n/4, no padding: frame t
//           holds samples t n/4 .. t n/4 + n - 1, and what does not fill a frame is left out.
//             S_c[t,k] = sum_i h_i x_c[t n/4 + i] exp(-2 pi i k i / n),  k = 0 .. n/2
// Bands     24 triangles on the ERB-rate scale E(f) = 21.4 log10(1 + 0.00437 f) (Glasberg, Moore,
//           "Derivation of auditory filter shapes from notched-noise data", 1990): 26 points evenly
//           from E(0) to E(min(8 kHz, rate/2)), triangle b rises from point b to 1 at point b+1 and
//           falls to point b+2, linearly in E.
// All in double. Four signals are transformed side by side (spatial/field_ops.h).
// Threads   A handle is used by one thread at a time.
#ifndef V2S_SPATIAL_ERB_STFT_H
#define V2S_SPATIAL_ERB_STFT_H

#include <stdbool.h>
#include <stddef.h>

#include "spatial/field_ops.h"

enum { V2S_ERB_BANDS = 24 };

typedef struct v2s_erb_stft {
    double rate_hz;
    int n, hop;
    int bins;      // n/2 + 1
    int band_bins; // bins 0 .. band_bins-1 lie below the bands' end
    // Bin k adds rise[k] of its energy to band low[k] and 1 - rise[k] to band low[k] - 1; a band
    // outside 0..23 does not exist.
    int *low;       // [band_bins]
    double *rise;   // [band_bins]
    double *window; // [n]
    float *in;      // [n][4]
    v2s_lanes_fft fft;
    const v2s_field_ops *ops;
} v2s_erb_stft;

// ARG: a rate outside 4..400 kHz. NOMEM.
V2S_MUST_USE v2s_status v2s_erb_stft_open(double rate_hz, v2s_erb_stft **stft);

// Whole frames of a sound.
size_t v2s_erb_stft_count(const v2s_erb_stft *stft, size_t sound_frames);

// Spectra [bins] (v2s_fft_alloc) of frame t of the four channels of interleaved [..][4].
void v2s_erb_stft_four(v2s_erb_stft *stft, const float *interleaved, size_t t,
                       v2s_lanes_bin *spectrum);

// Of the frames t and t + 1 of the two channels of interleaved [..][2]: lanes 0 and 1, 2 and 3.
// With `one` the lanes 2 and 3 are zero.
void v2s_erb_stft_two(v2s_erb_stft *stft, const float *interleaved, size_t t, bool one,
                      v2s_lanes_bin *spectrum);

// Where the triangle of a band has its peak.
double v2s_erb_stft_centre_hz(const v2s_erb_stft *stft, int band);

void v2s_erb_stft_close(v2s_erb_stft **stft);

#endif
