// SPDX-License-Identifier: MIT
#include "data/echo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "data/npy.h"
#include "kernels/base/parallel.h"
#include "kernels/resample.h"
#include "tests/support/damage.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"

enum { N = 7782, RATE = 44100, SIZE = 32, LONGEST = 300 };

#define TURN 6.283185307179586

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(echo, .init = setup, .fini = v2s_test_folder_remove);

static v2s_echo *open_echo(int size, bool resample) {
    v2s_echo *echo = NULL;
    const v2s_echo_config c = {
        .rate_hz = RATE, .max_depth_m = 30, .size = size, .resample = resample};
    cr_assert(v2s_echo_open(&c, &echo) == V2S_OK, "%s", v2s_error_text());
    return echo;
}

Test(echo, the_published_number_of_samples_counts) {
    const struct {
        double metres;
        int rate_hz, samples;
    } cases[] = {{30, 44100, 7782}, {12, 44100, 3112}, {14.104, 44100, 3658},
                 {10, 16000, 941},  {17, 16000, 1600}, {30, 48000, 8470}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const v2s_echo_config c = {.rate_hz = cases[i].rate_hz, .max_depth_m = cases[i].metres};
        cr_expect_eq(v2s_echo_samples(&c), cases[i].samples, "%d", v2s_echo_samples(&c));
    }
}

Test(echo, impossible_settings_are_refused) {
    const v2s_echo_config bad[] = {
        {.rate_hz = 44100, .max_depth_m = 30, .size = 0},
        {.rate_hz = 44100, .max_depth_m = 30, .size = 1 << 20},
        {.rate_hz = 44100, .max_depth_m = 1.9, .size = 64},
        {.rate_hz = 44100, .max_depth_m = -30, .size = 64},
        {.rate_hz = 44100, .max_depth_m = NAN, .size = 64},
        {.rate_hz = 44100, .max_depth_m = INFINITY, .size = 64},
        {.rate_hz = 0, .max_depth_m = 30, .size = 64},
        {.rate_hz = -44100, .max_depth_m = 30, .size = 64},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        v2s_echo *echo = NULL;
        cr_expect(v2s_echo_open(&bad[i], &echo) == V2S_ARG && echo == NULL, "case %zu", i);
    }
}

// ---- spectrogram ------------------------------------------------------------------------------

// The sounds of make_echo_golden.py.
static void make_sound(const char *name, float *x) {
    hash_noise(300, N, 0.5f, x);
    for (int i = 0; i < N; i++) {
        double t = i / (double)RATE;
        if (strcmp(name, "chirp") == 0)
            x[i] = (float)(0.7 * sin(TURN * (20 + 55000 * t) * t));
        else if (strcmp(name, "short") == 0 && i >= 5000)
            x[i] = 0;
    }
}

Test(echo, spectrograms_equal_pytorch) {
    FILE *f = fopen(V2S_TEST_DATA "/golden/echo.txt", "r");
    cr_assert(f != NULL);
    static float samples[N], x[LONGEST * LONGEST];
    char line[200], name[20], last[40] = "";
    int size, row, col, count = 0;
    double value, largest = 0;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "spectrogram %19s %d %d %d %lf", name, &size, &row, &col, &value) == 5) {
            char now[40];
            snprintf(now, sizeof now, "%s %d", name, size);
            if (strcmp(now, last) != 0) {
                strcpy(last, now);
                v2s_echo *echo = open_echo(size, false);
                make_sound(name, samples);
                cr_assert(v2s_echo_spectrogram(echo, samples, x) == V2S_OK);
                v2s_echo_close(&echo);
                largest = 0;
                for (int i = 0; i < size * size; i++)
                    largest = fmax(largest, x[i]);
            }
            cr_expect(fabs((double)x[row * size + col] - value) < 1e-6 * largest, "%s: %.9g", line,
                      (double)x[row * size + col]);
            count++;
        }
    fclose(f);
    cr_expect(count > 500, "%d", count);
}

