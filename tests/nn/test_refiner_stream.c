// SPDX-License-Identifier: MIT
// The refiner in chunks against the refiner on the whole sound.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/refiner_stream.h"
#include "tests/support/hash_noise.h"

typedef struct setup {
    v2s_device *dev;
    v2s_refiner *m;
    int frames;
    float *foa, *whole, *streamed;
} setup;

static setup make_setup_on(v2s_device *dev, int frames, float update_bias, bool silent) {
    setup s = {.dev = dev, .m = hash_refiner(), .frames = frames};
    size_t floats = (size_t)frames * 4 + 4;
    s.foa = malloc(floats * sizeof(float));
    s.whole = malloc(floats * sizeof(float));
    s.streamed = calloc(floats, sizeof(float));
    hash_foa(frames, s.foa);
    if (silent)
        memset(s.foa, 0, floats * sizeof(float));
    int H = s.m->config.hidden;
    for (int d = 0; d < 2; d++)
        for (int j = 0; j < H; j++)
            s.m->gru.dir[d].bias_ih.data[H + j] += update_bias;
    v2s_refiner_work work;
    cr_assert_eq(v2s_refiner_work_open(&work, s.m, s.dev, 1, frames), V2S_OK);
    v2s_refiner_forward(s.m, s.dev, 1, frames, s.foa, s.whole, &work);
    v2s_refiner_work_close(&work);
    return s;
}

static setup make_setup(int frames, float update_bias) {
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", 2, &dev), V2S_OK);
    return make_setup_on(dev, frames, update_bias, false);
}

static void free_setup(setup *s) {
    free(s->foa);
    free(s->whole);
    free(s->streamed);
    v2s_refiner_close(&s->m);
    v2s_device_close(&s->dev);
}

// Streams everything in pushes of `step` frames.
static v2s_refiner_stream_report run(setup *s, const v2s_refiner_stream_config *config, int step) {
    v2s_refiner_stream *stream = NULL;
    cr_assert_eq(v2s_refiner_stream_open(s->m, s->dev, config, &stream), V2S_OK);
    int got = 0;
    for (int at = 0; at < s->frames; at += step) {
        int n = s->frames - at < step ? s->frames - at : step;
        cr_assert_eq(v2s_refiner_stream_push(stream, s->foa + 4 * (size_t)at, n), V2S_OK);
        got += v2s_refiner_stream_pull(stream, s->streamed + 4 * (size_t)got, s->frames - got);
        cr_assert_leq(at + n - got, v2s_refiner_stream_delay_frames(stream));
    }
    cr_assert_eq(v2s_refiner_stream_finish(stream), V2S_OK);
    got += v2s_refiner_stream_pull(stream, s->streamed + 4 * (size_t)got, s->frames - got + 1);
    cr_assert_eq(got, s->frames);
    v2s_refiner_stream_report report = v2s_refiner_stream_get_report(stream);
    cr_assert_eq(report.frames, s->frames);
    v2s_refiner_stream_close(&stream);
    cr_assert_null(stream);
    return report;
}

static double largest_error(const setup *s) {
    double most = 0.0;
    for (size_t i = 0; i < (size_t)s->frames * 4; i++)
        most = fmax(most, fabs((double)s->whole[i] - s->streamed[i]));
    return most;
}

Test(refiner_stream, equals_the_whole_file) {
    setup s = make_setup(20000, 0.0f);
    v2s_refiner_stream_config config = {2048, 256, 32768, 1e-6f};
    const int steps[] = {1, 1000, 20000};
    for (int i = 0; i < 3; i++) {
        v2s_refiner_stream_report r = run(&s, &config, steps[i]);
        cr_assert_lt(largest_error(&s), 1e-6);
        cr_assert_eq(r.open_borders, 0);
        cr_assert_eq(r.lookahead_frames, 256);
    }
    free_setup(&s);
}

// One chunk of one frame would be the smallest stream: every length near the chunk's size, the
// look-ahead and the convolution's reach ends somewhere else in the code.
Test(refiner_stream, any_length_works) {
    const int lengths[] = {0,  1,  2,  6,  7,  8,   31,  63,  64, 65,
                           71, 72, 95, 96, 97, 103, 104, 159, 160};
    v2s_refiner_stream_config config = {64, 32, 4096, 1e-6f};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        setup s = make_setup(lengths[i], 0.0f);
        v2s_refiner_stream_report r = run(&s, &config, 50);
        cr_assert_lt(largest_error(&s), 1e-6, "%d frames", lengths[i]);
        cr_assert_eq(r.open_borders, 0);
        free_setup(&s);
    }
}

// An update gate near 1 remembers for about 1 / (1 - z) frames.
Test(refiner_stream, slow_weights_double_the_lookahead_until_they_forget) {
    setup s = make_setup(12000, 5.0f);
    v2s_refiner_stream_config config = {1024, 64, 32768, 1e-6f};
    v2s_refiner_stream_report r = run(&s, &config, 777);
    cr_assert_gt(r.lookahead_frames, 1000);
    cr_assert_eq(r.open_borders, 0);
    cr_assert_lt(largest_error(&s), 1e-5);
    cr_assert_lt(r.border_error, 1e-5f);
    free_setup(&s);
}

