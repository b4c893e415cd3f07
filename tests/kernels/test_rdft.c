// SPDX-License-Identifier: MIT
// The double transform against its definition (the float one is kernels/fft.h: test_fft.c).
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"

static const size_t lengths[] = {4, 8, 12, 20, 28, 36, 60, 64, 144, 240};

Test(rdft, in_double_matches_the_definition_and_inverts) {
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        size_t n = lengths[l];
        double *x = noise_doubles(1, n, 1.0), X[2 * 121], back[240];
        v2s_rdft_f64 *dft = NULL;
        cr_assert_eq(v2s_rdft_open_f64(n, &dft), V2S_OK, "%s", v2s_error_text());
        v2s_rdft_forward_f64(dft, x, X);
        for (size_t k = 0; k <= n / 2; k++) {
            double re = 0.0, im = 0.0;
            for (size_t t = 0; t < n; t++) {
                double angle = 2.0 * M_PI * (double)(k * t % n) / (double)n;
                re += x[t] * cos(angle);
                im -= x[t] * sin(angle);
            }
            cr_assert(hypot(X[2 * k] - re, X[2 * k + 1] - im) < 1e-12, "n %zu bin %zu", n, k);
        }
        X[1] = X[n + 1] = 7.0; // not read
        v2s_rdft_inverse_f64(dft, X, back);
        for (size_t t = 0; t < n; t++)
            cr_assert_float_eq(back[t], x[t], 1e-14, "n %zu sample %zu", n, t);
        v2s_rdft_close_f64(&dft);
        cr_assert_null(dft);
        free(x);
    }
}

Test(rdft, both_precisions_refuse_the_same_lengths) {
    v2s_rdft_f64 *d = NULL;
    v2s_rdft *f = NULL;
    const size_t bad[] = {0, 6, 1000};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(v2s_rdft_open_f64(bad[i], &d), V2S_ARG);
        cr_assert_eq(v2s_rdft_open(bad[i], &f), V2S_ARG);
        cr_assert(strstr(v2s_error_text(), "points"));
    }
}

Test(rdft, in_float_equals_double) {
    enum { N = 240 };
    double *x = noise_doubles(2, N, 1.0), X[N + 2];
    float xf[N], Xf[N + 2], back[N];
    v2s_rdft_f64 *d = NULL;
    v2s_rdft *f = NULL;
    cr_assert_eq(v2s_rdft_open_f64(N, &d), V2S_OK);
    cr_assert_eq(v2s_rdft_open(N, &f), V2S_OK);
    for (int t = 0; t < N; t++)
        xf[t] = (float)x[t];
    v2s_rdft_forward_f64(d, x, X);
    v2s_rdft_forward(f, xf, Xf);
    v2s_rdft_inverse(f, Xf, back);
    for (int k = 0; k < N + 2; k++)
        cr_assert_float_eq(Xf[k], X[k], 1e-5);
    for (int t = 0; t < N; t++)
        cr_assert_float_eq(back[t], x[t], 1e-6);
    v2s_rdft_close_f64(&d);
    v2s_rdft_close(&f);
    free(x);
}
