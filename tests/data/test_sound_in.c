// SPDX-License-Identifier: MIT
#include "data/sound_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "tests/support/make_media.h"

enum { RATE = 48000 };

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(sound_in, .init = setup, .fini = v2s_test_folder_remove);

static v2s_sound_in *open_ok(const char *path) {
    v2s_sound_in *in = NULL;
    v2s_status status = v2s_sound_in_open(path, &in);
    cr_assert(status == V2S_OK, "%s", v2s_error_text());
    return in;
}

// The whole sound in odd pieces; frames[count] is the caller's to free.
static float *read_all(v2s_sound_in *in, size_t *count) {
    size_t channels = (size_t)v2s_sound_in_info(in)->channels, room = 1 << 20, n = 0, got = 1;
    float *samples = malloc(room * channels * sizeof *samples);
    while (got > 0) {
        v2s_status status = v2s_sound_in_read(in, samples + n * channels, 777, &got);
        cr_assert(status == V2S_OK, "%s", v2s_error_text());
        n += got;
        cr_assert(n + 777 < room);
    }
    *count = n;
    return samples;
}

static void assert_fails(const char *path, v2s_status code, const char *words) {
    v2s_sound_in *in = NULL;
    v2s_error_clear();
    cr_assert(v2s_sound_in_open(path, &in) == code, "%s: '%s'", path, v2s_error_text());
    cr_assert(in == NULL);
    cr_assert(strstr(v2s_error_text(), words) != NULL, "'%s'", v2s_error_text());
    cr_assert(strstr(v2s_error_text(), path) != NULL, "'%s'", v2s_error_text());
}

// Noise that a float holds exactly and that differs from sample to sample.
static float *noise(size_t count) {
    float *x = malloc(count * sizeof *x);
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)((int32_t)(state >> 8) - (1 << 23)) / (float)(1 << 24);
    }
    return x;
}

Test(sound_in, wav_comes_back_bit_for_bit) {
    float *x = noise(3 * 5000);
    const char *path = v2s_test_path("a.wav");
    v2s_test_make_wav(path, x, 5000, 3, 96000);
    v2s_sound_in *in = open_ok(path);
    const v2s_sound_info *info = v2s_sound_in_info(in);
    cr_assert(info->rate_hz == 96000 && info->channels == 3 && info->frames == 5000);
    cr_assert(info->start_s == 0.0 && strcmp(info->format, "WAV float32") == 0, "%s", info->format);
    size_t n;
    float *y = read_all(in, &n);
    cr_assert(n == 5000 && memcmp(x, y, 3 * 5000 * sizeof *x) == 0);
    cr_assert(v2s_sound_in_warning(in) == NULL);
    v2s_sound_in_close(&in);
    free(x);
    free(y);
}

Test(sound_in, what_is_left_comes_at_once_or_up_to_a_limit) {
    enum { COUNT = 50000, MOST = 20000 };
    float *x = noise(2 * COUNT), *rest = NULL, first[2 * 7];
    const char *path = v2s_test_path("a.wav");
    size_t got = 0, frames = 0;
    v2s_test_make_wav(path, x, COUNT, 2, RATE);
    v2s_sound_in *in = open_ok(path);
    cr_assert(v2s_sound_in_read(in, first, 7, &got) == V2S_OK && got == 7);
    cr_assert(v2s_sound_in_read_rest(in, SIZE_MAX, &rest, &frames) == V2S_OK);
    cr_assert(frames == COUNT - 7 && memcmp(rest, x + 2 * 7, 2 * frames * sizeof *x) == 0);
    free(rest);
    cr_assert(v2s_sound_in_read_rest(in, SIZE_MAX, &rest, &frames) == V2S_OK && frames == 0);
    free(rest);
    v2s_sound_in_close(&in);
    in = open_ok(path);
    cr_assert(v2s_sound_in_read_rest(in, MOST, &rest, &frames) == V2S_OK);
    cr_expect(frames > MOST && frames < COUNT, "%zu", frames);
    free(rest);
    v2s_sound_in_close(&in);
    free(x);
}

