// SPDX-License-Identifier: MIT
// The Fourier transform of real signals in `real`, for operations that have a double twin:
//
//   forward   X_k = sum_t x_t exp(-2 pi i k t / n),                     k = 0 .. n/2
//   inverse   x_t = 1/n sum_k X_k exp(+2 pi i k t / n),   X_{n-k} = conj(X_k)
//
// In float it is kernels/fft.h; in double the definition, factor by factor.
//
// Shapes    x [n], X [n/2 + 1][2] (real part, imaginary part). The imaginary parts of X_0 and
//           X_{n/2} are 0 after a forward transform and are not read by the inverse.
// Lengths   those of kernels/fft.h, in both precisions.
// Threads   A handle is used by one thread at a time. Transforms allocate nothing.
#ifndef V2S_KERNELS_RDFT_H
#define V2S_KERNELS_RDFT_H

#include <stddef.h>

#include "kernels/base/real.h"
#include "kernels/base/status.h"

typedef struct v2s_rdft v2s_rdft;

// ARG for a length that v2s_fft_length_ok refuses, NOMEM.
V2S_MUST_USE v2s_status v2s_rdft_open(size_t n, v2s_rdft **out);

// The output is overwritten and may not overlap the input, which stays as it is.
void v2s_rdft_forward(v2s_rdft *dft, const real *x, real *X);
void v2s_rdft_inverse(v2s_rdft *dft, const real *X, real *x);

// Frees and sets *dft to NULL; accepts NULL inside.
void v2s_rdft_close(v2s_rdft **dft);

#endif
