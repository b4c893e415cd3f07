// SPDX-License-Identifier: MIT
// Published distances of two-channel sound, in double.
//
// With S = STFT, p the prediction, t the truth, sums over the two channels c:
//
//   M1  stft      sum_c mean over re/im, bins, frames of (S_p - S_t)^2 = sum_c mean |dS|^2 / 2
//   M2  env       sum_c sqrt mean (|H p| - |H t|)^2, H the analytic signal (spatial/envelope.h)
//   M3  mag       sum_c mean |S_p - S_t|^2, complex in spite of its name: 2 M1
//       wav       sum_c mean (p - t)^2
//   M4  dphase    mean of min(a, max(2 pi - a, 0)), a = |arg S_p - arg S_t| of the difference of
//                 the channels, L - R; the argument of 0 is 0
//       snr       10 log10((mean t^2 + 1e-4) / (mean (p - t)^2 + 1e-4)), means over both channels
//   M5  mag       sum_c mean (|S_p| - |S_t|)^2
//       env       as M2
//
// M1-M4 are taken at 16 kHz (kernels/resample_hq.h) with 512 points, hop 160 and a window of 400;
// M5 at the sound's own rate with 512 points, hop 128 and a window of 512. Frames are centred:
// 256 samples are added at both ends, zeros as librosa >= 0.9 does, or the sound reflected at its
// first and last sample as librosa 0.8 does. Windows are periodic Hann in the middle of 512 points.
//
// Sources   M1, M2: 2.5D Visual Sound, evaluate.py. M3 mag, M4: PseudoBinaural, evaluate.py. M3
// wav:
//           CCStereo, util/eval.py. M5: AV-NeRF, utils.py. Papers print M3 wav times 1000.
// Normalisation (v2s_stereo_normalise) is on in PseudoBinaural and off in 2.5D Visual Sound; it
// belongs to M1-M4 and comes after the conversion of the rate.
#ifndef V2S_SPATIAL_STEREO_DISTANCE_H
#define V2S_SPATIAL_STEREO_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"

#define V2S_STEREO_DISTANCE_RATE_HZ 16000.0

// Divides stereo [frames][2] by its largest |sample| over both channels, 1e-20 at least.
void v2s_stereo_normalise(double *stereo, size_t frames);

// All of these: both sounds [frames][2], at least one frame (FORMAT). NOMEM.

// M1 at 16 kHz; M3 mag is twice that.
V2S_MUST_USE v2s_status v2s_stereo_stft_distance(const double *truth, const double *prediction,
                                                 size_t frames, bool reflect, double *m1);

// M4's phase at 16 kHz.
V2S_MUST_USE v2s_status v2s_stereo_phase_distance(const double *truth, const double *prediction,
                                                  size_t frames, bool reflect, double *dphase);

// M5's magnitudes.
V2S_MUST_USE v2s_status v2s_stereo_magnitude_distance(const double *truth, const double *prediction,
                                                      size_t frames, bool reflect, double *mag);

// M2 and M5's envelope. FORMAT: more than V2S_ENVELOPE_FRAMES_MAX.
V2S_MUST_USE v2s_status v2s_stereo_envelope_distance(const double *truth, const double *prediction,
                                                     size_t frames, double *env);

// M3 wav and M4's ratio.
double v2s_stereo_wave_distance(const double *truth, const double *prediction, size_t frames);
double v2s_stereo_snr_db(const double *truth, const double *prediction, size_t frames);

#endif
