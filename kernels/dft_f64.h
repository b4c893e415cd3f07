// SPDX-License-Identifier: MIT
// The Fourier transform of any length, in double:
//
//   X_k = sum_j x_j exp(-2 pi i j k / n),   k = 0 .. n-1
//
// Lengths   Those of kernels/fft_f64.h go there. A length with two factors n = n1 n2 goes through
//           both (Bailey, "FFTs in external or hierarchical memory", 1990), j = j1 n2 + j2,
//           k = k1 + n1 k2:
//             X_k = sum_j2 w_n2^(j2 k2) [ w_n^(j2 k1) sum_j1 w_n1^(j1 k1) x_j ]
//           and any other through one of m >= 2n - 1 points, a power of two times 1..15 (Bluestein,
//           "A linear filtering approach to the computation of discrete Fourier transform", 1970),
//           with w = exp(-i pi / n) and j k = (j^2 + k^2 - (k - j)^2) / 2:
//             X_k = w^(k^2) sum_j (x_j w^(j^2)) w^(-(k-j)^2)
// Memory    Up to 3 m points beside the caller's.
// Threads   A handle is used by one thread at a time.
#ifndef V2S_KERNELS_DFT_F64_H
#define V2S_KERNELS_DFT_F64_H

#include "kernels/fft_f64.h"

#define V2S_DFT_F64_POINTS_MAX ((size_t)1 << 29) // a m above it is refused, too

typedef struct v2s_dft_f64 v2s_dft_f64;

// ARG: n is 0 or above V2S_DFT_F64_POINTS_MAX. NOMEM.
V2S_MUST_USE v2s_status v2s_dft_f64_open(size_t n, v2s_dft_f64 **dft);

// x [n] becomes working space; spectrum [n]. They may not overlap.
void v2s_dft_f64_forward(v2s_dft_f64 *dft, v2s_complex_f64 *x, v2s_complex_f64 *spectrum);

// x_j = 1/n sum_k X_k exp(+2 pi i j k / n), with the same rules.
void v2s_dft_f64_inverse(v2s_dft_f64 *dft, v2s_complex_f64 *spectrum, v2s_complex_f64 *x);

void v2s_dft_f64_close(v2s_dft_f64 **dft);

#endif
