// SPDX-License-Identifier: MIT
// Distance between energy decay curves in dB, for C-channel sounds x and y (y the truth):
//
//   E_x[t,c] = sum_{s >= t} x[s,c]^2               (Schroeder's backward integral, JASA 37, 1965)
//   D[t,c]   = 10 log10((E_x[t,c] + floor) / (E_y[t,c] + floor))
//   L        = mean over t and c of |D|            in dB
//   floor    = 1e-4 mean_c E_y[0,c] + 1e-10 T      40 dB below the truth; -100 dB full scale
//
//   dL/dx[s,c] = 2 x[s,c] sum_{t <= s} sign(D[t,c]) 10 / (ln 10 T C (E_x[t,c] + floor))
//
// where the sign of 0 is 0. Everything is finite for silence. The floor bounds the gradient of the
// last samples, where both curves vanish, to about 1/sqrt(floor) each; with a much lower one they
// outweigh all others.
//
// Shapes: x, y, dx [T,C]; work [T] doubles. All sums are carried in double.
#ifndef V2S_KERNELS_LOSS_EDC_H
#define V2S_KERNELS_LOSS_EDC_H

#include "kernels/base/real.h"

// Returns L (0 for T = 0); adds scale * dL/dx to dx unless dx is NULL.
double v2s_loss_edc(int T, int C, const real *x, const real *y, real scale, real *dx, double *work);

#endif
