// SPDX-License-Identifier: MIT
// The list of losses as text, and the weighted sum that it stands for.
#include "train/loss_list.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/parallel.h"
#include "tests/support/guarded.h"

static v2s_loss_weights parsed(const char *text) {
    v2s_loss_weights w;
    cr_assert_eq(v2s_loss_weights_parse("--loss", text, &w), V2S_OK, "%s", v2s_error_text());
    return w;
}

static v2s_device *processor(void) {
    v2s_device *dev = NULL;
    cr_assert_eq(v2s_device_open("cpu", 2, &dev), V2S_OK);
    return dev;
}

static void check_text(const char *from, const char *canonical) {
    char text[V2S_LOSS_TEXT_MAX], again[V2S_LOSS_TEXT_MAX];
    v2s_loss_weights w = parsed(from), back;
    v2s_loss_weights_text(&w, text);
    cr_assert_str_eq(text, canonical);
    back = parsed(text);
    cr_assert_eq(memcmp(&w, &back, sizeof w), 0);
    v2s_loss_weights_text(&back, again);
    cr_assert_str_eq(again, text);
}

Test(loss_list, has_one_text_per_list) {
    check_text("mse", "mse=1");
    check_text("mrstft=0.50,mse=1e0", "mse=1,mrstft=0.5");
    check_text("mse=0,intensity=0.1", "intensity=0.1");
    check_text("mse=0.33333333333333331,binaural-mse=3e-7,binaural=2,edc=1e300",
               "mse=0.3333333333333333,edc=1e+300,binaural=2,binaural-mse=3e-07");
}

static void check_refused(const char *text, const char *words) {
    v2s_loss_weights w = {{7.0}};
    cr_assert_eq(v2s_loss_weights_parse("--loss", text, &w), V2S_USAGE, "%s", text);
    cr_assert(strstr(v2s_error_text(), words), "%s: %s", text, v2s_error_text());
    cr_assert_eq(strncmp(v2s_error_text(), "--loss: ", 8), 0);
    cr_assert_eq(w.of[0], 7.0); // untouched
}

Test(loss_list, refuses_what_it_does_not_know_in_one_sentence) {
    check_refused("mse=1,mae=1", "no loss is called 'mae'; there are mse, mrstft, intensity");
    check_refused("", "no loss is called ''");
    check_refused("mse,", "no loss is called ''");
    check_refused("mse=1,mse=2", "mse is given twice");
    check_refused("mse=-1", "weight of mse: need a number of 0 or more, found '-1'");
    check_refused("mse=", "weight of mse: need a number of 0 or more, found ''");
    check_refused("mse=nan", "found 'nan'");
    check_refused("mse=inf", "found 'inf'");
    check_refused("mse=1x", "found '1x'");
    check_refused("mse=0,edc=0", "all weights are 0");
    char longest[1000];
    memset(longest, 'a', sizeof longest);
    longest[999] = '\0';
    check_refused(longest, "an item of 999 letters");
}

// cli.md: the mean over four channels and samples of (refined - truth)^2.
Test(loss_list, of_mse_is_the_mean_over_channels_and_samples) {
    enum { T = 50, COUNT = T * 4 };
    float *r = guarded_noise(1, COUNT, 1.0f), *g = guarded_noise(2, COUNT, 1.0f);
    float *truth = guarded_noise(3, COUNT, 1.0f), *d = guarded_noise(4, COUNT, 9.0f);
    v2s_device *dev = processor();
    v2s_loss_setup setup = {.dev = dev,
                            .weights = parsed("mse=3"),
                            .rate_hz = 16000,
                            .T = T + 5,
                            .rows = 1,
                            .lanes = 2};
    v2s_loss_list *list = NULL;
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_OK);
    double parts[V2S_LOSS_KINDS], sum = 0.0;
    double loss = v2s_loss_list_row(list, 1, T, r, g, truth, 0.5f, d, parts);
    for (int i = 0; i < COUNT; i++) {
        double difference = (double)(g[i] + r[i]) - truth[i];
        sum += difference * difference / COUNT;
        cr_assert_float_eq(d[i], 0.5 * 3.0 * 2.0 * difference / COUNT, 1e-8);
    }
    cr_assert_float_eq(parts[V2S_LOSS_MSE], sum, 1e-12);
    cr_assert_float_eq(loss, 3.0 * sum, 1e-12);
    cr_assert_eq(v2s_loss_list_row(list, 0, T, r, g, truth, 1.0f, NULL, NULL), loss);
    v2s_loss_list_close(&list);
    cr_assert_null(list);
    v2s_device_close(&dev);
    guarded_free(r, COUNT);
    guarded_free(g, COUNT);
    guarded_free(truth, COUNT);
    guarded_free(d, COUNT);
}