// Row k at the frame f is |sum_j w_j x[16 f - 32 + j] exp(-2 pi i k j / 512)|, j = 0 .. 63.
Test(echo, a_spectrogram_is_its_definition) {
    enum { BINS = V2S_ECHO_BINS };
    v2s_echo *echo = open_echo(BINS, false); // as many rows as bins: no resizing along frequency
    static float samples[N], x[BINS * BINS];
    hash_noise(9, N, 1.0f, samples);
    cr_assert(v2s_echo_spectrogram(echo, samples, x) == V2S_OK);
    v2s_echo_close(&echo);
    for (int col = 1; col < BINS - 1; col += 17)
        for (int k = 0; k < BINS; k += 8) {
            double at = (col + 0.5) * 487 / BINS - 0.5, value[2];
            for (int side = 0; side < 2; side++) {
                int first = 16 * ((int)at + side) - 32;
                double re = 0, im = 0;
                for (int j = 0; j < 64; j++) {
                    int i = abs(first + j); // mirrored about the first and the last sample
                    i = i < N ? i : 2 * (N - 1) - i;
                    double w = 0.5 - 0.5 * cos(TURN * j / 64);
                    re += w * samples[i] * cos(TURN * k * j / 512);
                    im += w * samples[i] * sin(TURN * k * j / 512);
                }
                value[side] = sqrt(re * re + im * im);
            }
            double mixed = value[0] + (at - floor(at)) * (value[1] - value[0]);
            cr_expect_float_eq(x[k * BINS + col], mixed, 2e-5);
        }
}

typedef struct job {
    const v2s_echo *echo;
    float samples[N], x[8][SIZE * SIZE];
    v2s_status status[8];
} job;

static void run_job(void *ctx, int i, int parts) {
    job *j = ctx;
    (void)parts;
    j->status[i] = v2s_echo_spectrogram(j->echo, j->samples, j->x[i]);
}

Test(echo, threads_share_the_tables) {
    static job j;
    v2s_echo *echo = open_echo(SIZE, false);
    j.echo = echo;
    hash_noise(10, N, 1.0f, j.samples);
    v2s_parallel(4, 8, run_job, &j);
    for (int i = 0; i < 8; i++)
        cr_expect(j.status[i] == V2S_OK && memcmp(j.x[0], j.x[i], sizeof j.x[0]) == 0);
    v2s_echo_close(&echo);
}

// ---- files ------------------------------------------------------------------------------------

static float sound[2 * 60000]; // of a test: [frames][2]

static const char *write_wav(const char *name, size_t frames, int channels, int rate_hz) {
    const char *path = v2s_test_path(name);
    v2s_test_make_wav(path, sound, frames, channels, rate_hz);
    return path;
}

static v2s_echo_notes read_ok(const v2s_echo *echo, const char *left, const char *right, float *x) {
    v2s_echo_notes notes;
    memset(&notes, 0xFF, sizeof notes);
    cr_assert(v2s_echo_read(echo, left, right, x, &notes) == V2S_OK, "%s", v2s_error_text());
    return notes;
}

static void expect_ears(const v2s_echo *echo, const float *left, const float *right,
                        const float *x) {
    static float expected[2 * SIZE * SIZE];
    cr_assert(v2s_echo_spectrogram(echo, left, expected) == V2S_OK);
    cr_assert(v2s_echo_spectrogram(echo, right, expected + SIZE * SIZE) == V2S_OK);
    cr_expect(memcmp(x, expected, sizeof expected) == 0);
}

static void split_ears(size_t frames, float *left, float *right) {
    memset(left, 0, N * sizeof *left);
    memset(right, 0, N * sizeof *right);
    for (size_t i = 0; i < frames && i < N; i++) {
        left[i] = sound[2 * i];
        right[i] = sound[2 * i + 1];
    }
}

static float x[2 * SIZE * SIZE], left_ear[N], right_ear[N];

