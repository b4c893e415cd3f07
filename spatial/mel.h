// SPDX-License-Identifier: MIT
// Mel spectrograms as librosa.feature.melspectrogram gives them with its defaults but for the
// number of mels and their end, in double:
//
//   M[m,t] = sum_k w_m(f_k) |S[k,t]|^2,  f_k = k rate / 2048
//
// S: 2048 periodic Hann samples, hop 512, centred, the sound reflected at its ends. w_m: a triangle
// in Hz over the points m, m+1, m+2 of mels + 2 points that stand evenly on Slaney's scale (linear
// to 1 kHz with 66.7 Hz a mel, above it a factor of 6.4 in 27 mels: Slaney, "Auditory Toolbox",
// 1998) from 0 to `top_hz`, with the area 1.
//
// Threads   A handle is used by one thread at a time.
#ifndef V2S_SPATIAL_MEL_H
#define V2S_SPATIAL_MEL_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_mel v2s_mel;

// NOMEM.
V2S_MUST_USE v2s_status v2s_mel_open(double rate_hz, size_t mels, double top_hz, v2s_mel **mel);

// Frames of a sound.
size_t v2s_mel_count(size_t samples);

// out [mels] of frame t of x [samples], at least one sample.
void v2s_mel_frame(v2s_mel *mel, const double *x, size_t samples, size_t t, double *out);

void v2s_mel_close(v2s_mel **mel);

#endif
