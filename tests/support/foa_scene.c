// SPDX-License-Identifier: MIT
#include "tests/support/foa_scene.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"

static float *noise_of(unsigned stream, size_t count, float scale) {
    float *x = malloc(count * sizeof *x);
    cr_assert(x != NULL);
    hash_noise(stream, count, scale, x);
    return x;
}

float *foa_scene(int rate_hz, size_t frames, unsigned stream) {
    static const double gain[4] = {1, 0.48, 0.6, 0.64};
    float *s = noise_of(stream, frames, 0.5f), *foa = noise_of(stream + 1, 4 * frames, 0.1f);
    for (size_t i = 0; i < frames; i++) {
        double fade = 1.0 / (1.0 + (double)i / (0.2 * rate_hz)), x = (double)s[i] * fade;
        for (int c = 0; c < 4; c++)
            foa[4 * i + (size_t)c] = (float)(x * gain[c] + (double)foa[4 * i + (size_t)c]);
    }
    free(s);
    return foa;
}

float *stereo_scene(int rate_hz, size_t frames, unsigned stream) {
    float *foa = foa_scene(rate_hz, frames, stream);
    for (size_t i = 0; i < frames; i++)
        memmove(foa + 2 * i, foa + 4 * i + 2, 2 * sizeof *foa);
    return foa;
}

float *foa_plane_wave(size_t frames, unsigned stream, double x, double y, double z) {
    const double gain[4] = {1, y, z, x};
    float *s = noise_of(stream, frames, 0.5f), *foa = malloc(4 * frames * sizeof *foa);
    for (size_t i = 0; i < 4 * frames; i++)
        foa[i] = (float)((double)s[i / 4] * gain[i % 4]);
    free(s);
    return foa;
}
