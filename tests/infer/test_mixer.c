// SPDX-License-Identifier: MIT
// The geometric path as render streams it: time-exact, and as long as it has to be.
#include "infer/mixer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RATE = 48000, MAX_FRAMES = 60000 };

// A mono float file with a click at the first and the last frame.
static void write_clicks(char path[64], int frames) {
    SF_INFO info = {.samplerate = RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    float *x = calloc((size_t)frames, sizeof *x);
    x[0] = x[frames - 1] = 1.0f;
    snprintf(path, 64, "/tmp/v2s-mixer-XXXXXX");
    close(mkstemp(path));
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    cr_assert_not_null(f);
    cr_assert_eq(sf_writef_float(f, x, frames), frames);
    sf_close(f);
    free(x);
}

// Mixes one click file per trajectory, `lengths` frames each, and returns the frames that came out.
static size_t mix(const v2s_trajectory *t, const int *lengths, size_t count, bool doppler, bool air,
                  float *out) {
    char path[2][64];
    v2s_mixer_input inputs[2] = {{0}};
    for (size_t i = 0; i < count; i++) {
        v2s_mono_choice choice = {-1, false};
        write_clicks(path[i], lengths[i]);
        cr_assert_eq(v2s_source_open(path[i], choice, &inputs[i].source), V2S_OK, "%s",
                     v2s_error_text());
        cr_assert_eq(v2s_source_start(inputs[i].source, RATE, 0.0), V2S_OK);
        inputs[i].trajectory = &t[i];
    }
    v2s_encoder_config c = {0, RATE, 0.5, doppler, air, v2s_air_default(), NULL, 0.0, 0.0};
    v2s_mixer *m = NULL;
    cr_assert_eq(v2s_mixer_open(inputs, count, &c, &m), V2S_OK, "%s", v2s_error_text());
    size_t total = 0, got = 1000;
    while (got == 1000) { // W only, in blocks that fit nothing
        cr_assert(total + 1000 <= MAX_FRAMES);
        cr_assert_eq(v2s_mixer_read(m, out + total, 1000, &got), V2S_OK);
        total += got;
    }
    v2s_mixer_close(&m);
    for (size_t i = 0; i < count; i++) {
        v2s_source_close(&inputs[i].source);
        unlink(path[i]);
    }
    return total;
}

static const v2s_vec3 FRONT = {1.0, 0.0, 0.0};

Test(mixer, without_doppler_the_output_is_as_long_as_the_sound_and_in_time) {
    static float out[MAX_FRAMES];
    const int lengths[4] = {1, 999, 4096, 12001};
    v2s_point p = {0.0, FRONT, 1.0, 1.0};
    v2s_trajectory t = {"1", 1, &p};
    for (int k = 0; k < 8; k++) {
        int length = lengths[k % 4];
        cr_expect_eq(mix(&t, &length, 1, false, k >= 4, out), length);
        cr_expect(fabsf(out[0] - 1.0f) < 0.1f && fabsf(out[length - 1] - 1.0f) < 0.1f);
    }
}

Test(mixer, with_doppler_the_last_sound_arrives_from_where_the_source_is_then) {
    static float out[MAX_FRAMES];
    int length = 24000;
    v2s_point p[2] = {{0.0, FRONT, 1.0, 1.0}, {0.5, FRONT, 121.05, 1.0}}; // 0.7 of sound's speed
    v2s_trajectory t = {"1", 2, p};
    size_t total = mix(&t, &length, 1, true, false, out);
    double last = length - 1 + (1.0 + 240.1 * (length - 1) / RATE) / 343.0 * RATE, peak = 0.0;
    size_t at = 0;
    for (size_t i = 1000; i < total; i++)
        if (fabs(out[i]) > peak) {
            peak = fabs(out[i]);
            at = i;
        }
    cr_expect(fabs((double)at - last) <= 1.0, "heard at %zu, expected at %g", at, last);
    cr_expect(total > at && total < at + 100, "%zu", total);
}

Test(mixer, the_longest_way_decides_where_the_file_ends) {
    static float out[MAX_FRAMES];
    const int lengths[2] = {20000, 10000};
    v2s_point near = {0.0, FRONT, 1.0, 1.0}, far = {0.0, FRONT, 171.5, 1.0}; // 24000 samples away
    v2s_trajectory t[2] = {{"1", 1, &near}, {"2", 1, &far}};
    size_t total = mix(t, lengths, 2, true, false, out);
    cr_expect(total > 34000 && total < 34100, "%zu", total);
    cr_expect(fabsf(out[24000] * 171.5f - 1.0f) < 1e-4f);
    cr_expect(fabsf(out[33999] * 171.5f - 1.0f) < 1e-4f);
    cr_expect_eq(mix(t, lengths, 2, false, false, out), 20000);
}
