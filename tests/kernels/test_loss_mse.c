// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>

#include "kernels/f64_signal.h"
#include "tests/support/loss_check.h"

static double in_double(void *ctx, int T, const double *x, const double *y, double scale,
                        double *dx) {
    (void)ctx;
    return v2s_loss_mse_f64((size_t)T * 4, x, y, scale, dx);
}

static double in_float(void *ctx, int T, const float *x, const float *y, float scale, float *dx) {
    (void)ctx;
    return v2s_loss_mse((size_t)T * 4, x, y, scale, dx);
}

Test(loss_mse, gradient_matches_differences) {
    const loss_check l = {"mse", NULL, in_double, in_float};
    loss_check_differences(&l);
}

Test(loss_mse, gradient_is_added_times_the_scale) {
    const loss_check l = {"mse", NULL, in_double, in_float};
    loss_check_scale(&l);
}

Test(loss_mse, is_finite_for_silence_and_extremes) {
    const loss_check l = {"mse", NULL, in_double, in_float};
    loss_check_extremes(&l, 0.0);
}

Test(loss_mse, in_float_equals_double) {
    const loss_check l = {"mse", NULL, in_double, in_float};
    loss_check_float(&l, 1e-6);
}

Test(loss_mse, equals_torch) {
    const loss_check l = {"mse", NULL, in_double, in_float};
    loss_check_torch(&l);
}
