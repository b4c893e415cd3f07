// SPDX-License-Identifier: MIT
// Published distances of two-channel sound, at 16 kHz (2.5D Visual Sound, evaluate.py).
//
//   M1  STFT distance: sum over channels of the mean over re/im, frequency and time of the squared
//       difference of the STFTs: n_fft 512, hop 160, periodic Hann of 400 in the middle of 512,
//       frames centred (256 samples added at both ends: zeros as librosa >= 0.9 does, or the
//       reflected sound as 0.8 does)
//   M2  ENV: sum over channels of sqrt mean_t (|H(t)| - |H(p)|)^2, H the analytic signal by one
//       transform over the whole clip (scipy.signal.hilbert)
//
// Normalisation (off in 2.5D Visual Sound, on in PseudoBinaural): prediction and truth each divided
// by their own largest |sample| over both channels, 1e-20 at least.
// The conversion to 16 kHz is ours (kernels/resample.h), not librosa's.
#ifndef V2S_SPATIAL_STEREO_DISTANCE_H
#define V2S_SPATIAL_STEREO_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"

#define V2S_STEREO_DISTANCE_RATE_HZ 16000.0

// Divides stereo [frames][2] by its largest |sample|.
void v2s_stereo_normalise(float *stereo, size_t frames);

// Both stereo [frames][2] at 16 kHz. FORMAT: no frame, or with `reflect` fewer than 257. NOMEM.
V2S_MUST_USE v2s_status v2s_stereo_stft_distance(const float *truth, const float *prediction,
                                                 size_t frames, bool reflect, double *m1);

// FORMAT: no frame, or more than 983040 (61 s). NOMEM.
V2S_MUST_USE v2s_status v2s_stereo_envelope_distance(const float *truth, const float *prediction,
                                                     size_t frames, double *m2);

// |analytic signal| of x [n], any n up to 983040, into envelope [n]. FORMAT, NOMEM.
V2S_MUST_USE v2s_status v2s_envelope(const float *x, size_t n, float *envelope);

#endif
