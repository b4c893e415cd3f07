// SPDX-License-Identifier: MIT
// Lengths and edges; the digits are held to librosa by tests/infer/test_judge_ears.c.
#include "kernels/resample_hq.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

Test(resample_hq, length_is_rounded_up) {
    static const struct {
        size_t in;
        double from, to;
        size_t out;
    } cases[] = {{1, 48000, 16000, 1},         {3, 48000, 16000, 1},
                 {4, 48000, 16000, 2},         {301, 48000, 16000, 101},
                 {44100, 44100, 16000, 16000}, {441, 44100, 16000, 160},
                 {1000, 8000, 16000, 2000},    {7, 16000, 16000, 7},
                 {0, 48000, 16000, 0},         {22051, 22050, 16000, 16001}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        float *in = calloc(2 * cases[k].in + 1, sizeof *in);
        double *out = NULL;
        size_t frames = 99;
        cr_assert_eq(v2s_resample_hq(in, cases[k].in, 2, cases[k].from, cases[k].to, &out, &frames),
                     V2S_OK);
        cr_expect_eq(frames, cases[k].out, "case %zu: %zu", k, frames);
        free(out);
        free(in);
    }
}

Test(resample_hq, a_tone_stays_itself_in_its_channel) {
    enum { N = 24000 };
    const double pi = acos(-1.0);
    float *in = calloc(2 * N, sizeof *in);
    double *out = NULL;
    size_t frames = 0;
    for (int i = 0; i < N; i++)
        in[2 * i] = (float)(0.5 * sin(2 * pi * 1000 * i / 48000.0));
    cr_assert_eq(v2s_resample_hq(in, N, 2, 48000, 16000, &out, &frames), V2S_OK);
    cr_assert_eq(frames, 8000);
    for (size_t i = 1000; i < 7000; i++) {
        cr_assert_float_eq(out[2 * i], 0.5 * sin(2 * pi * 1000 * (double)i / 16000.0), 2e-6);
        cr_assert_eq(out[2 * i + 1], 0);
    }
    free(in);
    free(out);
}

Test(resample_hq, equal_rates_copy_every_bit) {
    const float in[3] = {0.1f, -0.7f, 1e-30f};
    double *out = NULL;
    size_t frames = 0;
    cr_assert_eq(v2s_resample_hq(in, 3, 1, 16000, 16000, &out, &frames), V2S_OK);
    cr_assert_eq(frames, 3);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(out[i], (double)in[i]);
    free(out);
}

Test(resample_hq, refuses_rates_that_are_none) {
    const float in[2] = {0};
    double *out = NULL;
    size_t frames = 0;
    cr_expect_eq(v2s_resample_hq(in, 1, 2, 0, 16000, &out, &frames), V2S_ARG);
    cr_expect_eq(v2s_resample_hq(in, 1, 2, NAN, 16000, &out, &frames), V2S_ARG);
    cr_expect_eq(v2s_resample_hq(in, 1, 2, 16000 * 300.0, 16000, &out, &frames), V2S_ARG);
    cr_expect_eq(v2s_resample_hq(in, 1, 0, 48000, 16000, &out, &frames), V2S_ARG);
    cr_expect_null(out);
}
