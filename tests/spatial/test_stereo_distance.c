// SPDX-License-Identifier: MIT
#include "spatial/stereo_distance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "spatial/conventions.h"
#include "tests/support/foa_scene.h"

static void check_golden(const golden_line *line) {
    float *truth = stereo_scene(line->rate_hz, line->frames, line->stream);
    float *prediction = stereo_scene(line->rate_hz, line->frames, line->stream + 2);
    double m;
    cr_assert_eq(v2s_stereo_stft_distance(truth, prediction, line->frames, false, &m), V2S_OK);
    golden_expect(line, 0, m, 1e-5);
    cr_assert_eq(v2s_stereo_stft_distance(truth, prediction, line->frames, true, &m), V2S_OK);
    golden_expect(line, 1, m, 1e-5);
    cr_assert_eq(v2s_stereo_envelope_distance(truth, prediction, line->frames, &m), V2S_OK);
    golden_expect(line, 2, m, 1e-5);
    v2s_stereo_normalise(truth, line->frames);
    v2s_stereo_normalise(prediction, line->frames);
    cr_assert_eq(v2s_stereo_stft_distance(truth, prediction, line->frames, false, &m), V2S_OK);
    golden_expect(line, 3, m, 1e-5);
    free(truth);
    free(prediction);
}

Test(stereo_distance, equal_numpy) {
    golden_lines("stereo", check_golden);
}

// A whole number of periods: the analytic signal of a cosine is a circle, whatever the length.
Test(stereo_distance, the_envelope_of_a_tone_is_its_amplitude) {
    static const int lengths[] = {1, 2, 3, 64, 97, 1000, 4093, 12500};
    for (size_t k = 3; k < sizeof lengths / sizeof lengths[0]; k++) {
        int n = lengths[k];
        float *x = malloc((size_t)n * sizeof *x), *e = malloc((size_t)n * sizeof *e);
        for (int i = 0; i < n; i++)
            x[i] = (float)(0.7 * cos(2 * V2S_PI * 5 * i / n + 0.3));
        cr_assert_eq(v2s_envelope(x, (size_t)n, e), V2S_OK);
        for (int i = 0; i < n; i++)
            cr_assert_float_eq(e[i], 0.7, 1e-5, "length %d, sample %d: %g", n, i, (double)e[i]);
        free(x);
        free(e);
    }
    for (size_t k = 0; k < 3; k++) { // a constant has no negative frequency to take away
        float x[3] = {0.25f, 0.25f, 0.25f}, e[3];
        cr_assert_eq(v2s_envelope(x, (size_t)lengths[k], e), V2S_OK);
        for (int i = 0; i < lengths[k]; i++)
            cr_expect_float_eq(e[i], 0.25, 1e-6);
    }
}

Test(stereo_distance, the_same_sound_differs_by_nothing) {
    float *x = stereo_scene(16000, 3000, 1);
    double m1 = 1, m2 = 1;
    cr_assert_eq(v2s_stereo_stft_distance(x, x, 3000, false, &m1), V2S_OK);
    cr_assert_eq(v2s_stereo_envelope_distance(x, x, 3000, &m2), V2S_OK);
    cr_expect_eq(m1, 0);
    cr_expect_eq(m2, 0);
    free(x);
}

Test(stereo_distance, lengths_that_have_no_answer_are_refused) {
    float x[600] = {0}, e[2];
    double m;
    cr_expect_eq(v2s_stereo_stft_distance(x, x, 0, false, &m), V2S_FORMAT);
    cr_expect_eq(v2s_stereo_stft_distance(x, x, 256, true, &m), V2S_FORMAT);
    cr_expect_eq(v2s_stereo_stft_distance(x, x, 257, true, &m), V2S_OK);
    cr_expect_eq(v2s_envelope(x, 0, e), V2S_FORMAT);
    cr_expect_eq(v2s_envelope(x, 2000000, e), V2S_FORMAT);
}
