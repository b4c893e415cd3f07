// SPDX-License-Identifier: MIT
#include "data/sound_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "data/sound_in.h"
#include "tests/support/make_media.h"

enum { RATE = 48000, FRAMES = 5000, CHANNELS = 4 };

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(sound_out, .init = setup, .fini = v2s_test_folder_remove);

// Samples k / 32768 with |k| <= amplitude_k: exact in every format here.
static void fill(float *x, size_t count, int amplitude_k) {
    uint32_t state = 99;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        int k = (int)((state >> 8) % (unsigned)(2 * amplitude_k + 1)) - amplitude_k;
        x[i] = (float)k / 32768.0f;
    }
}

static void write_ok(const char *path, v2s_sample_format format, int64_t expected, const float *x,
                     double *gain_db, double *peak) {
    v2s_sound_out *out = NULL;
    cr_assert(v2s_sound_out_open(path, RATE, CHANNELS, format, expected, &out) == V2S_OK, "%s",
              v2s_error_text());
    for (size_t at = 0; at < FRAMES; at += 1000)
        cr_assert(v2s_sound_out_write(out, x + at * CHANNELS, 1000) == V2S_OK, "%s",
                  v2s_error_text());
    v2s_status status = v2s_sound_out_commit(out, gain_db, peak);
    cr_assert(status == V2S_OK, "%s", v2s_error_text());
    v2s_sound_out_close(&out);
    cr_assert(out == NULL);
}

// y[FRAMES][CHANNELS] and the format's name.
static void read_back(const char *path, float *y, char format[64]) {
    v2s_sound_in *in = NULL;
    cr_assert(v2s_sound_in_open(path, &in) == V2S_OK, "%s", v2s_error_text());
    const v2s_sound_info *info = v2s_sound_in_info(in);
    cr_assert(info->channels == CHANNELS && info->rate_hz == RATE && info->frames == FRAMES);
    strcpy(format, info->format);
    size_t got;
    cr_assert(v2s_sound_in_read(in, y, FRAMES, &got) == V2S_OK && got == FRAMES);
    v2s_sound_in_close(&in);
}

static float x[FRAMES * CHANNELS], y[FRAMES * CHANNELS];

