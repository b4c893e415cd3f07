// SPDX-License-Identifier: MIT
// Ambisonics to stereo: a pair of virtual microphones that look left and right.
//
//   L = k (W + b Y),  R = k (W - b Y),  b = 0.7
//
// A plane wave s from azimuth a in the horizontal plane has W = s, Y = s sin a (SN3D), so
//   (L^2 + R^2) / 2 = k^2 s^2 (1 + b^2 sin^2 a),  mean over a: k^2 s^2 (1 + b^2 / 2).
// Neither louder nor softer than the source on average: k = 1 / sqrt(1 + b^2 / 2) = 0.8962.
// At the side (a = 90 degrees) the far channel is 20 log10(1.7 / 0.3) = 15 dB below the near one;
// in front both are k s, 0.95 dB below the source.
#ifndef V2S_SPATIAL_STEREO_H
#define V2S_SPATIAL_STEREO_H

#include <stddef.h>

// ambi [frames][channels], ACN/SN3D, any order >= 1 (only W and Y are read); stereo [frames][2],
// overwritten, not overlapping `ambi`. No state, no delay.
void v2s_stereo_decode(const float *ambi, int channels, size_t frames, float *stereo);

#endif