Test(echo, the_first_samples_of_both_ears_count) {
    v2s_echo *echo = open_echo(SIZE, false);
    hash_noise(20, 40000, 0.9f, sound);
    v2s_echo_notes n = read_ok(echo, write_wav("a.wav", 20000, 2, RATE), NULL, x);
    cr_expect(!n.short_sound && !n.silent && !n.clipped && n.resampled_from == 0);
    cr_expect_eq(n.found_samples, N);
    split_ears(20000, left_ear, right_ear);
    expect_ears(echo, left_ear, right_ear, x);
    v2s_echo_close(&echo);
}

Test(echo, a_short_sound_gets_zeros_behind_it) {
    v2s_echo *echo = open_echo(SIZE, false);
    hash_noise(21, 40000, 0.9f, sound);
    static const size_t frames[] = {512, 5000, N - 1, N};
    for (int i = 0; i < 4; i++) {
        v2s_echo_notes n = read_ok(echo, write_wav("s.wav", frames[i], 2, RATE), NULL, x);
        cr_expect_eq(n.short_sound, frames[i] < N);
        cr_expect_eq(n.found_samples, frames[i]);
        split_ears(frames[i], left_ear, right_ear);
        expect_ears(echo, left_ear, right_ear, x);
    }
    v2s_echo_close(&echo);
}

Test(echo, silent_and_clipped_sounds_are_only_noted) {
    v2s_echo *echo = open_echo(SIZE, false);
    v2s_echo_notes n = read_ok(echo, write_wav("0.wav", N, 2, RATE), NULL, x);
    cr_expect(n.silent && !n.clipped);
    for (int i = 0; i < 2 * SIZE * SIZE; i++)
        cr_expect_eq(x[i], 0);
    hash_noise(22, 2 * N, 0.9f, sound);
    for (size_t i = 0; i < N; i++)
        sound[2 * i + 1] = 0;
    n = read_ok(echo, write_wav("1.wav", N, 2, RATE), NULL, x);
    cr_expect(n.silent && !n.clipped, "one ear of zeros");
    hash_noise(22, 2 * N, 0.9f, sound);
    sound[2 * 100 + 1] = sound[2 * 300] = sound[2 * 302] = 1;
    sound[2 * 400] = 1;
    sound[2 * 401] = sound[2 * 402] = -1;
    n = read_ok(echo, write_wav("2.wav", N, 2, RATE), NULL, x);
    cr_expect(!n.silent && !n.clipped, "single peaks");
    sound[2 * 403] = -1;
    n = read_ok(echo, write_wav("3.wav", N, 2, RATE), NULL, x);
    cr_expect(!n.silent && n.clipped);
    v2s_echo_close(&echo);
}

Test(echo, another_rate_is_converted_only_when_asked) {
    v2s_echo *echo = open_echo(SIZE, true), *strict = open_echo(SIZE, false);
    static const int rates[] = {48000, 22050, 96000, 44099};
    for (int r = 0; r < 4; r++) {
        hash_noise(23, 2 * 50000, 0.4f, sound);
        const char *path = write_wav("r.wav", 50000, 2, rates[r]);
        v2s_echo_notes n = read_ok(echo, path, NULL, x);
        cr_expect_eq(n.resampled_from, rates[r]);
        cr_expect(!n.short_sound && n.found_samples == N);
        float *whole = NULL; // the same from the whole sound
        size_t count;
        cr_assert(v2s_resample(sound, 50000, 2, rates[r], RATE, &whole, &count) == V2S_OK);
        for (size_t i = 0; i < N; i++) {
            left_ear[i] = whole[2 * i];
            right_ear[i] = whole[2 * i + 1];
        }
        free(whole);
        expect_ears(echo, left_ear, right_ear, x);
        char words[64];
        snprintf(words, sizeof words, "expected 44100 Hz, which the network works at, found %d Hz",
                 rates[r]);
        cr_expect(v2s_echo_read(strict, path, NULL, x, &n) == V2S_FORMAT);
        cr_expect(strstr(v2s_error_text(), words) != NULL, "%s", v2s_error_text());
    }
    v2s_echo_close(&echo);
    v2s_echo_close(&strict);
}

