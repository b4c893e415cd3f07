// SPDX-License-Identifier: MIT
// Sounds that tests and tests/tools/make_spatial_golden.py make alike, and that script's numbers.
#ifndef V2S_TESTS_SUPPORT_FOA_SCENE_H
#define V2S_TESTS_SUPPORT_FOA_SCENE_H

#include <stddef.h>

// A fading source at (Y, Z, X) = (0.48, 0.6, 0.64) in incoherent noise; malloc'ed [frames][4].
float *foa_scene(int rate_hz, size_t frames, unsigned stream);

// The scene's second half of the channels, Z and X: malloc'ed [frames][2].
float *stereo_scene(int rate_hz, size_t frames, unsigned stream);

// A plane wave of hash noise from unit (x, y, z); malloc'ed [frames][4].
float *foa_plane_wave(size_t frames, unsigned stream, double x, double y, double z);

typedef struct golden_line {
    int rate_hz;
    size_t frames;
    unsigned stream;
    double number[8];
    int count;
} golden_line;

// Calls `check` for every line of golden/spatial_metrics.txt with this name; asserts that there is
// one.
void golden_lines(const char *name, void (*check)(const golden_line *line));

// Asserts that value is within `relative` of the line's number `index`.
void golden_expect(const golden_line *line, int index, double value, double relative);

#endif
