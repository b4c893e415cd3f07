// SPDX-License-Identifier: MIT
// Multi-resolution STFT loss between C-channel sounds x and y (y the truth): the mean over
// resolutions of spectral convergence plus log-magnitude distance,
//
//   L = 1/R sum_r ( ||M_x - M_y||_F / ||M_y||_F  +  mean |ln M_x - ln M_y| ),
//
// norms and mean over channels, frames and bins of resolution r (Yamamoto, Song, Kim, "Parallel
// WaveGAN", ICASSP 2020, equations 3 to 6; there with one channel). Of the STFT X with periodic
// Hann windows of n samples, a quarter hop, n/2 zeros at both ends:
//
//   M_x = sqrt(|X|^2 + floor),   M_y = sqrt(|Y|^2 + floor),
//   floor = 1e-6 mean |Y|^2 (over channels, frames, bins) + 1e-10 sum w^2
//
// so that what lies 60 dB below the truth, or below noise of -100 dB full scale, counts little,
// and everything is finite for silence. The norms run over all channels, because a single channel
// (Z of a source on the horizon) may be silent.
//
//   dL/dX = X / M_x (M_x - M_y) / (||M_x - M_y|| ||M_y||) + X / M_x^2 sign(M_x - M_y) / count
//
// taken as 0 where M_x = M_y, and through the STFT's adjoint (kernels/stft.h). The magnitudes are
// even in X, whose gradient at 0 is 0.
//
// Shapes    x, y, dx [T,C].
// Threads   A handle is used by one thread at a time. Nothing but open allocates.
#ifndef V2S_KERNELS_LOSS_MRSTFT_H
#define V2S_KERNELS_LOSS_MRSTFT_H

#include "kernels/base/real.h"
#include "kernels/base/status.h"

typedef struct v2s_loss_mrstft v2s_loss_mrstft;

// For up to T samples of C channels; n [resolutions]: points of each, multiples of 4 that
// v2s_fft_length_ok accepts. ARG names what is out of range; NOMEM.
V2S_MUST_USE v2s_status v2s_loss_mrstft_open(int T, int C, int resolutions, const int *n,
                                             v2s_loss_mrstft **out);

// Returns L of the first T samples (0 for T = 0); adds scale * dL/dx to dx unless dx is NULL.
double v2s_loss_mrstft_value(v2s_loss_mrstft *loss, int T, const real *x, const real *y, real scale,
                             real *dx);

// Frees and sets *loss to NULL; accepts NULL inside.
void v2s_loss_mrstft_close(v2s_loss_mrstft **loss);

#endif
