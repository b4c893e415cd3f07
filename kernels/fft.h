// SPDX-License-Identifier: MIT
// One-dimensional Fourier transforms of single precision, by libavutil's av_tx.
//
//   forward   X_k = sum_t x_t exp(-2 pi i k t / n)
//   inverse   x_t = 1/n sum_k X_k exp(+2 pi i k t / n)       (normalised: inverse(forward(x)) = x)
//
// Shapes    real transform: x [n], X [n/2 + 1]; the imaginary parts of X_0 and X_{n/2} are 0 after
//           a forward transform and are not read by the inverse.
//           complex transform: x [n], X [n].
// Lengths   av_tx accepts every length, but runs an O(n^2) sum at all but its fast ones, so only
//           {1,3,5,7,9,15} 2^k with 4 <= 2^k <= 131072 are accepted here. Beyond 131072 complex
//           points (262144 real ones) four steps are taken (kernels/fft_large.h).
// Memory    Any alignment; results go without a copy into buffers aligned to 64 bytes
//           (v2s_fft_alloc). Input is never changed. Input and output may not overlap.
// Threads   A handle is used by one thread at a time; open one per thread.
#ifndef V2S_KERNELS_FFT_H
#define V2S_KERNELS_FFT_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "kernels/fft_length.h"

typedef struct v2s_complex {
    float re, im;
} v2s_complex;

typedef struct v2s_fft_real v2s_fft_real;
typedef struct v2s_fft_complex v2s_fft_complex;

// ARG for a length that is not fast, NOMEM.
V2S_MUST_USE v2s_status v2s_fft_real_open(size_t n, v2s_fft_real **fft);
size_t v2s_fft_real_length(const v2s_fft_real *fft);
void v2s_fft_real_forward(v2s_fft_real *fft, const float *x, v2s_complex *spectrum);
void v2s_fft_real_inverse(v2s_fft_real *fft, const v2s_complex *spectrum, float *x);
void v2s_fft_real_close(v2s_fft_real **fft);

V2S_MUST_USE v2s_status v2s_fft_complex_open(size_t n, v2s_fft_complex **fft);
size_t v2s_fft_complex_length(const v2s_fft_complex *fft);
void v2s_fft_complex_forward(v2s_fft_complex *fft, const v2s_complex *x, v2s_complex *spectrum);
void v2s_fft_complex_inverse(v2s_fft_complex *fft, const v2s_complex *spectrum, v2s_complex *x);
void v2s_fft_complex_close(v2s_fft_complex **fft);

// Zeroed memory aligned to 64 bytes, for the transforms' buffers; NULL when there is none.
// Released by v2s_fft_free, which accepts NULL.
void *v2s_fft_alloc(size_t count, size_t item_size);
void v2s_fft_free(void *p);

#endif
