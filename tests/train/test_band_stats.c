// SPDX-License-Identifier: MIT
// Sums of a clip: the tails as the stream makes them sound.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/band_stream.h"
#include "kernels/device.h"
#include "spatial/foa_transform.h"
#include "tests/support/hash_noise.h"
#include "train/band_stats.h"

enum { N = 40000, BANDS = V2S_BASIS_BANDS };

static const v2s_point point = {0, {0.6, 0.64, 0.48}, 2, 1};

// Bursts of noise and a tone: sounds of which frames lose different shares when they overlap.
static void make_sound(float *w) {
    hash_noise(8, N, 0.3f, w);
    for (int i = 0; i < N; i++)
        w[i] = (i / 4000) % 2 == 0 ? w[i] : 0.2f * (float)sin(2 * V2S_PI * 700 * i / 16000);
}

// Band energies [BANDS] of the dipoles of what a stream with tail k alone gives.
static void hear(const v2s_foa_basis *b, int k, const float *w, double energy[BANDS]) {
    v2s_device *device = NULL;
    v2s_band_stream *s = NULL;
    v2s_trajectory path = {.name = "1", .count = 1, .points = (v2s_point *)&point};
    v2s_condition condition = v2s_condition_of(NULL, 2);
    float *gains = calloc((size_t)BANDS * (size_t)b->gains, sizeof *gains);
    float *out = malloc(4 * N * sizeof *out), band[BANDS];
    float *spectrum = v2s_fft_alloc(2 * (size_t)b->stride, sizeof *spectrum);
    for (int i = 0; i < BANDS; i++) {
        gains[i * b->gains] = -1; // the geometric path itself is not heard
        gains[i * b->gains + 4 + k] = 1;
    }
    cr_assert_eq(v2s_device_open("cpu", 1, &device), V2S_OK);
    v2s_band_stream_config config = {
        .basis = b, .constant = gains, .device = device, .path = &path, .condition = &condition};
    cr_assert_eq(v2s_band_stream_open(&config, &s), V2S_OK);
    cr_assert_eq(v2s_band_stream_push(s, w, N), V2S_OK);
    cr_assert_eq(v2s_band_stream_finish(s), V2S_OK);
    cr_assert_eq(v2s_band_stream_pull(s, out, N), N);
    for (int i = 0; i < N; i++) { // residual + geometric path = the tail
        out[4 * i + V2S_ACN_X] += (float)point.unit.x * w[i];
        out[4 * i + V2S_ACN_Y] += (float)point.unit.y * w[i];
        out[4 * i + V2S_ACN_Z] += (float)point.unit.z * w[i];
    }
    v2s_foa_transform f;
    cr_assert_eq(v2s_foa_transform_open(b, &f), V2S_OK);
    memset(energy, 0, BANDS * sizeof *energy);
    for (int t = 0; t < v2s_foa_basis_frames(b, N); t++)
        for (int c = 1; c < 4; c++) {
            v2s_foa_analyse(&f, out, N, 4, c, t, spectrum);
            b->ops->collect(&b->bands, spectrum, spectrum, b->stride, band);
            for (int i = 0; i < BANDS; i++)
                energy[i] += band[i];
        }
    v2s_foa_transform_close(&f);
    v2s_band_stream_close(&s);
    v2s_device_close(&device);
    v2s_fft_free(spectrum);
    free(out);
    free(gains);
}

Test(band_stats, tails_have_the_energy_that_is_heard) {
    v2s_foa_basis *b = NULL;
    cr_assert_eq(v2s_foa_basis_open(16000, true, &b), V2S_OK);
    float *w = malloc(N * sizeof *w), *foa = calloc(4 * N, sizeof *foa);
    make_sound(w);
    for (int i = 0; i < N; i++)
        foa[4 * i] = w[i];
    v2s_pair pair = {.rate_hz = 16000,
                     .frames = N,
                     .truth = foa,
                     .geometric = foa,
                     .path = {.name = "1", .count = 1, .points = (v2s_point *)&point}};
    v2s_clip clip = {.id = "c"};
    v2s_band_clip sums;
    cr_assert_eq(v2s_band_clip_make(b, &clip, &pair, &sums), V2S_OK);
    for (int k = 0; k < b->segments; k++) {
        double heard[BANDS];
        hear(b, k, w, heard);
        for (int i = 0; i < b->bands.used; i++) {
            double told = 0, all = 0;
            for (int t = 0; t < sums.frames; t++) {
                v2s_band_stat s = v2s_band_clip_get(&sums, (size_t)t * BANDS + (size_t)i);
                told += s.tail[k];
                all += s.g;
            }
            cr_expect(fabs(told - heard[i]) < 0.02 * heard[i] + 1e-4 * all,
                      "tail %d, band %d: told %g, heard %g", k, i, told, heard[i]);
        }
    }
    v2s_band_clip_free(&sums);
    free(w);
    free(foa);
    v2s_foa_basis_close(&b);
}