// The sound of a video: 0.3 s of noise that starts `start_s` after the first picture.
static const char *make_offset_video(const char *name, double start_s, const float *x,
                                     size_t frames) {
    v2s_test_video v = {.width = 64,
                        .height = 64,
                        .frames = 20,
                        .codec = "ffv1",
                        .sound = x,
                        .sound_frames = frames,
                        .sound_channels = 2,
                        .sound_rate_hz = RATE,
                        .sound_start_s = start_s};
    const char *path = v2s_test_path(name);
    v2s_test_make_video(path, &v);
    return path;
}

Test(sound_in, the_sound_of_a_video_keeps_its_start) {
    static const char *const names[] = {"a.mov", "a.mkv"};
    float *x = noise(2 * 14400);
    for (int i = 0; i < 2; i++) {
        v2s_sound_in *in = open_ok(make_offset_video(names[i], 0.25, x, 14400));
        const v2s_sound_info *info = v2s_sound_in_info(in);
        cr_assert(fabs(info->start_s - 0.25) < 1e-6, "%s: %.9f", names[i], info->start_s);
        cr_assert(info->rate_hz == RATE && info->channels == 2);
        size_t n;
        float *y = read_all(in, &n);
        cr_assert(n == 14400, "%zu", n);
        cr_assert(memcmp(x, y, 2 * n * sizeof *x) == 0);
        cr_assert(v2s_sound_in_warning(in) == NULL, "%s", v2s_sound_in_warning(in));
        v2s_sound_in_close(&in);
        free(y);
    }
    free(x);
}

Test(sound_in, a_gap_becomes_silence) {
    float *x = noise(8192);
    v2s_test_video v = {.sound = x,
                        .sound_frames = 8192,
                        .sound_channels = 1,
                        .sound_rate_hz = RATE,
                        .gap_at = 4096,
                        .gap_s = 0.5};
    const char *path = v2s_test_path("gap.mkv");
    v2s_test_make_video(path, &v);
    v2s_sound_in *in = open_ok(path);
    size_t n;
    float *y = read_all(in, &n);
    // Matroska's stamps are milliseconds: the second half starts within one of 4096 / 48 + 500 ms
    size_t start = n - 4096;
    cr_assert(fabs((double)start - (4096 + 24000)) <= 48.0, "%zu", start);
    cr_assert(memcmp(y, x, 4096 * sizeof *x) == 0);
    cr_assert(memcmp(y + start, x + 4096, 4096 * sizeof *x) == 0);
    for (size_t i = 4096; i < start; i++)
        cr_assert(y[i] == 0.0f);
    cr_assert(v2s_sound_in_warning(in) != NULL &&
              strstr(v2s_sound_in_warning(in), "silence") != NULL);
    v2s_sound_in_close(&in);
    free(x);
    free(y);
}

Test(sound_in, encoder_padding_is_removed) {
    // A click in AAC must come back where it was, and the length too.
    float *x = calloc(RATE, sizeof *x);
    for (int k = -8; k <= 8; k++)
        x[24000 + k] = 0.9f * (float)cos(M_PI * k / 18.0);
    v2s_test_video v = {.sound = x,
                        .sound_frames = RATE,
                        .sound_channels = 1,
                        .sound_rate_hz = RATE,
                        .sound_codec = "aac"};
    const char *path = v2s_test_path("a.mp4");
    v2s_test_make_video(path, &v);
    v2s_sound_in *in = open_ok(path);
    cr_assert(v2s_sound_in_info(in)->start_s == 0.0);
    cr_assert(strcmp(v2s_sound_in_info(in)->format, "mp4 aac") == 0, "%s",
              v2s_sound_in_info(in)->format);
    size_t n, peak = 0;
    float *y = read_all(in, &n);
    for (size_t i = 0; i < n; i++)
        if (fabsf(y[i]) > fabsf(y[peak]))
            peak = i;
    cr_assert(abs((int)peak - 24000) <= 1, "%zu", peak);
    cr_assert(n == RATE, "%zu", n);
    v2s_sound_in_close(&in);
    free(x);
    free(y);
}

