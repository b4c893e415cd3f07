// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"
#include "tests/support/loss_check.h"

typedef struct both {
    v2s_loss_mrstft *f;
    v2s_loss_mrstft_f64 *d;
} both;

static double in_double(void *ctx, int T, const double *x, const double *y, double scale,
                        double *dx) {
    return v2s_loss_mrstft_value_f64(((both *)ctx)->d, T, x, y, scale, dx);
}

static double in_float(void *ctx, int T, const float *x, const float *y, float scale, float *dx) {
    return v2s_loss_mrstft_value(((both *)ctx)->f, T, x, y, scale, dx);
}

static const int sizes[] = {64, 128, 256};

static both open_both(void) {
    both b = {NULL, NULL};
    cr_assert_eq(v2s_loss_mrstft_open(LOSS_GOLDEN_T, 4, 3, sizes, &b.f), V2S_OK);
    cr_assert_eq(v2s_loss_mrstft_open_f64(LOSS_GOLDEN_T, 4, 3, sizes, &b.d), V2S_OK);
    return b;
}

static void close_both(both *b) {
    v2s_loss_mrstft_close(&b->f);
    v2s_loss_mrstft_close_f64(&b->d);
}

// Far above the floor, a gain g has spectral convergence g - 1 and log distance ln g.
Test(loss_mrstft, of_a_gain_is_its_excess_and_its_logarithm) {
    enum { T = 400 };
    v2s_loss_mrstft_f64 *l = NULL;
    cr_assert_eq(v2s_loss_mrstft_open_f64(T, 1, 3, sizes, &l), V2S_OK);
    double *y = noise_doubles(1, T, 1.0), x[T];
    for (int t = 0; t < T; t++)
        x[t] = 1.5 * y[t];
    cr_assert_float_eq(v2s_loss_mrstft_value_f64(l, T, x, y, 1.0, NULL), 0.5 + log(1.5), 1e-4);
    v2s_loss_mrstft_close_f64(&l);
    cr_assert_null(l);
    free(y);
}

Test(loss_mrstft, refuses_sizes_in_one_sentence) {
    v2s_loss_mrstft *l = NULL;
    const int bad = 100;
    cr_assert_eq(v2s_loss_mrstft_open(0, 4, 3, sizes, &l), V2S_ARG);
    cr_assert_eq(v2s_loss_mrstft_open(10, 4, 1, &bad, &l), V2S_ARG);
    cr_assert(strstr(v2s_error_text(), "100 points"));
    cr_assert_null(l);
}

Test(loss_mrstft, gradient_matches_differences) {
    both b = open_both();
    const loss_check l = {"mrstft", &b, in_double, in_float};
    loss_check_differences(&l);
    close_both(&b);
}

Test(loss_mrstft, gradient_is_added_times_the_scale) {
    both b = open_both();
    const loss_check l = {"mrstft", &b, in_double, in_float};
    loss_check_scale(&l);
    close_both(&b);
}

Test(loss_mrstft, is_finite_for_silence_and_extremes) {
    both b = open_both();
    const loss_check l = {"mrstft", &b, in_double, in_float};
    loss_check_extremes(&l, 0.0);
    close_both(&b);
}

Test(loss_mrstft, in_float_equals_double) {
    both b = open_both();
    const loss_check l = {"mrstft", &b, in_double, in_float};
    loss_check_float(&l, 1e-4);
    close_both(&b);
}

Test(loss_mrstft, equals_torch) {
    both b = open_both();
    const loss_check l = {"mrstft", &b, in_double, in_float};
    loss_check_torch(&l);
    close_both(&b);
}
