// SPDX-License-Identifier: MIT
// M12 of sounds: how much of a prediction is the truth, whatever the gain, and the difference of
// level between two channels.
//
// Per channel, both without their mean:
//
//   a = <p, t> / (<t, t> + 1e-8),   SI-SDR = 10 log10(||a t||^2 / ||a t - p||^2) dB
//
// with no other epsilon; the mean over channels. A channel in which either has no energy, or in
// which nothing is left of the difference, has no such number, and so has the whole.
//
//   ILD error = | |20 log10(rms_L / rms_R)| of p  -  the same of t |, signs kept inside:
//               |20 log10(rms_L,p / rms_R,p) - 20 log10(rms_L,t / rms_R,t)| dB
#ifndef V2S_SPATIAL_SI_SDR_H
#define V2S_SPATIAL_SI_SDR_H

#include <stddef.h>

// Both sounds [frames][channels]. Not finite where it is not defined.
double v2s_si_sdr_db(size_t frames, int channels, const float *truth, const float *prediction);

// Both sounds [frames][2]. Not finite where a channel is silent.
double v2s_ild_error_db(size_t frames, const float *truth, const float *prediction);

#endif
