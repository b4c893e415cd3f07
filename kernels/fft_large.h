// SPDX-License-Identifier: MIT
// Transforms too long for one call of av_tx: four steps over a table of n1 x n2 (Bailey, "FFTs in
// external or hierarchical memory", 1990). Part of kernels/fft.h; nothing else includes this.
//
//   j = j1 n2 + j2, k = k1 + n1 k2:
//   X_k = sum_j2 w_n2^(j2 k2) [ w_n^(j2 k1) sum_j1 w_n1^(j1 k1) x_j ],   w_m = exp(-2 pi i / m)
//
// libavutil 57.28 reads past the end of its index tables (valgrind; then garbage or a crash) for
// complex transforms of {3,5,7,9,15} 2^k points beyond 131072, 163840 for one, and has none of 2^k
// points beyond 131072.
#ifndef V2S_KERNELS_FFT_LARGE_H
#define V2S_KERNELS_FFT_LARGE_H

#include "kernels/fft.h"

enum { V2S_FFT_COMPLEX_MAX = 131072 }; // of one call of av_tx

typedef struct v2s_fft_large v2s_fft_large;

// n complex points, a fast length above V2S_FFT_COMPLEX_MAX.
V2S_MUST_USE v2s_status v2s_fft_large_open(size_t n, v2s_fft_large **fft);

// X = forward transform of x[n]; may be the same array.
void v2s_fft_large_forward(v2s_fft_large *f, const v2s_complex *x, v2s_complex *spectrum);
void v2s_fft_large_close(v2s_fft_large **fft);

#endif
