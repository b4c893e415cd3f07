// SPDX-License-Identifier: MIT
// Short-time Fourier transform of real signals and its inverse, forward and backward, as
// torch.stft and torch.istft compute them (one-sided, not normalised):
//
//   stft    X[f,k] = sum_{i<n} w_i xp[f hop + i] exp(-2 pi i k i / n),     k = 0 .. n/2
//   istft   x[t]   = sum_f w_i frame_f[i] / sum_f w_i^2,   i = t + pad - f hop,
//           frame_f the real inverse transform of X[f,.]
//
// w is the periodic Hann window 0.5 - 0.5 cos(2 pi j / win), j = 0 .. win-1, in the middle of the
// frame's n samples ((n - win)/2 zeros before it). xp is x with pad = n/2 samples before and after
// it (zeros, or x mirrored about its first and last sample), or x itself (pad = 0).
//
// Where the istft's sum of w^2 is below 1e-11 (torch refuses such a transform) x is 0; so it is
// behind the last frame. The imaginary parts of X[f,0] and X[f,n/2] are 0 after a stft and are
// ignored by an istft.
//
// Gradients. dX[f,k] holds dL/dRe X and dL/dIm X. Both transforms are linear, so the backward of
// each is its adjoint, which takes no saved values:
//
//   stft    dx[t] += sum over the places of xp that x[t] fills, of
//                    w_i sum_k Re{dX[f,k] exp(+2 pi i k i / n)}
//   istft   dX[f,k] += c_k / n sum_i w_i dx[t] / (sum_f w_i^2) exp(-2 pi i k i / n),
//                    c_k = 1 for k = 0 and n/2 (imaginary part 0), 2 for the others
//
// Shapes    x, dx [T]; X, dX [F][n/2 + 1][2] (real part, imaginary part), F = v2s_stft_frames(T)
//           for the stft.
// Threads   A handle is used by one thread at a time. Nothing but open allocates.
#ifndef V2S_KERNELS_STFT_H
#define V2S_KERNELS_STFT_H

#include "kernels/base/real.h"
#include "kernels/base/status.h"
#include "kernels/stft_config.h"

typedef struct v2s_stft v2s_stft;

// ARG names the field that is out of range; NOMEM. Close with v2s_stft_close.
V2S_MUST_USE v2s_status v2s_stft_open(const v2s_stft_config *config, v2s_stft **out);

int v2s_stft_bins(const v2s_stft *s);          // n/2 + 1
int v2s_stft_frames(const v2s_stft *s, int T); // v2s_stft_config_frames

// Forward overwrites its output, backward adds into the gradient; neither may overlap the input.
void v2s_stft_forward(v2s_stft *s, int T, const real *x, real *X);
void v2s_stft_backward(v2s_stft *s, int T, const real *dX, real *dx);
void v2s_istft_forward(v2s_stft *s, int F, const real *X, int T, real *x);
void v2s_istft_backward(v2s_stft *s, int F, int T, const real *dx, real *dX);

// Frees and sets *s to NULL; accepts NULL inside.
void v2s_stft_close(v2s_stft **s);

#endif