static void assert_fails(const v2s_echo *echo, const char *left, const char *right, v2s_status code,
                         const char *part) {
    v2s_echo_notes n = {.found_samples = 77};
    v2s_error_clear();
    cr_expect(v2s_echo_read(echo, left, right, x, &n) == code, "%s: '%s'", left, v2s_error_text());
    cr_expect(strstr(v2s_error_text(), part) != NULL, "no '%s' in '%s'", part, v2s_error_text());
    bool named = strncmp(v2s_error_text(), left, strlen(left)) == 0 ||
                 (right != NULL && strncmp(v2s_error_text(), right, strlen(right)) == 0);
    cr_expect(named, "'%s'", v2s_error_text());
    cr_expect(n.found_samples == 77);
}

Test(echo, bad_sounds_are_named) {
    v2s_echo *echo = open_echo(SIZE, false), *any = open_echo(SIZE, true);
    hash_noise(24, 40000, 0.4f, sound);
    assert_fails(echo, v2s_test_path("gone.wav"), NULL, V2S_IO, "No such file");
    assert_fails(echo, write_wav("m.wav", N, 1, RATE), NULL, V2S_FORMAT,
                 "expected 2 channels (left and right ear), found 1");
    assert_fails(echo, write_wav("4.wav", N, 4, RATE), NULL, V2S_FORMAT, "found 4");
    assert_fails(echo, write_wav("t.wav", 511, 2, RATE), NULL, V2S_FORMAT,
                 "expected at least 512 samples at 44100 Hz, found 511");
    assert_fails(any, write_wav("u.wav", 250, 2, 22050), NULL, V2S_FORMAT, "found 500");
    assert_fails(any, write_wav("h.wav", N, 2, 100), NULL, V2S_FORMAT, "cannot be converted");
    sound[2 * 700 + 1] = NAN;
    assert_fails(echo, write_wav("n.wav", N, 2, RATE), NULL, V2S_NUMERIC, "n.wav");
    sound[2 * 700 + 1] = INFINITY;
    assert_fails(echo, write_wav("i.wav", N, 2, RATE), NULL, V2S_NUMERIC, "i.wav");
    const char *text = v2s_test_path("text.wav");
    v2s_test_write_file(text, "no sound at all, only words\n", 28);
    assert_fails(echo, text, NULL, V2S_FORMAT, "text.wav");
    v2s_echo_close(&echo);
    v2s_echo_close(&any);
}

static const char *write_ear(const char *name, int rank, size_t frames, const float *values) {
    const size_t dim[] = {rank == 1 ? frames : 1, frames};
    const char *path = v2s_test_path(name);
    cr_assert(v2s_npy_write_f32(path, rank, dim, values) == V2S_OK, "%s", v2s_error_text());
    return path;
}

Test(echo, an_array_for_each_ear_is_read) {
    v2s_echo *echo = open_echo(SIZE, false);
    static float left[9000], right[9000];
    hash_noise(25, 9000, 0.5f, left);
    hash_noise(26, 9000, 0.5f, right);
    v2s_echo_notes n =
        read_ok(echo, write_ear("l.npy", 1, 9000, left), write_ear("r.npy", 2, 9000, right), x);
    cr_expect(!n.short_sound && n.found_samples == N);
    expect_ears(echo, left, right, x);
    n = read_ok(echo, v2s_test_path("l.npy"), write_ear("r.npy", 1, 3000, right), x);
    cr_expect(n.short_sound && n.found_samples == 3000);
    memset(right + 3000, 0, 6000 * sizeof *right);
    expect_ears(echo, left, right, x);
    v2s_echo_close(&echo);
}

Test(echo, integers_of_an_array_are_divided_by_full_scale) {
    enum { COUNT = 600 };
    v2s_echo *echo = open_echo(SIZE, false);
    static char file[128 + 2 * COUNT];
    int start = snprintf(file, sizeof file,
                         "%cNUMPY%c%c%c%c{'descr': '<i2', 'fortran_order': False, 'shape': (%d,)}",
                         0x93, 1, 0, 118, 0, COUNT);
    memset(file + start, ' ', (size_t)(128 - start));
    for (int i = 0; i < COUNT; i++) {
        int value = (i * 977) % 32768 - 16384;
        left_ear[i] = (float)value / 32768.0f;
        file[128 + 2 * i] = (char)value;
        file[129 + 2 * i] = (char)(value >> 8);
    }
    const char *path = v2s_test_path("i2.npy");
    v2s_test_write_file(path, file, sizeof file);
    read_ok(echo, path, path, x);
    expect_ears(echo, left_ear, left_ear, x);
    v2s_echo_close(&echo);
}

