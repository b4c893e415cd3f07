// SPDX-License-Identifier: MIT
// Transforms of any length against their definition.
#include "kernels/dft_f64.h"

#include <complex.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"

// Fast, prime, odd, even; beyond 131072: a power of two, two factors, with a prime above 131072,
// twice a prime.
static const size_t lengths[] = {1,   2,    3,    4,    5,      7,      16,     97,     100,
                                 512, 1000, 1009, 4410, 131071, 160000, 196613, 262144, 262166};

static double noise(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (double)*state / 4294967296.0 * 2.0 - 1.0;
}

static double complex definition(const v2s_complex_f64 *x, size_t n, size_t k) {
    double complex sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        double angle = -2.0 * acos(-1.0) * (double)(j * k % n) / (double)n;
        sum += (x[j].re + _Complex_I * x[j].im) * (cos(angle) + _Complex_I * sin(angle));
    }
    return sum;
}

Test(dft_f64, matches_the_definition_at_any_length) {
    uint32_t seed = 3;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        size_t n = lengths[l];
        v2s_dft_f64 *d = NULL;
        cr_assert_eq(v2s_dft_f64_open(n, &d), V2S_OK, "%s", v2s_error_text());
        v2s_complex_f64 *x = v2s_fft_alloc(n, sizeof *x), *work = v2s_fft_alloc(n, sizeof *x);
        v2s_complex_f64 *X = v2s_fft_alloc(n, sizeof *X);
        for (size_t j = 0; j < n; j++)
            work[j] = x[j] = (v2s_complex_f64){noise(&seed), noise(&seed)};
        v2s_dft_f64_forward(d, work, X);
        double bound = 2e-15 * sqrt((double)n) * (log2((double)n) + 1);
        for (size_t i = 0; i < 16; i++) {
            size_t k = n <= 16 ? i % n : i * (n - 1) / 15;
            double error = cabs(definition(x, n, k) - (X[k].re + _Complex_I * X[k].im));
            cr_assert(error < bound, "n %zu, bin %zu: %g above %g", n, k, error, bound);
        }
        v2s_dft_f64_inverse(d, X, work);
        for (size_t j = 0; j < n; j++)
            cr_assert(hypot(work[j].re - x[j].re, work[j].im - x[j].im) < 1e-14,
                      "n %zu back at %zu", n, j);
        v2s_fft_free(x);
        v2s_fft_free(work);
        v2s_fft_free(X);
        v2s_dft_f64_close(&d);
        v2s_dft_f64_close(&d);
    }
}

Test(dft_f64, refuses_no_points_and_too_many) {
    v2s_dft_f64 *d = NULL;
    cr_expect_eq(v2s_dft_f64_open(0, &d), V2S_ARG);
    cr_expect_eq(v2s_dft_f64_open(2 * V2S_DFT_F64_POINTS_MAX, &d), V2S_ARG);
    cr_expect_null(d);
}
