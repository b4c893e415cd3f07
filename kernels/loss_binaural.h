// SPDX-License-Identifier: MIT
// Distance between two first-order sounds x and y (y the truth) as two ears hear them:
//
//   L = measure(h * x, h * y),   dL/dx = h correlated with d(measure)/d(h * x)
//
// h * . is a fixed decode by FIR filters (kernels/fir_matrix.h), tail included; the measure is the
// mean squared error (kernels/loss_mse.h) or the multi-resolution STFT loss (kernels/loss_mrstft.h)
// of the two ears.
//
// Shapes    x, y, dx [T,4], AmbiX order W, Y, Z, X; filters [2][4][taps], left ear first.
// Threads   A handle is used by one thread at a time. Nothing but open allocates.
#ifndef V2S_KERNELS_LOSS_BINAURAL_H
#define V2S_KERNELS_LOSS_BINAURAL_H

#include "kernels/base/real.h"
#include "kernels/base/status.h"

typedef struct v2s_loss_binaural v2s_loss_binaural;

// For up to T samples; copies the filters. n [resolutions] are the points of the STFT loss;
// resolutions 0: mean squared error. ARG and NOMEM as v2s_fir_matrix_open and
// v2s_loss_mrstft_open say.
V2S_MUST_USE v2s_status v2s_loss_binaural_open(int T, int taps, const real *filters,
                                               int resolutions, const int *n,
                                               v2s_loss_binaural **out);

// Returns L of the first T samples (0 for T = 0); adds scale * dL/dx to dx unless dx is NULL.
double v2s_loss_binaural_value(v2s_loss_binaural *loss, int T, const real *x, const real *y,
                               real scale, real *dx);

// Frees and sets *loss to NULL; accepts NULL inside.
void v2s_loss_binaural_close(v2s_loss_binaural **loss);

#endif
