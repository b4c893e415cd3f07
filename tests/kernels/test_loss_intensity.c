// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"
#include "tests/support/loss_check.h"

typedef struct both {
    v2s_loss_intensity *f;
    v2s_loss_intensity_f64 *d;
} both;

static double in_double(void *ctx, int T, const double *x, const double *y, double scale,
                        double *dx) {
    return v2s_loss_intensity_value_f64(((both *)ctx)->d, T, x, y, scale, dx);
}

static double in_float(void *ctx, int T, const float *x, const float *y, float scale, float *dx) {
    return v2s_loss_intensity_value(((both *)ctx)->f, T, x, y, scale, dx);
}

static both open_both(void) {
    both b = {NULL, NULL};
    cr_assert_eq(v2s_loss_intensity_open(LOSS_GOLDEN_T, 16000.0, &b.f), V2S_OK);
    cr_assert_eq(v2s_loss_intensity_open_f64(LOSS_GOLDEN_T, 16000.0, &b.d), V2S_OK);
    return b;
}

static void close_both(both *b) {
    v2s_loss_intensity_close(&b->f);
    v2s_loss_intensity_close_f64(&b->d);
}

// Two plane waves of one signal, `angle` apart: every band and block is 1 - cos(angle) away,
// whatever the levels.
Test(loss_intensity, of_plane_waves_is_one_minus_the_cosine) {
    enum { T = 480 };
    const double rates[] = {8000.0, 16000.0, 44100.0, 48000.0};
    double *w = noise_doubles(1, T, 0.5), x[T * 4] = {0.0}, y[T * 4] = {0.0};
    for (int r = 0; r < 4; r++)
        for (int degrees = 0; degrees <= 180; degrees += 45) {
            double angle = degrees * M_PI / 180.0;
            v2s_loss_intensity_f64 *l = NULL;
            cr_assert_eq(v2s_loss_intensity_open_f64(T, rates[r], &l), V2S_OK);
            for (int t = 0; t < T; t++) {
                y[4 * t] = y[4 * t + 3] = w[t];
                x[4 * t] = 3.0 * w[t];
                x[4 * t + 1] = 3.0 * sin(angle) * w[t];
                x[4 * t + 3] = 3.0 * cos(angle) * w[t];
            }
            double value = v2s_loss_intensity_value_f64(l, T, x, y, 1.0, NULL);
            cr_assert_float_eq(value, 1.0 - cos(angle), 1e-4, "%d deg at %g Hz: %g", degrees,
                               rates[r], value);
            v2s_loss_intensity_close_f64(&l);
        }
    free(w);
}

Test(loss_intensity, refuses_rates_in_one_sentence) {
    v2s_loss_intensity *l = NULL;
    cr_assert_eq(v2s_loss_intensity_open(100, 10.0, &l), V2S_ARG);
    cr_assert_eq(v2s_loss_intensity_open(100, NAN, &l), V2S_ARG);
    cr_assert_eq(v2s_loss_intensity_open(0, 16000.0, &l), V2S_ARG);
    cr_assert_null(l);
}

Test(loss_intensity, gradient_matches_differences) {
    both b = open_both();
    const loss_check l = {"intensity", &b, in_double, in_float};
    loss_check_differences(&l);
    close_both(&b);
}

Test(loss_intensity, gradient_is_added_times_the_scale) {
    both b = open_both();
    const loss_check l = {"intensity", &b, in_double, in_float};
    loss_check_scale(&l);
    close_both(&b);
}

Test(loss_intensity, is_finite_for_silence_and_extremes) {
    both b = open_both();
    const loss_check l = {"intensity", &b, in_double, in_float};
    loss_check_extremes(&l, 0.05); // the softening counts at -80 dB
    close_both(&b);
}

Test(loss_intensity, in_float_equals_double) {
    both b = open_both();
    const loss_check l = {"intensity", &b, in_double, in_float};
    loss_check_float(&l, 1e-4);
    close_both(&b);
}

Test(loss_intensity, equals_torch) {
    both b = open_both();
    const loss_check l = {"intensity", &b, in_double, in_float};
    loss_check_torch(&l);
    close_both(&b);
}
