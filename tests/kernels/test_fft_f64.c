// SPDX-License-Identifier: MIT
// The transforms against their definition, at every kind of fast length.
#include "kernels/fft_f64.h"

#include <complex.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static double noise(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (double)*state / 4294967296.0 * 2.0 - 1.0;
}

static double complex dft_bin(const double complex *x, size_t n, size_t k) {
    double complex sum = 0.0;
    for (size_t t = 0; t < n; t++)
        sum += x[t] * cexp(-2.0 * I * 3.14159265358979323846 * (double)((k * t) % n) / (double)n);
    return sum;
}

static const size_t lengths[] = {4,   8,   12,  16,   20,   28,   36,   60,    64,
                                 128, 144, 240, 1024, 1280, 4096, 7168, 16384, 131072};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static void check_length(size_t n) {
    double complex *x = malloc(n * sizeof *x);
    double *real = malloc(n * sizeof *real);
    v2s_complex_f64 *in = malloc(n * sizeof *in), *out = malloc(n * sizeof *out);
    v2s_fft_real_f64 *r = NULL;
    v2s_fft_complex_f64 *c = NULL;
    uint32_t seed = (uint32_t)n;
    cr_assert_eq(v2s_fft_real_f64_open(n, &r), V2S_OK);
    cr_assert_eq(v2s_fft_complex_f64_open(n, &c), V2S_OK);
    for (size_t i = 0; i < n; i++) {
        real[i] = noise(&seed);
        x[i] = real[i];
    }
    v2s_fft_real_f64_forward(r, real, out);
    size_t step = n / 2 / 8 > 0 ? n / 2 / 8 : 1;
    for (size_t k = 0; k <= n / 2; k += step)
        cr_expect_lt(cabs(dft_bin(x, n, k) - (out[k].re + I * out[k].im)), 1e-14 * (double)n,
                     "real %zu, bin %zu", n, k);
    for (size_t i = 0; i < n; i++) {
        in[i] = (v2s_complex_f64){noise(&seed), noise(&seed)};
        x[i] = in[i].re + I * in[i].im;
    }
    v2s_fft_complex_f64_forward(c, in, out);
    for (size_t k = 0; k < n; k += step)
        cr_expect_lt(cabs(dft_bin(x, n, k) - (out[k].re + I * out[k].im)), 1e-14 * (double)n,
                     "complex %zu, bin %zu", n, k);
    v2s_fft_complex_f64_inverse(c, out, out);
    for (size_t i = 0; i < n; i++)
        cr_assert_lt(hypot(out[i].re - in[i].re, out[i].im - in[i].im), 1e-14, "inverse %zu", n);
    v2s_fft_real_f64_close(&r);
    v2s_fft_complex_f64_close(&c);
    free(x);
    free(real);
    free(in);
    free(out);
}

Test(fft_f64, equals_the_definition) {
    for (int i = 0; i < LENGTHS; i++)
        check_length(lengths[i]);
}

Test(fft_f64, refuses_other_lengths) {
    v2s_fft_real_f64 *r = NULL;
    v2s_fft_complex_f64 *c = NULL;
    cr_expect_eq(v2s_fft_real_f64_open(1000, &r), V2S_ARG);
    cr_expect(strstr(v2s_error_text(), "1000 points") != NULL);
    cr_expect_eq(v2s_fft_real_f64_open(0, &r), V2S_ARG);
    cr_expect_eq(v2s_fft_complex_f64_open(6, &c), V2S_ARG);
    cr_expect_eq(v2s_fft_complex_f64_open(3 * 131072, &c), V2S_ARG);
    cr_expect(r == NULL && c == NULL);
}