Test(echo, bad_arrays_are_named) {
    v2s_echo *echo = open_echo(SIZE, false);
    static float ear[2 * 1000];
    hash_noise(27, 2000, 0.5f, ear);
    const char *good = write_ear("good.npy", 1, 1000, ear);
    assert_fails(echo, good, v2s_test_path("gone.npy"), V2S_IO, "No such file");
    assert_fails(echo, good, write_ear("t.npy", 1, 511, ear), V2S_FORMAT, "found 511");
    assert_fails(echo, write_ear("e.npy", 1, 0, ear), good, V2S_FORMAT, "found 0");
    const size_t dim[] = {2, 1000};
    cr_assert(v2s_npy_write_f32(v2s_test_path("2.npy"), 2, dim, ear) == V2S_OK);
    assert_fails(echo, v2s_test_path("2.npy"), good, V2S_FORMAT, "the samples of one ear");
    static uint16_t whole[1000];
    cr_assert(v2s_npy_write_u16(v2s_test_path("u.npy"), 1, dim + 1, whole) == V2S_OK);
    assert_fails(echo, good, v2s_test_path("u.npy"), V2S_FORMAT, "unsigned");
    ear[600] = NAN;
    assert_fails(echo, good, write_ear("n.npy", 1, 1000, ear), V2S_NUMERIC,
                 "sample 600 is not a finite number");
    v2s_echo_close(&echo);
}

Test(echo, damaged_sounds_never_crash) {
    v2s_echo *echo = open_echo(SIZE, true);
    hash_noise(28, 2000, 0.4f, sound);
    const char *paths[] = {write_wav("whole.wav", 1000, 2, 48000),
                           write_ear("whole.npy", 1, 1000, sound)};
    const char *spoilt = v2s_test_path("spoilt");
    for (int kind = 0; kind < 2; kind++) {
        size_t size;
        unsigned char *data = v2s_test_read_file(paths[kind], &size);
        uint32_t state = 3;
        for (int i = 0; i < 100; i++) {
            size_t damaged_size = size;
            unsigned char *bytes = v2s_test_damage(data, &damaged_size, &state);
            v2s_test_write_file(spoilt, bytes, damaged_size);
            free(bytes);
            v2s_echo_notes n;
            if (v2s_echo_read(echo, spoilt, kind == 1 ? paths[1] : NULL, x, &n) != V2S_OK)
                cr_assert(v2s_error_text()[0] != '\0');
        }
        free(data);
    }
    v2s_echo_close(&echo);
}

// audio_47.wav of BatVision V2: 20 000 frames, 32-bit integers.
Test(echo, the_real_sample_is_read) {
    const char *path = V2S_SHARED_DATA "/batvision/audio_47.wav";
    if (access(path, R_OK) != 0)
        cr_skip_test("%s is not there", path);
    static float big[2 * 256 * 256];
    v2s_echo *echo = open_echo(256, false);
    v2s_echo_notes n = read_ok(echo, path, NULL, big);
    cr_expect(!n.short_sound && !n.silent && !n.clipped && n.resampled_from == 0);
    double largest = 0, sum = 0;
    for (int i = 0; i < 2 * 256 * 256; i++) {
        cr_assert(isfinite(big[i]) && big[i] >= 0);
        largest = fmax(largest, big[i]);
        sum += (double)big[i];
    }
    // torch.stft and interpolate in double: maximum 5.98766421, mean 0.0717972741
    cr_expect_float_eq(largest, 5.98766421, 1e-5);
    cr_expect_float_eq(sum / (2 * 256 * 256), 0.0717972741, 1e-7);
    v2s_echo_close(&echo);
}
