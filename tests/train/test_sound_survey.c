// SPDX-License-Identifier: MIT
// What one pass over a sound file learns.
#include "train/sound_survey.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/make_seld.h"

TestSuite(sound_survey, .fini = v2s_test_folder_remove);

enum { FRAMES = 40000, RATE = 16000 }; // more than two blocks

static v2s_sound_survey survey(const char *name, const v2s_sound_tap *tap) {
    v2s_sound_survey s = {0};
    cr_assert(v2s_sound_survey_read(v2s_test_path(name), tap, 7, &s) == V2S_OK, "%s",
              v2s_error_text());
    return s;
}

static float *make_noise(void) {
    float *x = malloc(2 * FRAMES * sizeof *x);
    hash_noise(1, 2 * FRAMES, 0.5f, x);
    return x;
}

Test(sound_survey, a_sound_has_its_numbers) {
    float *x = make_noise();
    x[5000] = -0.75f;
    v2s_test_make_wav(v2s_test_path("a.wav"), x, FRAMES, 2, RATE);
    v2s_sound_survey s = survey("a.wav", NULL);
    cr_expect(s.status == V2S_OK && s.reason == NULL && s.warning == NULL);
    cr_expect(s.rate_hz == RATE && s.channels == 2 && s.frames == FRAMES);
    cr_expect(fabs(s.duration_s - 2.5) < 1e-9 && s.peak == 0.75 && !s.silent && s.clipped == 0);
    v2s_sound_survey_free(&s);
    free(x);
}

// A run of three or more at full scale in one channel, also over the border of two blocks.
Test(sound_survey, runs_at_full_scale_are_clipping_and_single_peaks_are_not) {
    float *x = make_noise();
    static const int at[] = {100, 200, 201, 16382, 16383, 16384, 16385, 30000, 30001, 30002};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        x[2 * at[i] + 1] = i % 2 == 0 ? 1.0f : -1.0f;
    x[2 * 500] = x[2 * 500 + 1] = x[2 * 501] = 1; // two channels, no run of three in either
    v2s_test_make_wav(v2s_test_path("a.wav"), x, FRAMES, 2, RATE);
    v2s_sound_survey s = survey("a.wav", NULL);
    cr_expect(s.clipped == 7, "found %lld", (long long)s.clipped);
    v2s_sound_survey_free(&s);
    free(x);
}

Test(sound_survey, zeros_are_silence) {
    float *x = calloc(2 * FRAMES, sizeof *x);
    v2s_test_make_wav(v2s_test_path("a.wav"), x, FRAMES, 2, RATE);
    v2s_sound_survey s = survey("a.wav", NULL);
    cr_expect(s.silent && s.peak == 0);
    v2s_sound_survey_free(&s);
    x[FRAMES] = 1e-6f;
    v2s_test_make_wav(v2s_test_path("a.wav"), x, FRAMES, 2, RATE);
    s = survey("a.wav", NULL);
    cr_expect(!s.silent);
    v2s_sound_survey_free(&s);
    free(x);
}

Test(sound_survey, what_is_wrong_is_a_reason_without_the_files_name) {
    float *x = make_noise();
    size_t size;
    x[2 * 20000 + 1] = NAN;
    v2s_test_make_wav(v2s_test_path("nan.wav"), x, FRAMES, 2, RATE);
    v2s_sound_survey s = survey("nan.wav", NULL);
    cr_expect(s.status == V2S_NUMERIC && strncmp(s.reason, "channel 2, sample 20000", 23) == 0,
              "%s", s.reason);
    v2s_sound_survey_free(&s);
    v2s_test_make_text("lfs.wav", V2S_TEST_LFS_POINTER);
    s = survey("lfs.wav", NULL);
    cr_expect(s.status == V2S_FORMAT && strstr(s.reason, "LFS") != NULL);
    v2s_sound_survey_free(&s);
    s = survey("none.wav", NULL);
    cr_expect(s.status == V2S_IO && s.reason != NULL);
    v2s_sound_survey_free(&s);
    x[2 * 20000 + 1] = 0;
    v2s_test_make_wav(v2s_test_path("a.wav"), x, FRAMES, 2, RATE);
    unsigned char *bytes = v2s_test_read_file(v2s_test_path("a.wav"), &size);
    v2s_test_write_file(v2s_test_path("a.wav"), bytes, size / 2);
    s = survey("a.wav", NULL);
    cr_expect(s.status == V2S_OK && s.warning != NULL && strncmp(s.warning, "truncated", 9) == 0);
    cr_expect(s.frames < FRAMES && s.frames > FRAMES / 3);
    v2s_sound_survey_free(&s);
    free(bytes);
    free(x);
}

typedef struct heard {
    int opened, closed;
    size_t frames, index;
    double sum;
} heard;

static v2s_status hear_open(void *ctx, size_t index, const v2s_sound_info *info) {
    heard *h = ctx;
    h->opened += info->channels == 2;
    h->index = index;
    return V2S_OK;
}

static v2s_status hear_add(void *ctx, size_t index, const float *x, size_t frames) {
    heard *h = ctx;
    (void)index;
    h->frames += frames;
    for (size_t i = 0; i < 2 * frames; i++)
        h->sum += (double)x[i];
    return h->frames > FRAMES ? V2S_FAIL(V2S_FORMAT, "too long for me") : V2S_OK;
}

static v2s_status hear_close(void *ctx, size_t index, const v2s_sound_survey *s) {
    heard *h = ctx;
    (void)index;
    h->closed++;
    return s->frames == (int64_t)h->frames ? V2S_OK : V2S_FAIL(V2S_FORMAT, "not the same frames");
}

Test(sound_survey, a_tap_hears_every_sample_once_and_may_refuse) {
    float *x = make_noise();
    double sum = 0;
    heard h = {0};
    const v2s_sound_tap tap = {&h, hear_open, hear_add, hear_close};
    for (size_t i = 0; i < 2 * FRAMES; i++)
        sum += (double)x[i];
    v2s_test_make_wav(v2s_test_path("a.wav"), x, FRAMES, 2, RATE);
    v2s_sound_survey s = survey("a.wav", &tap);
    cr_expect(s.status == V2S_OK && h.opened == 1 && h.closed == 1 && h.index == 7);
    cr_expect(h.frames == FRAMES && fabs(h.sum - sum) < 1e-6);
    v2s_sound_survey_free(&s);
    h.frames = 1;
    s = survey("a.wav", &tap);
    cr_expect(s.status == V2S_FORMAT && h.closed == 2, "closed after a refusal too");
    cr_expect_str_eq(s.reason, "too long for me");
    v2s_sound_survey_free(&s);
    free(x);
}
