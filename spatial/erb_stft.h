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
// Threads   A handle is used by one thread at a time.
#ifndef V2S_SPATIAL_ERB_STFT_H
#define V2S_SPATIAL_ERB_STFT_H

#include <stddef.h>

#include "kernels/fft.h"

enum { V2S_ERB_BANDS = 24 };

typedef struct v2s_erb_stft {
    double rate_hz;
    int n, hop;
    int bins;      // n/2 + 1
    int band_bins; // bins 0 .. band_bins-1 lie below the bands' end
    // Bin k adds rise[k] of its energy to band low[k] and 1 - rise[k] to band low[k] - 1; a band
    // outside 0..23 does not exist.
    int *low;      // [band_bins]
    double *rise;  // [band_bins]
    float *window; // [n]
    float *in;     // [n]
    v2s_fft_real *fft;
} v2s_erb_stft;

// ARG: a rate outside 4..400 kHz. NOMEM.
V2S_MUST_USE v2s_status v2s_erb_stft_open(double rate_hz, v2s_erb_stft **stft);

// Whole frames of a sound.
size_t v2s_erb_stft_count(const v2s_erb_stft *stft, size_t sound_frames);

// Spectrum [bins] of frame t of one channel of interleaved [..][channels]. The spectrum's memory is
// best aligned (v2s_fft_alloc).
void v2s_erb_stft_frame(v2s_erb_stft *stft, const float *interleaved, int channels, int channel,
                        size_t t, v2s_complex *spectrum);

void v2s_erb_stft_close(v2s_erb_stft **stft);

#endif
