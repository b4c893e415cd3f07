// SPDX-License-Identifier: MIT
// One-dimensional Fourier transforms of double precision, by libavutil's av_tx: for measures that
// have to agree to the digit. kernels/fft.h has the single ones, their definition, lengths and
// rules of memory and threads, which hold here too, but:
//
//   forward   X_k = sum_t x_t exp(-2 pi i k t / n)
//   inverse   x_t = 1/n sum_k X_k exp(+2 pi i k t / n)
//
// Lengths   those of v2s_fft_length_ok with at most 131072 complex or 262144 real points.
#ifndef V2S_KERNELS_FFT_F64_H
#define V2S_KERNELS_FFT_F64_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_complex_f64 {
    double re, im;
} v2s_complex_f64;

typedef struct v2s_fft_real_f64 v2s_fft_real_f64;
typedef struct v2s_fft_complex_f64 v2s_fft_complex_f64;

// ARG for a length that is not fast or too large, NOMEM.
V2S_MUST_USE v2s_status v2s_fft_real_f64_open(size_t n, v2s_fft_real_f64 **fft);
// x [n], spectrum [n/2 + 1].
void v2s_fft_real_f64_forward(v2s_fft_real_f64 *fft, const double *x, v2s_complex_f64 *spectrum);
void v2s_fft_real_f64_close(v2s_fft_real_f64 **fft);

// ARG for a length that is not fast or too large, NOMEM.
V2S_MUST_USE v2s_status v2s_fft_complex_f64_open(size_t n, v2s_fft_complex_f64 **fft);
void v2s_fft_complex_f64_forward(v2s_fft_complex_f64 *fft, const v2s_complex_f64 *x,
                                 v2s_complex_f64 *spectrum);
void v2s_fft_complex_f64_inverse(v2s_fft_complex_f64 *fft, const v2s_complex_f64 *spectrum,
                                 v2s_complex_f64 *x);
void v2s_fft_complex_f64_close(v2s_fft_complex_f64 **fft);

#endif