Test(sound_out, every_container_gives_the_samples_back) {
    static const struct {
        const char *name;
        v2s_sample_format format;
        int64_t expected;
        const char *shown;
    } cases[] = {
        {"a.wav", V2S_FLOAT32, FRAMES, "WAV float32"},
        {"a.wav", V2S_S16, FRAMES, "WAV s16"},
        {"a.wav", V2S_S24, FRAMES, "WAV s24"},
        {"a.WAV", V2S_FLOAT32, -1, "WAV float32"},
        {"a.wav", V2S_FLOAT32, INT64_C(1) << 30, "RF64 float32"},
        {"a.wav", V2S_S24, INT64_C(1) << 30, "RF64 s24"},
        {"a.w64", V2S_FLOAT32, FRAMES, "W64 float32"},
        {"a.w64", V2S_S16, FRAMES, "W64 s16"},
        {"a.caf", V2S_FLOAT32, FRAMES, "CAF float32"},
        {"a.caf", V2S_S24, FRAMES, "CAF s24"},
        {"a.flac", V2S_S16, FRAMES, "FLAC s16"},
        {"a.flac", V2S_FLOAT32, FRAMES, "FLAC s24"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(x, FRAMES * CHANNELS, 32767);
        const char *path = v2s_test_path(cases[i].name);
        double gain_db = 1.0, peak = 0.0;
        write_ok(path, cases[i].format, cases[i].expected, x, &gain_db, &peak);
        char format[64];
        read_back(path, y, format);
        cr_assert(strcmp(format, cases[i].shown) == 0, "case %zu: %s", i, format);
        cr_assert(memcmp(x, y, sizeof x) == 0, "case %zu", i);
        cr_assert(gain_db == 0.0 && peak <= 1.0 && peak > 0.9);
    }
    cr_assert(v2s_test_count_files(v2s_test_folder(), ".partial") == 0);
}

Test(sound_out, same_samples_same_bytes) {
    fill(x, FRAMES * CHANNELS, 20000);
    const char *a = v2s_test_path("a.wav"), *b = v2s_test_path("b.wav");
    write_ok(a, V2S_FLOAT32, FRAMES, x, NULL, NULL);
    write_ok(b, V2S_FLOAT32, FRAMES, x, NULL, NULL);
    size_t size_a, size_b;
    unsigned char *bytes_a = v2s_test_read_file(a, &size_a);
    unsigned char *bytes_b = v2s_test_read_file(b, &size_b);
    cr_assert(size_a == size_b && memcmp(bytes_a, bytes_b, size_a) == 0);
    cr_assert(memmem(bytes_a, 200, "PEAK", 4) == NULL);
    free(bytes_a);
    free(bytes_b);
}

Test(sound_out, clipping_is_prevented_by_one_linked_gain) {
    static const struct {
        const char *name;
        v2s_sample_format format;
        double step; // of one quantisation level
    } cases[] = {
        {"a.wav", V2S_FLOAT32, 0.0},          {"a.w64", V2S_FLOAT32, 0.0},
        {"a.caf", V2S_FLOAT32, 0.0},          {"a.wav", V2S_S16, 1.0 / 32768.0},
        {"a.flac", V2S_S24, 1.0 / 8388608.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(x, FRAMES * CHANNELS, 30000);
        x[4321] = -2.5f; // one sample of one channel
        const char *path = v2s_test_path(cases[i].name);
        double gain_db = 0.0, peak = 0.0;
        write_ok(path, cases[i].format, FRAMES, x, &gain_db, &peak);
        cr_assert(peak == 2.5 && fabs(gain_db + 20.0 * log10(2.5)) < 1e-12, "%g", gain_db);
        char format[64];
        read_back(path, y, format);
        cr_assert(y[4321] == -1.0f, "case %zu: %.9f", i, (double)y[4321]);
        for (size_t k = 0; k < FRAMES * CHANNELS; k++)
            cr_assert(fabs((double)y[k] - (double)x[k] / 2.5) <= 0.51 * cases[i].step + 6e-8,
                      "case %zu sample %zu: %g %g", i, k, (double)y[k], (double)x[k]);
    }
}

Test(sound_out, nothing_appears_without_commit) {
    for (int i = 0; i < 2; i++) {
        v2s_sound_out *out = NULL;
        const char *path = v2s_test_path("never.wav");
        cr_assert(v2s_sound_out_open(path, RATE, 1, i ? V2S_S16 : V2S_FLOAT32, -1, &out) == V2S_OK);
        float sample[100] = {0.0f};
        cr_assert(v2s_sound_out_write(out, sample, 100) == V2S_OK);
        cr_assert(v2s_test_count_files(v2s_test_folder(), "never.wav") > 0);
        v2s_sound_out_close(&out);
        cr_assert(v2s_test_count_files(v2s_test_folder(), "never.wav") == 0);
    }
}

Test(sound_out, a_full_disk_is_an_error_that_names_the_file) {
    static const v2s_sample_format formats[] = {V2S_FLOAT32, V2S_S16};
    for (int i = 0; i < 2; i++) {
        v2s_sound_out *out = NULL;
        cr_assert(v2s_sound_out_open("/dev/full", RATE, 1, formats[i], -1, &out) == V2S_OK, "%s",
                  v2s_error_text());
        float sample[100] = {0.0f};
        cr_assert(v2s_sound_out_write(out, sample, 100) == V2S_OK);
        cr_assert(v2s_sound_out_commit(out, NULL, NULL) == V2S_IO);
        cr_assert(strstr(v2s_error_text(), "/dev/full: cannot write: No space") != NULL, "%s",
                  v2s_error_text());
        v2s_sound_out_close(&out);
    }
}

Test(sound_out, a_device_without_suffix_is_written) {
    v2s_sound_out *out = NULL;
    cr_assert(v2s_sound_out_open("/dev/null", RATE, 1, V2S_FLOAT32, -1, &out) == V2S_OK);
    float sample[100] = {2.0f};
    cr_assert(v2s_sound_out_write(out, sample, 100) == V2S_OK);
    double gain_db = 0.0;
    cr_assert(v2s_sound_out_commit(out, &gain_db, NULL) == V2S_OK, "%s", v2s_error_text());
    cr_assert(fabs(gain_db + 6.0206) < 1e-3);
    v2s_sound_out_close(&out);
}

static void assert_refused(const char *path, double rate_hz, int channels, v2s_status code,
                           const char *words) {
    v2s_sound_out *out = NULL;
    cr_assert(v2s_sound_out_open(path, rate_hz, channels, V2S_FLOAT32, -1, &out) == code, "%s",
              v2s_error_text());
    cr_assert(out == NULL && strstr(v2s_error_text(), words) != NULL, "%s", v2s_error_text());
}

Test(sound_out, what_cannot_be_written_is_one_sentence) {
    assert_refused(v2s_test_path("a.mp3"), RATE, 2, V2S_ARG, "suffix");
    assert_refused(v2s_test_path("noname"), RATE, 2, V2S_ARG, "suffix");
    assert_refused(v2s_test_path("a.flac"), RATE, 9, V2S_ARG, "8 channels");
    assert_refused(v2s_test_path("a.wav"), 44100.5, 2, V2S_ARG, "44100.5 Hz");
    assert_refused(v2s_test_path("a.wav"), NAN, 2, V2S_ARG, "sample rate");
    assert_refused(v2s_test_path("a.wav"), RATE, 0, V2S_ARG, "0 channels");
    assert_refused("/nonexistent/a.wav", RATE, 2, V2S_IO, "No such file");
    cr_assert(v2s_test_count_files(v2s_test_folder(), "a.") == 0);
    v2s_sound_out *out = NULL;
    cr_assert(v2s_sound_out_open(v2s_test_path("b.wav"), RATE, 1, V2S_FLOAT32, -1, &out) == V2S_OK);
    float bad[2] = {0.0f, NAN};
    cr_assert(v2s_sound_out_write(out, bad, 2) == V2S_NUMERIC);
    v2s_sound_out_close(&out);
}

Test(sound_out, a_wav_does_not_grow_past_its_size_fields) {
    v2s_sound_out *out = NULL;
    cr_assert(v2s_sound_out_open(v2s_test_path("a.wav"), RATE, 4, V2S_FLOAT32, 100, &out) ==
              V2S_OK);
    float sample[4] = {0.0f};
    cr_assert(v2s_sound_out_write(out, sample, (size_t)1 << 28) == V2S_IO); // refused unread
    cr_assert(strstr(v2s_error_text(), "4 GiB") != NULL, "%s", v2s_error_text());
    v2s_sound_out_close(&out);
}
