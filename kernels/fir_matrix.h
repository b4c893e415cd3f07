// SPDX-License-Identifier: MIT
// A matrix of FIR filters over a whole signal, tail included, and its adjoint:
//
//   forward   y[t,o]  = sum_i sum_k h[o,i,k] x[t-k,i]        t = 0 .. T + taps - 2
//   backward  dx[t,i] += sum_o sum_k h[o,i,k] dy[t+k,o]      t = 0 .. T - 1
//
// (x is 0 outside 0 .. T-1.) The filters are constants. Both run as one Fourier transform per
// channel over the whole signal. For an endless stream: kernels/convolver.h.
//
// Shapes    h [outputs][inputs][taps]; x, dx [T,inputs]; y, dy [T + taps - 1,outputs]. T = 0 gives
//           nothing.
// Threads   A handle is used by one thread at a time. Nothing but open allocates.
#ifndef V2S_KERNELS_FIR_MATRIX_H
#define V2S_KERNELS_FIR_MATRIX_H

#include "kernels/base/real.h"
#include "kernels/base/status.h"

typedef struct v2s_fir_matrix v2s_fir_matrix;

// For up to T samples; copies the filters. ARG: a size below 1, or T + taps - 1 above the longest
// transform of kernels/fft.h; NOMEM.
V2S_MUST_USE v2s_status v2s_fir_matrix_open(int T, int inputs, int outputs, int taps, const real *h,
                                            v2s_fir_matrix **out);

// Forward overwrites y, backward adds into dx; nothing may overlap.
void v2s_fir_matrix_forward(v2s_fir_matrix *m, int T, const real *x, real *y);
void v2s_fir_matrix_backward(v2s_fir_matrix *m, int T, const real *dy, real *dx);

// Frees and sets *m to NULL; accepts NULL inside.
void v2s_fir_matrix_close(v2s_fir_matrix **m);

#endif
