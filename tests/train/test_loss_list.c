// SPDX-License-Identifier: MIT
// The list of losses as text, and the weighted sum that it stands for.
#include "train/loss_list.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/guarded.h"

static v2s_loss_weights parsed(const char *text) {
    v2s_loss_weights w;
    cr_assert_eq(v2s_loss_weights_parse("--loss", text, &w), V2S_OK, "%s", v2s_error_text());
    return w;
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
    v2s_loss_setup setup = {.weights = parsed("mse=3"), .rate_hz = 16000, .T = T + 5, .rows = 2};
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
    guarded_free(r, COUNT);
    guarded_free(g, COUNT);
    guarded_free(truth, COUNT);
    guarded_free(d, COUNT);
}

Test(loss_list, needs_rows_and_samples) {
    v2s_loss_setup setup = {.weights = parsed("mse"), .rate_hz = 16000, .T = 0, .rows = 1};
    v2s_loss_list *list = NULL;
    cr_assert_eq(v2s_loss_list_open(&setup, &list), V2S_ARG);
    cr_assert_null(list);
}
