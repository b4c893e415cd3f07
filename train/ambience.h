// SPDX-License-Identifier: MIT
// Noise of a place and of microphones.
//
//   ambient      diffuse and isotropic: W and the dipoles independent, those (SN3D) of 1/3 of W's
//                power; pink (-3 dB an octave), brown (-6), or the long-term spectrum of speech
//   microphones  white, independent, of equal power in all four channels
//
// Random numbers are sums of four even ones (standard deviation exact, excess kurtosis -0.3): the
// same on every machine, and ten times faster than logarithms and cosines.
#ifndef V2S_TRAIN_AMBIENCE_H
#define V2S_TRAIN_AMBIENCE_H

#include <stddef.h>

#include "kernels/base/rng.h"

typedef enum v2s_ambience_colour {
    V2S_AMBIENCE_PINK,
    V2S_AMBIENCE_BROWN,
    V2S_AMBIENCE_SPEECH,
} v2s_ambience_colour;

enum { V2S_AMBIENCE_COLOUR_COUNT = 3 };

// Adds to foa[frames][4]. Powers are expected mean squares of W.
void v2s_ambience_add(v2s_ambience_colour colour, double ambient_power, double microphone_power,
                      double rate_hz, size_t frames, v2s_rng *rng, float *foa);

#endif