// Every loss on its own, and all in one list: the sum of the parts times their weights, and
// likewise the gradients.
Test(loss_list, is_the_weighted_sum_of_its_parts) {
    enum { T = 700, COUNT = T * 4 };
    float *r = guarded_noise(1, COUNT, 0.1f), *g = guarded_noise(2, COUNT, 0.5f);
    float *truth = guarded_noise(3, COUNT, 0.5f), *d = guarded_noise(4, COUNT, 9.0f);
    double sum = 0.0, d_sum[COUNT] = {0.0}, parts[V2S_LOSS_KINDS], alone[V2S_LOSS_KINDS];
    v2s_device *dev = processor();
    v2s_loss_setup setup = {.dev = dev, .rate_hz = 16000, .T = T, .rows = 1};
    v2s_loss_weights all = {{2.0, 0.5, 0.25, 0.125, 1.5, 3.0}};
    for (int k = 0; k < V2S_LOSS_KINDS; k++) {
        v2s_loss_list *list = NULL;
        setup.weights = (v2s_loss_weights){{0}};
        setup.weights.of[k] = 1.0;
        cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_OK, "%s", v2s_error_text());
        double loss = v2s_loss_list_row(list, 0, T, r, g, truth, 1.0f, d, parts);
        cr_assert(loss > 0.0 && parts[k] == loss, "%s", v2s_loss_name((v2s_loss_kind)k));
        cr_assert_eq(parts[(k + 1) % V2S_LOSS_KINDS], 0.0);
        alone[k] = loss;
        sum += all.of[k] * loss;
        for (int i = 0; i < COUNT; i++)
            d_sum[i] += all.of[k] * d[i];
        v2s_loss_list_close(&list);
    }
    v2s_loss_list *list = NULL;
    setup.weights = all;
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_OK);
    cr_assert_float_eq(v2s_loss_list_row(list, 0, T, r, g, truth, 1.0f, d, parts), sum, 1e-9);
    for (int k = 0; k < V2S_LOSS_KINDS; k++)
        cr_assert_eq(parts[k], alone[k]);
    for (int i = 0; i < COUNT; i++)
        cr_assert_float_eq(d[i], d_sum[i], 1e-5);
    v2s_loss_list_close(&list);
    v2s_device_close(&dev);
    guarded_free(r, COUNT);
    guarded_free(g, COUNT);
    guarded_free(truth, COUNT);
    guarded_free(d, COUNT);
}

enum { ROWS = 6, ROW_T = 400, ROW_COUNT = ROW_T * 4 };

typedef struct parallel_rows {
    v2s_loss_list *list;
    float *in; // [ROWS][3][ROW_COUNT]
    float d[ROWS][ROW_COUNT];
    double loss[ROWS];
} parallel_rows;

static void one_row(void *ctx, int i, int n) {
    (void)n;
    parallel_rows *p = ctx;
    const float *in = p->in + (size_t)i * 3 * ROW_COUNT;
    int T = ROW_T - 31 * i; // rows of different lengths
    p->loss[i] = v2s_loss_list_row(p->list, i, T, in, in + ROW_COUNT, in + 2 * ROW_COUNT, 1.0f,
                                   p->d[i], NULL);
}

Test(loss_list, gives_the_same_bits_from_any_lane_and_thread) {
    parallel_rows *p = calloc(2, sizeof *p);
    v2s_device *dev = processor();
    v2s_loss_setup setup = {.dev = dev,
                            .weights = {{1, 1, 1, 1, 1, 1}},
                            .rate_hz = 8000,
                            .T = ROW_T,
                            .rows = 1,
                            .lanes = ROWS};
    cr_assert_eq(v2s_loss_list_open(&setup, &p[0].list), V2S_OK);
    p[0].in = guarded_noise(1, ROWS * 3 * ROW_COUNT, 0.5f);
    p[1].list = p[0].list;
    p[1].in = p[0].in;
    v2s_parallel(2, ROWS, one_row, &p[0]);
    for (int i = ROWS - 1; i >= 0; i--) // each in another work space, one after the other
        for (int T = ROW_T - 31 * i, again = 0; again < 2; again++) {
            const float *in = p[1].in + (size_t)i * 3 * ROW_COUNT;
            p[1].loss[i] = v2s_loss_list_row(p[1].list, (i + again) % ROWS, T, in, in + ROW_COUNT,
                                             in + 2 * ROW_COUNT, 1.0f, p[1].d[i], NULL);
            cr_assert_eq(p[0].loss[i], p[1].loss[i]);
            cr_assert_eq(memcmp(p[0].d[i], p[1].d[i], (size_t)T * 4 * sizeof(float)), 0);
        }
    v2s_loss_list_close(&p[0].list);
    v2s_device_close(&dev);
    guarded_free(p[0].in, ROWS * 3 * ROW_COUNT);
    free(p);
}

