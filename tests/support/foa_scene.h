// SPDX-License-Identifier: MIT
// Four-channel sounds of hash noise.
#ifndef V2S_TESTS_SUPPORT_FOA_SCENE_H
#define V2S_TESTS_SUPPORT_FOA_SCENE_H

#include <stddef.h>

// A fading source at (Y, Z, X) = (0.48, 0.6, 0.64) in incoherent noise; malloc'ed [frames][4].
float *foa_scene(int rate_hz, size_t frames, unsigned stream);

// The scene's second half of the channels, Z and X: malloc'ed [frames][2].
float *stereo_scene(int rate_hz, size_t frames, unsigned stream);

// A plane wave of hash noise from unit (x, y, z); malloc'ed [frames][4].
float *foa_plane_wave(size_t frames, unsigned stream, double x, double y, double z);

#endif
