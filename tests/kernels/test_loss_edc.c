// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>

#include "kernels/f64_signal.h"
#include "tests/support/loss_check.h"

static double in_double(void *ctx, int T, const double *x, const double *y, double scale,
                        double *dx) {
    (void)ctx;
    double work[LOSS_GOLDEN_T];
    return v2s_loss_edc_f64(T, 4, x, y, scale, dx, work);
}

static double in_float(void *ctx, int T, const float *x, const float *y, float scale, float *dx) {
    (void)ctx;
    double work[LOSS_GOLDEN_T];
    return v2s_loss_edc(T, 4, x, y, scale, dx, work);
}

// x = 10^(d/20) y in every channel is d dB from y everywhere, but for the floor 40 dB below.
Test(loss_edc, of_a_gain_is_its_decibels) {
    enum { T = 400 };
    double x[T], y[T], work[T];
    for (int t = 0; t < T; t++) {
        y[t] = t < T - 1 ? 1e-6 : 1.0; // almost all energy in the last sample: no decay
        x[t] = 2.0 * y[t];
    }
    double value = v2s_loss_edc_f64(T, 1, x, y, 1.0, NULL, work);
    cr_assert_float_eq(value, 20.0 * log10(2.0), 2e-3);
    cr_assert_float_eq(v2s_loss_edc_f64(T, 1, y, x, 1.0, NULL, work), 20.0 * log10(2.0), 2e-3);
}

Test(loss_edc, gradient_matches_differences) {
    const loss_check l = {"edc", NULL, in_double, in_float};
    loss_check_differences(&l);
}

Test(loss_edc, gradient_is_added_times_the_scale) {
    const loss_check l = {"edc", NULL, in_double, in_float};
    loss_check_scale(&l);
}

Test(loss_edc, is_finite_for_silence_and_extremes) {
    const loss_check l = {"edc", NULL, in_double, in_float};
    loss_check_extremes(&l, 0.0);
}

Test(loss_edc, in_float_equals_double) {
    const loss_check l = {"edc", NULL, in_double, in_float};
    loss_check_float(&l, 1e-5);
}

Test(loss_edc, equals_torch) {
    const loss_check l = {"edc", NULL, in_double, in_float};
    loss_check_torch(&l);
}