Test(loss_list, of_a_batch_is_what_its_rows_are) {
    enum { B = 3, COUNT = ROW_COUNT };
    v2s_device *dev = processor();
    float *r = guarded_noise(1, B * COUNT, 0.1f), *g = guarded_noise(2, B * COUNT, 0.5f);
    float *truth = guarded_noise(3, B * COUNT, 0.5f), *d = guarded_noise(4, B * COUNT, 9.0f);
    float alone[COUNT];
    double values[B] = {7.0, 8.0, 9.0};
    v2s_loss_setup setup = {.dev = dev,
                            .weights = {{2.0, 0.5, 0.25, 0.125, 1.5, 3.0}},
                            .rate_hz = 8000,
                            .T = ROW_T,
                            .rows = B};
    v2s_loss_list *list = NULL;
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_OK, "%s", v2s_error_text());
    v2s_loss_list_batch(list, B, ROW_T, r, g, truth, 0.3, d, values);
    for (int b = 0; b < B; b++) {
        size_t at = (size_t)b * COUNT;
        double value =
            v2s_loss_list_row(list, 0, ROW_T, r + at, g + at, truth + at, 0.3, alone, NULL);
        cr_assert_eq(values[b], value);
        cr_assert_eq(memcmp(d + at, alone, sizeof alone), 0);
    }
    v2s_loss_list_batch(list, 0, ROW_T, r, g, truth, 0.3, d, values);
    v2s_loss_list_batch(list, B, ROW_T, r, g, truth, 0.3, NULL, NULL);
    v2s_loss_list_close(&list);
    v2s_device_close(&dev);
    guarded_free(r, B * COUNT);
    guarded_free(g, B * COUNT);
    guarded_free(truth, B * COUNT);
    guarded_free(d, B * COUNT);
}

Test(loss_list, is_finite_for_silence) {
    enum { T = 300 };
    float zero[T * 4] = {0.0f}, some[T * 4], d[T * 4];
    v2s_device *dev = processor();
    v2s_loss_list *list = NULL;
    v2s_loss_setup setup = {
        .dev = dev, .weights = {{1, 1, 1, 1, 1, 1}}, .rate_hz = 48000, .T = T, .rows = 1};
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_OK);
    for (int i = 0; i < T * 4; i++)
        some[i] = (float)(i % 17) * 0.05f - 0.4f;
    cr_assert_eq(v2s_loss_list_row(list, 0, T, zero, zero, zero, 1.0f, d, NULL), 0.0);
    for (int c = 0; c < 3; c++) {
        double loss = v2s_loss_list_row(list, 0, T, zero, c == 1 ? some : zero,
                                        c == 2 ? some : zero, 1.0f, d, NULL);
        cr_assert(isfinite(loss));
        for (int i = 0; i < T * 4; i++)
            cr_assert(isfinite(d[i]));
    }
    cr_assert_eq(v2s_loss_list_row(list, 0, 0, zero, zero, zero, 1.0f, d, NULL), 0.0);
    v2s_loss_list_close(&list);
    v2s_device_close(&dev);
}

Test(loss_list, names_a_head_that_is_missing) {
    v2s_device *dev = processor();
    v2s_loss_setup setup = {
        .dev = dev, .weights = parsed("binaural"), .rate_hz = 16000, .T = 99, .rows = 2};
    v2s_loss_list *list = NULL;
    setup.hrtf_path = "no/such/head.sofa";
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_IO);
    cr_assert(strstr(v2s_error_text(), "no/such/head.sofa"), "%s", v2s_error_text());
    cr_assert_null(list);
    setup.weights = parsed("mse"); // which needs none
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_OK);
    v2s_loss_list_close(&list);
    v2s_device_close(&dev);
}

Test(loss_list, needs_rows_and_samples) {
    v2s_loss_setup setup = {.weights = parsed("mse"), .rate_hz = 16000, .T = 0, .rows = 1};
    v2s_loss_list *list = NULL;
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_ARG);
    cr_assert_null(list);
}