Test(sound_in, the_guessed_stamps_of_ogg_tear_no_holes) {
    float *x = noise(2 * RATE);
    for (int i = 0; i < 2 * RATE; i++) // block sizes change at the bursts
        x[i] *= i % 9000 < 300 ? 1.0f : 0.0f;
    v2s_test_video v = {.width = 64,
                        .height = 64,
                        .frames = 25,
                        .codec = "libtheora",
                        .sound = x,
                        .sound_frames = RATE,
                        .sound_channels = 2,
                        .sound_rate_hz = RATE,
                        .sound_codec = "libvorbis"};
    const char *path = v2s_test_path("a.ogv");
    v2s_test_make_video(path, &v);
    v2s_sound_in *in = open_ok(path);
    size_t n;
    float *y = read_all(in, &n);
    cr_assert(v2s_sound_in_warning(in) == NULL, "%s", v2s_sound_in_warning(in));
    cr_assert(abs((int)n - RATE) <= 2048, "%zu", n);
    v2s_sound_in_close(&in);
    free(x);
    free(y);
}

Test(sound_in, two_channels_become_their_mean) {
    float x[2000];
    for (int i = 0; i < 1000; i++) {
        x[2 * i] = 0.5f;
        x[2 * i + 1] = i % 2 ? 0.25f : -0.25f;
    }
    const char *path = v2s_test_path("stereo.wav");
    v2s_test_make_wav(path, x, 1000, 2, RATE);
    static const struct {
        v2s_mono_choice choice;
        float even, odd;
    } cases[] = {
        {{-1, false}, 0.125f, 0.375f},
        {{-1, true}, 0.125f, 0.375f},
        {{0, false}, 0.5f, 0.5f},
        {{1, false}, -0.25f, 0.25f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        v2s_sound_in *in = open_ok(path);
        float mono[1001];
        size_t got;
        cr_assert(v2s_sound_in_read_mono(in, cases[i].choice, mono, 1001, &got) == V2S_OK);
        cr_assert(got == 1000);
        cr_assert(mono[0] == cases[i].even && mono[1] == cases[i].odd, "case %zu", i);
        v2s_sound_in_close(&in);
    }
}

Test(sound_in, a_voice_in_both_channels_keeps_its_level) {
    float *x = noise(1000), both[2000];
    for (int i = 0; i < 1000; i++)
        both[2 * i] = both[2 * i + 1] = x[i];
    const char *path = v2s_test_path("both.wav");
    v2s_test_make_wav(path, both, 1000, 2, RATE);
    v2s_sound_in *in = open_ok(path);
    float mono[1000];
    size_t got;
    v2s_mono_choice none = {-1, false};
    cr_assert(v2s_sound_in_read_mono(in, none, mono, 1000, &got) == V2S_OK && got == 1000);
    cr_assert(memcmp(mono, x, sizeof mono) == 0);
    v2s_sound_in_close(&in);
    free(x);
}

Test(sound_in, more_than_two_channels_need_a_choice) {
    float x[8 * 10];
    for (int i = 0; i < 80; i++)
        x[i] = (float)(i % 8) / 8.0f;
    const char *path = v2s_test_path("eight.wav");
    v2s_test_make_wav(path, x, 10, 8, RATE);
    v2s_sound_in *in = open_ok(path);
    float mono[10];
    size_t got = 99;
    v2s_mono_choice none = {-1, false}, ninth = {8, false}, eighth = {7, false}, mix = {-1, true};
    cr_assert(v2s_sound_in_read_mono(in, none, mono, 10, &got) == V2S_ARG && got == 99);
    cr_assert(strstr(v2s_error_text(), "8 channels") != NULL &&
              strstr(v2s_error_text(), "--channel N") != NULL &&
              strstr(v2s_error_text(), "--mix") != NULL);
    cr_assert(v2s_sound_in_read_mono(in, ninth, mono, 10, &got) == V2S_ARG);
    cr_assert(strstr(v2s_error_text(), "--channel 9") != NULL);
    cr_assert(v2s_sound_in_read_mono(in, eighth, mono, 5, &got) == V2S_OK && got == 5);
    cr_assert(mono[0] == 0.875f);
    cr_assert(v2s_sound_in_read_mono(in, mix, mono, 5, &got) == V2S_OK && got == 5);
    cr_assert(mono[0] == 0.4375f);
    v2s_sound_in_close(&in);
}

Test(sound_in, nan_and_infinity_are_named) {
    for (int i = 0; i < 2; i++) {
        float *x = noise(2 * 3000);
        x[2 * 1234 + 1] = i ? INFINITY : NAN;
        const char *path = v2s_test_path("nan.wav");
        v2s_test_make_wav(path, x, 3000, 2, RATE);
        v2s_sound_in *in = open_ok(path);
        float y[2 * 1000];
        size_t got;
        cr_assert(v2s_sound_in_read(in, y, 1000, &got) == V2S_OK && got == 1000);
        cr_assert(v2s_sound_in_read(in, y, 1000, &got) == V2S_NUMERIC);
        cr_assert(strstr(v2s_error_text(), "nan.wav: channel 2, sample 1234 ") != NULL, "%s",
                  v2s_error_text());
        v2s_sound_in_close(&in);
        free(x);
    }
}

Test(sound_in, a_truncated_wav_gives_what_is_there_and_a_warning) {
    float *x = noise(10000);
    const char *path = v2s_test_path("cut.wav");
    v2s_test_make_wav(path, x, 10000, 1, RATE);
    struct stat info;
    cr_assert(stat(path, &info) == 0 && truncate(path, info.st_size - 4 * 4000) == 0);
    v2s_sound_in *in = open_ok(path);
    size_t n;
    float *y = read_all(in, &n);
    cr_assert(n >= 5900 && n <= 6000, "%zu", n);
    cr_assert(memcmp(x, y, n * sizeof *x) == 0);
    cr_assert(v2s_sound_in_warning(in) != NULL);
    cr_assert(strstr(v2s_sound_in_warning(in), "truncated") != NULL);
    v2s_sound_in_close(&in);
    free(x);
    free(y);
}

Test(sound_in, the_truncated_sound_of_a_video_warns) {
    float *x = noise(2 * RATE);
    v2s_test_video v = {
        .sound = x, .sound_frames = RATE, .sound_channels = 2, .sound_rate_hz = RATE};
    const char *path = v2s_test_path("cut.mkv");
    v2s_test_make_video(path, &v);
    struct stat info;
    cr_assert(stat(path, &info) == 0 && truncate(path, info.st_size / 2) == 0);
    v2s_sound_in *in = open_ok(path);
    size_t n;
    float *y = read_all(in, &n);
    cr_assert(n > RATE / 3 && n < 2 * RATE / 3, "%zu", n);
    cr_assert(v2s_sound_in_warning(in) != NULL &&
              strstr(v2s_sound_in_warning(in), "truncated") != NULL);
    v2s_sound_in_close(&in);
    free(x);
    free(y);
}

Test(sound_in, what_is_no_sound_is_one_sentence) {
    assert_fails(v2s_test_path("missing.wav"), V2S_IO, "No such file");
    assert_fails(v2s_test_folder(), V2S_IO, "folder");
    const char *path = v2s_test_path("empty.wav");
    v2s_test_write_file(path, "", 0);
    assert_fails(path, V2S_FORMAT, "empty");
    path = v2s_test_path("text.wav");
    v2s_test_write_file(path, "RIFF but not really a sound file\n", 33);
    assert_fails(path, V2S_FORMAT, "text.wav");
    path = v2s_test_path("zero.wav");
    v2s_test_make_wav(path, NULL, 0, 2, RATE);
    assert_fails(path, V2S_FORMAT, "no samples");
    v2s_test_video v = {.width = 64, .height = 64, .frames = 3};
    path = v2s_test_path("silent.mp4");
    v2s_test_make_video(path, &v);
    assert_fails(path, V2S_FORMAT, "no sound stream; give --sound FILE");
}