// Rounding keeps two nearly equal states apart for ever where nothing stirs them (a gap of 2e-6
// here); that is no reason to look further ahead, or to warn.
Test(refiner_stream, silence_with_slow_weights_settles) {
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", 2, &dev), V2S_OK);
    setup s = make_setup_on(dev, 20000, 4.0f, true);
    v2s_refiner_stream_config config = {1024, 64, 32768, 1e-6f};
    v2s_refiner_stream_report r = run(&s, &config, 1000);
    cr_assert_leq(r.lookahead_frames, 4096);
    cr_assert_eq(r.open_borders, 0);
    cr_assert_lt(largest_error(&s), 1e-6);
    free_setup(&s);
}

Test(refiner_stream, bf16_settles_within_its_own_rounding) {
    v2s_device *dev = NULL;
    if (v2s_device_open_with("cpu",
                             &(v2s_device_options){.threads = 2, .precision = V2S_PRECISION_BF16},
                             &dev) != V2S_OK)
        cr_skip("%s", v2s_error_text());
    setup s = make_setup_on(dev, 20000, 0.0f, false);
    v2s_refiner_stream_config config = {1024, 64, 32768, 1e-6f};
    v2s_refiner_stream_report r = run(&s, &config, 1000);
    cr_assert_leq(r.lookahead_frames, 256);
    cr_assert_eq(r.open_borders, 0);
    cr_assert_lt(largest_error(&s), 1e-3);
    free_setup(&s);
}

Test(refiner_stream, one_thread_gives_the_same) {
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", 1, &dev), V2S_OK);
    setup s = make_setup_on(dev, 5000, 0.0f, false);
    v2s_refiner_stream_config config = {1024, 128, 32768, 1e-6f};
    (void)run(&s, &config, 5000);
    cr_assert_lt(largest_error(&s), 1e-6);
    free_setup(&s);
}

// The bound is reached: the result differs from the whole file's, and the report says so.
Test(refiner_stream, an_open_border_is_reported) {
    setup s = make_setup(4000, 8.0f);
    v2s_refiner_stream_config config = {512, 64, 128, 1e-6f};
    v2s_refiner_stream_report r = run(&s, &config, 512);
    cr_assert_eq(r.lookahead_frames, 128);
    cr_assert_gt(r.open_borders, 0);
    cr_assert_gt(r.border_difference, 1e-3f);
    cr_assert_gt(r.border_error, 1e-3f);
    cr_assert_gt(largest_error(&s), 1e-5);
    free_setup(&s);
}

Test(refiner_stream, a_sample_that_is_no_number_is_named) {
    setup s = make_setup(100, 0.0f);
    v2s_refiner_stream *stream = NULL;
    cr_assert_eq(v2s_refiner_stream_open(s.m, s.dev, NULL, &stream), V2S_OK);
    cr_assert_eq(v2s_refiner_stream_push(stream, s.foa, 50), V2S_OK);
    s.foa[50 * 4 + 3 * 4 + 2] = NAN;
    cr_assert_eq(v2s_refiner_stream_push(stream, s.foa + 50 * 4, 50), V2S_NUMERIC);
    cr_assert_str_eq(v2s_error_text(), "refiner: input frame 53, channel 2 is not a finite number");
    v2s_refiner_stream_close(&stream);
    free_setup(&s);
}

Test(refiner_stream, wrong_use_is_refused) {
    setup s = make_setup(10, 0.0f);
    v2s_refiner_stream *stream = NULL;
    const v2s_refiner_stream_config bad[] = {
        {0, 1, 1, 1e-6f}, {1, 0, 1, 1e-6f}, {1, 2, 1, 1e-6f}, {1, 1, 1, NAN}};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(v2s_refiner_stream_open(s.m, s.dev, &bad[i], &stream), V2S_ARG);
    cr_assert_null(stream);
    cr_assert_eq(v2s_refiner_stream_open(s.m, s.dev, NULL, &stream), V2S_OK);
    cr_assert_eq(v2s_refiner_stream_finish(stream), V2S_OK);
    cr_assert_eq(v2s_refiner_stream_push(stream, s.foa, 1), V2S_ARG);
    v2s_refiner_stream_close(&stream);
    free_setup(&s);
}

Test(refiner_stream, a_network_of_other_rows_is_refused) {
    const v2s_refiner_config config = {6, 3, 4, 5, 4};
    v2s_refiner *m;
    v2s_device *dev;
    v2s_refiner_stream *s = NULL;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    cr_assert_eq(v2s_device_open("cpu", 1, &dev), V2S_OK);
    cr_assert_eq(v2s_refiner_stream_open(m, dev, NULL, &s), V2S_ARG);
    cr_assert_null(s);
    cr_assert_not_null(strstr(v2s_error_text(), "found 6 and 4"));
    v2s_device_close(&dev);
    v2s_refiner_close(&m);
}
