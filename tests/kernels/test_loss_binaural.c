// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"
#include "tests/support/loss_check.h"

typedef struct both {
    v2s_loss_binaural *f;
    v2s_loss_binaural_f64 *d;
} both;

static double in_double(void *ctx, int T, const double *x, const double *y, double scale,
                        double *dx) {
    return v2s_loss_binaural_value_f64(((both *)ctx)->d, T, x, y, scale, dx);
}

static double in_float(void *ctx, int T, const float *x, const float *y, float scale, float *dx) {
    return v2s_loss_binaural_value(((both *)ctx)->f, T, x, y, scale, dx);
}

// resolutions 0: the mean squared error
static both open_both(int resolutions) {
    const int sizes[] = {64, 128, 256};
    double *h = loss_check_filters();
    float hf[2 * 4 * LOSS_CHECK_TAPS];
    both b = {NULL, NULL};
    for (int i = 0; i < 2 * 4 * LOSS_CHECK_TAPS; i++)
        hf[i] = (float)h[i];
    cr_assert_eq(
        v2s_loss_binaural_open(LOSS_GOLDEN_T, LOSS_CHECK_TAPS, hf, resolutions, sizes, &b.f),
        V2S_OK);
    cr_assert_eq(
        v2s_loss_binaural_open_f64(LOSS_GOLDEN_T, LOSS_CHECK_TAPS, h, resolutions, sizes, &b.d),
        V2S_OK);
    free(h);
    return b;
}

static void check_both(void (*check)(const loss_check *)) {
    for (int resolutions = 0; resolutions <= 3; resolutions += 3) {
        both b = open_both(resolutions);
        loss_check l = {resolutions == 0 ? "binaural-mse" : "binaural", &b, in_double, in_float};
        check(&l);
        v2s_loss_binaural_close(&b.f);
        v2s_loss_binaural_close_f64(&b.d);
        cr_assert(b.f == NULL && b.d == NULL);
    }
}

static void check_float(const loss_check *l) {
    loss_check_float(l, 1e-4);
}

static void check_extremes(const loss_check *l) {
    loss_check_extremes(l, 0.0);
}

Test(loss_binaural, gradient_matches_differences) {
    check_both(loss_check_differences);
}

Test(loss_binaural, gradient_is_added_times_the_scale) {
    check_both(loss_check_scale);
}

Test(loss_binaural, is_finite_for_silence_and_extremes) {
    check_both(check_extremes);
}

Test(loss_binaural, in_float_equals_double) {
    check_both(check_float);
}

Test(loss_binaural, equals_torch) {
    check_both(loss_check_torch);
}

// Ears that are W and Y: only these two channels count.
Test(loss_binaural, hears_through_the_filters) {
    enum { T = 30 };
    double h[8] = {0.0}, dx[T * 4] = {0.0}, sum = 0.0;
    h[0] = h[4 + 1] = 1.0; // [left][W], [right][Y]
    double *x = noise_doubles(1, T * 4, 1.0), *y = noise_doubles(2, T * 4, 1.0);
    v2s_loss_binaural_f64 *l = NULL;
    cr_assert_eq(v2s_loss_binaural_open_f64(T, 1, h, 0, NULL, &l), V2S_OK);
    double value = v2s_loss_binaural_value_f64(l, T, x, y, 1.0, dx);
    for (int i = 0; i < T * 4; i++) {
        double gap = i % 4 < 2 ? x[i] - y[i] : 0.0;
        sum += gap * gap / (2.0 * T);
        cr_assert_float_eq(dx[i], 2.0 * gap / (2.0 * T), 1e-14);
    }
    cr_assert_float_eq(value, sum, 1e-14);
    v2s_loss_binaural_close_f64(&l);
    free(x);
    free(y);
}
