// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "infer/stimulus.h"
#include "spatial/conventions.h"
#include "tests/support/hash_noise.h"
#include "tests/support/loudness.h"

enum { FRAMES = 96000 };

static float *sine(double hz, double amplitude) {
    float *s = malloc((size_t)2 * FRAMES * sizeof *s);
    for (size_t i = 0; i < FRAMES; i++)
        s[2 * i] = s[2 * i + 1] =
            (float)(amplitude * sin(2 * V2S_PI * hz * (double)i / V2S_STIMULUS_RATE_HZ));
    return s;
}

static float *noise(unsigned seed, float amplitude) {
    float *s = malloc((size_t)2 * FRAMES * sizeof *s);
    hash_noise(seed, (size_t)2 * FRAMES, amplitude, s);
    return s;
}

// A sine of 997 Hz and 0 dBFS in one channel alone has -3.01 LUFS (BS.1770-4, Annex 1).
Test(stimulus, loudness_is_that_of_the_recommendation) {
    float *s = sine(997, 1);
    double lufs = 0;
    for (size_t i = 0; i < FRAMES; i++)
        s[2 * i + 1] = 0;
    cr_assert_eq(v2s_stimulus_loudness(s, FRAMES, &lufs), V2S_OK);
    cr_expect_float_eq(lufs, -3.01, 0.02);
    cr_expect_float_eq(v2s_test_loudness(s, FRAMES), -3.01, 0.02);
    memset(s, 0, (size_t)2 * FRAMES * sizeof *s);
    cr_assert_eq(v2s_stimulus_loudness(s, FRAMES, &lufs), V2S_OK);
    cr_expect(isnan(lufs));
    free(s);
}

Test(stimulus, any_sound_gets_the_loudness_it_should_have) {
    for (int i = 0; i < 3; i++) {
        float *s = noise(3 + (unsigned)i, (float)pow(10, -2.2 * i)); // down to 88 dB softer
        double gain_db = 0, before = v2s_stimulus_peak(s, FRAMES);
        cr_assert_eq(v2s_stimulus_match(s, FRAMES, V2S_STIMULUS_LUFS, &gain_db), V2S_OK, "%s",
                     v2s_error_text());
        cr_expect_float_eq(v2s_test_loudness(s, FRAMES), V2S_STIMULUS_LUFS, 0.1);
        cr_expect_float_eq(gain_db, 20 * log10(v2s_stimulus_peak(s, FRAMES) / before), 1e-3);
        free(s);
    }
    float silence[2000] = {0};
    double gain_db = 0;
    cr_expect_eq(v2s_stimulus_match(silence, 1000, V2S_STIMULUS_LUFS, &gain_db), V2S_FORMAT);
}

static double passed_db(double hz) {
    float *in = sine(hz, 0.5), *out = calloc((size_t)2 * FRAMES, sizeof *out);
    double before = 0, after = 0;
    cr_assert_eq(v2s_stimulus_anchor35(in, FRAMES, out), V2S_OK);
    for (size_t i = FRAMES / 4; i < FRAMES * 3 / 4; i++) {
        before += (double)in[2 * i] * in[2 * i];
        after += (double)out[2 * i] * out[2 * i];
    }
    free(in);
    free(out);
    return 10 * log10(after / before);
}

// BS.1534-3, 5.1: at most 0.1 dB of ripple, 25 dB at 4 kHz, 50 dB at 4.5 kHz.
Test(stimulus, the_anchor_is_a_low_pass_of_3500_hz) {
    const double passes[] = {50, 1000, 2000, 3000, 3500};
    const double stops[] = {4500, 5000, 8000, 12000, 20000};
    for (size_t i = 0; i < 5; i++) {
        cr_expect_float_eq(passed_db(passes[i]), 0, 0.1, "%g Hz", passes[i]);
        cr_expect_lt(passed_db(stops[i]), -55, "%g Hz", stops[i]);
    }
    cr_expect_lt(passed_db(4000), -25);
}

Test(stimulus, the_anchor_is_in_time) {
    float *in = calloc((size_t)2 * 4000, sizeof *in), *out = calloc((size_t)2 * 4000, sizeof *out);
    size_t best = 0;
    in[2 * 1234] = 1;
    cr_assert_eq(v2s_stimulus_anchor35(in, 4000, out), V2S_OK);
    for (size_t i = 0; i < 4000; i++)
        best = fabsf(out[2 * i]) > fabsf(out[2 * best]) ? i : best;
    cr_expect_eq(best, 1234);
    cr_expect_float_eq(out[2 * best], 2 * 3750 / V2S_STIMULUS_RATE_HZ, 2e-3);
    cr_expect_eq(out[2 * best + 1], 0);
    free(in);
    free(out);
}

Test(stimulus, fades_and_mono) {
    float *s = noise(9, 0.5f), *mono = malloc((size_t)2 * FRAMES * sizeof *mono);
    float kept = s[2 * 1000];
    v2s_stimulus_fade(s, FRAMES);
    cr_expect_lt(fabsf(s[0]), 1e-3f);
    cr_expect_lt(fabsf(s[2 * FRAMES - 1]), 1e-3f);
    cr_expect_eq(s[2 * 1000], kept);
    v2s_stimulus_mono(s, FRAMES, mono);
    for (size_t i = 0; i < FRAMES; i++)
        cr_assert(mono[2 * i] == mono[2 * i + 1] &&
                  mono[2 * i] == 0.5f * (s[2 * i] + s[2 * i + 1]));
    free(s);
    free(mono);
}
