// SPDX-License-Identifier: MIT
// Distance between the directions of the intensity vectors of two first-order sounds x and y (y the
// truth), per band and block, weighted by the truth's net flow of energy:
//
//   I[b,j] = sum over the bins k of band b and the frames of block j of
//            a_bk Re{conj(W) (Y, Z, X)}
//   L      = sum_bj |I_y| (1 - cos) / (sum_bj |I_y| + tiny),
//   cos    = I_x . I_y / (|I_y| sqrt(|I_x|^2 + e^2)),   e = 1e-3 mean_bj |I_y| + tiny
//
// 0 where all directions agree, 1 where they are at right angles, 2 where opposed. |I_y| is energy
// times directness: bands and blocks without a direction (diffuse sound, silence) do not count,
// which the energy alone would let them do with a direction that is noise.
//
// Bands     24 triangles on the ERB-rate scale 21.4 log10(1 + 0.00437 f/Hz) (Glasberg, Moore, 1990)
//           from 0 to min(8 kHz, half the rate), as in docs/metrics.md; a_bk are their heights.
// STFT      periodic Hann of the fast length next above 32 ms, a quarter hop, n/2 zeros at both
//           ends; blocks of 8 frames, the last one shorter.
//
//   dL/dI_x = -(I_y / r - (I_x . I_y) I_x / r^3) / (sum |I_y| + tiny),   r = sqrt(|I_x|^2 + e^2)
//   dL/dW   = sum a_bk dL/dI_x . (Y, Z, X),   dL/d(Y,Z,X) = a_bk dL/dI_x W
//
// and through the STFT's adjoint. `tiny` (noise of -100 dB full scale) keeps everything finite for
// silence, where L = 0.
//
// Shapes    x, y, dx [T,4], AmbiX order W, Y, Z, X.
// Threads   A handle is used by one thread at a time. Nothing but open allocates.
#ifndef V2S_KERNELS_LOSS_INTENSITY_H
#define V2S_KERNELS_LOSS_INTENSITY_H

#include "kernels/base/real.h"
#include "kernels/base/status.h"

typedef struct v2s_loss_intensity v2s_loss_intensity;

// For up to T samples. ARG: T below 1, or a rate outside 1 .. 400 kHz; NOMEM.
V2S_MUST_USE v2s_status v2s_loss_intensity_open(int T, double rate_hz, v2s_loss_intensity **out);

// Returns L of the first T samples (0 for T = 0); adds scale * dL/dx to dx unless dx is NULL.
double v2s_loss_intensity_value(v2s_loss_intensity *loss, int T, const real *x, const real *y,
                                real scale, real *dx);

// Frees and sets *loss to NULL; accepts NULL inside.
void v2s_loss_intensity_close(v2s_loss_intensity **loss);

#endif
