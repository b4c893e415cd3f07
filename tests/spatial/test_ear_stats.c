// SPDX-License-Identifier: MIT
// Properties; the numbers are held to numpy by tests/infer/test_judge_field.c.
#include "spatial/ear_stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/support/hash_noise.h"

enum { RATE = 48000, FRAMES = 48000 };

static v2s_ear_bands measure(int rate_hz, size_t frames, const float *stereo) {
    v2s_erb_stft *stft = NULL;
    v2s_ear_bands bands;
    cr_assert_eq(v2s_erb_stft_open(rate_hz, &stft), V2S_OK);
    cr_assert_eq(v2s_ear_bands_measure(stft, frames, stereo, &bands), V2S_OK);
    v2s_erb_stft_close(&stft);
    return bands;
}

// The same noise in both ears, one later and weaker: coherence 1 within the lags, known ILD.
Test(ear_stats, a_delay_within_a_millisecond_keeps_coherence_1) {
    enum { DELAY = 24 };
    float *x = malloc((FRAMES + DELAY) * sizeof *x), *ears = malloc(2 * FRAMES * sizeof *ears);
    hash_noise(1, FRAMES + DELAY, 0.5f, x);
    for (size_t i = 0; i < FRAMES; i++) {
        ears[2 * i] = x[i + DELAY];
        ears[2 * i + 1] = 0.5f * x[i];
    }
    v2s_ear_bands bands = measure(RATE, FRAMES, ears);
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        cr_expect_float_eq(bands.ild_db[b], 20 * log10(2), 0.15, "band %d", b);
        cr_expect_gt(bands.iacc[b], 0.95, "band %d: %g", b, bands.iacc[b]);
    }
    for (size_t i = 0; i < bands.block_count; i++)
        cr_expect_float_eq(bands.blocks[i].itd_us, -1e6 * DELAY / RATE, 2, "block %zu: %g", i,
                           bands.blocks[i].itd_us);
    v2s_ear_bands_free(&bands);
    for (size_t i = 0; i < FRAMES; i++)
        ears[2 * i + 1] = ears[2 * i];
    bands = measure(RATE, FRAMES, ears);
    for (size_t i = 0; i < bands.block_count; i++)
        cr_expect_float_eq(bands.blocks[i].itd_us, 0, 1e-9);
    for (int b = 0; b < V2S_ERB_BANDS; b++) {
        cr_expect_float_eq(bands.iacc[b], 1, 1e-9);
        cr_expect_float_eq(bands.ild_db[b], 0, 1e-9);
    }
    v2s_ear_bands_free(&bands);
    free(x);
    free(ears);
}

Test(ear_stats, incoherent_ears_have_little_coherence_in_wide_bands) {
    float *ears = malloc(2 * FRAMES * sizeof *ears);
    hash_noise(3, 2 * FRAMES, 0.5f, ears);
    v2s_ear_bands bands = measure(RATE, FRAMES, ears);
    cr_expect_lt(bands.iacc[V2S_ERB_BANDS - 1], 0.15, "%g", bands.iacc[V2S_ERB_BANDS - 1]);
    v2s_ear_scores same = v2s_ear_bands_compare(&bands, &bands);
    cr_expect_eq(same.iacc, 0);
    cr_expect_eq(same.ild, 0);
    cr_expect_eq(same.itd, 0);
    v2s_ear_bands_free(&bands);
    for (size_t i = 0; i < FRAMES; i++)
        ears[2 * i + 1] = 0;
    v2s_ear_bands one = measure(RATE, FRAMES, ears);
    cr_expect_eq(one.ild_db[3], 60);
    cr_expect_eq(one.iacc[3], 0);
    cr_expect(isnan(one.blocks[0].itd_us)); // no cross-spectrum
    v2s_ear_bands_free(&one);
    free(ears);
}
