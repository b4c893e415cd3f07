// SPDX-License-Identifier: MIT
#include "data/compress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "data/sound_in.h"
#include "tests/support/make_media.h"

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(compress, .init = setup, .fini = v2s_test_folder_remove);

// Two seconds: 440 Hz left, 1 kHz right (one channel: 440 Hz).
static const char *make_tones(int rate_hz, int channels) {
    size_t frames = 2 * (size_t)rate_hz;
    float *x = malloc(frames * (size_t)channels * sizeof *x);
    for (size_t i = 0; i < frames; i++)
        for (int c = 0; c < channels; c++)
            x[i * (size_t)channels + (size_t)c] =
                0.5f * (float)sin(2.0 * M_PI * (c ? 1000.0 : 440.0) * (double)i / rate_hz);
    const char *path = v2s_test_path("tones.wav");
    v2s_test_make_wav(path, x, frames, channels, rate_hz);
    free(x);
    return path;
}

// Amplitude of one frequency in a channel of y[frames][channels] at 48 kHz.
static double amplitude(const float *y, size_t frames, int channels, int channel, double hz) {
    double re = 0.0, im = 0.0;
    for (size_t i = 0; i < frames; i++) {
        double x = y[i * (size_t)channels + (size_t)channel];
        re += x * cos(2.0 * M_PI * hz * (double)i / 48000.0);
        im += x * sin(2.0 * M_PI * hz * (double)i / 48000.0);
    }
    return 2.0 * hypot(re, im) / (double)frames;
}

static void assert_opus(int rate_hz, int channels, double max_seconds, double expected_s) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    v2s_status status =
        v2s_compress_opus(make_tones(rate_hz, channels), max_seconds, 96000, &bytes, &size);
    cr_assert(status == V2S_OK, "%s", v2s_error_text());
    cr_assert(size > 1000 && memcmp(bytes, "OggS", 4) == 0);
    const char *path = v2s_test_path("out.ogg");
    v2s_test_write_file(path, bytes, size);
    free(bytes);
    v2s_sound_in *in = NULL;
    cr_assert(v2s_sound_in_open(path, &in) == V2S_OK, "%s", v2s_error_text());
    const v2s_sound_info *info = v2s_sound_in_info(in);
    cr_assert(info->rate_hz == 48000 && info->channels == channels);
    float *y = malloc(200000 * (size_t)channels * sizeof *y);
    size_t n;
    cr_assert(v2s_sound_in_read(in, y, 200000, &n) == V2S_OK);
    cr_assert(fabs((double)n - expected_s * 48000.0) <= 2.0, "%zu samples at %d Hz", n, rate_hz);
    cr_assert(fabs(amplitude(y, n, channels, 0, 440.0) - 0.5) < 0.03);
    if (channels == 2)
        cr_assert(fabs(amplitude(y, n, channels, 1, 1000.0) - 0.5) < 0.03);
    v2s_sound_in_close(&in);
    free(y);
}

Test(compress, opus_has_the_right_length_and_tones) {
    assert_opus(48000, 1, 0.0, 2.0);
    assert_opus(48000, 2, 10.0, 2.0);
    assert_opus(44100, 2, 0.0, 2.0);
    assert_opus(16000, 1, 0.0, 2.0);
    assert_opus(96000, 2, 0.0, 2.0);
}

Test(compress, only_the_first_seconds_are_taken) {
    assert_opus(48000, 2, 0.5, 0.5);
    assert_opus(44100, 1, 1.25, 1.25);
}

Test(compress, same_sound_same_bytes) {
    unsigned char *bytes[2];
    size_t size[2];
    const char *path = make_tones(48000, 2);
    for (int i = 0; i < 2; i++)
        cr_assert(v2s_compress_opus(path, 0.0, 96000, &bytes[i], &size[i]) == V2S_OK);
    cr_assert(size[0] == size[1] && memcmp(bytes[0], bytes[1], size[0]) == 0);
    free(bytes[0]);
    free(bytes[1]);
}

Test(compress, what_cannot_be_played_is_one_sentence) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    cr_assert(v2s_compress_opus(make_tones(48000, 4), 0.0, 96000, &bytes, &size) == V2S_ARG);
    cr_assert(strstr(v2s_error_text(), "found 4") != NULL);
    cr_assert(v2s_compress_opus(v2s_test_path("none.wav"), 0.0, 96000, &bytes, &size) == V2S_IO);
    cr_assert(bytes == NULL);
}
