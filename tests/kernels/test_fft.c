// SPDX-License-Identifier: MIT
// The transforms against their definition, at every kind of fast length.
#include "kernels/fft.h"

#include <complex.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static float noise(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (float)((double)*state / 4294967296.0 * 2.0 - 1.0);
}

// X_k = sum_t x_t exp(-2 pi i k t / n) in double precision.
static double complex dft_bin(const double complex *x, size_t n, size_t k) {
    double complex sum = 0.0;
    for (size_t t = 0; t < n; t++)
        sum += x[t] * cexp(-2.0 * I * 3.14159265358979323846 * (double)((k * t) % n) / (double)n);
    return sum;
}

static const size_t lengths[] = {4,  8,   12,  16,  20,  24,  28,  32,  36,   40,
                                 60, 120, 144, 224, 240, 512, 576, 960, 1024, 1280};

Test(fft, accepts_the_fast_lengths_only) {
    cr_assert(v2s_fft_length_ok(1024) && v2s_fft_length_ok(960) && v2s_fft_length_ok(144));
    cr_assert(!v2s_fft_length_ok(0) && !v2s_fft_length_ok(6) && !v2s_fft_length_ok(1000));
    cr_assert(!v2s_fft_length_ok(15) && !v2s_fft_length_ok(22) && !v2s_fft_length_ok(1UL << 18));
    cr_assert_eq(v2s_fft_length_above(1000), 1024);
    cr_assert_eq(v2s_fft_length_above(900), 960);
    cr_assert_eq(v2s_fft_length_above(1), 4);
    cr_assert_eq(v2s_fft_length_above((size_t)1 << 40), 0);
    v2s_fft_real *fft = NULL;
    cr_assert_eq(v2s_fft_real_open(1000, &fft), V2S_ARG);
    cr_assert_null(fft);
    cr_assert(strstr(v2s_error_text(), "1000 points"));
}

Test(fft, real_transform_matches_the_definition) {
    uint32_t seed = 1;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        size_t n = lengths[l];
        v2s_fft_real *fft = NULL;
        cr_assert_eq(v2s_fft_real_open(n, &fft), V2S_OK, "%s", v2s_error_text());
        float *x = malloc((n + 1) * sizeof *x), *back = malloc((n + 1) * sizeof *back);
        v2s_complex *spectrum = v2s_fft_alloc(n / 2 + 1, sizeof *spectrum);
        double complex *z = malloc(n * sizeof *z);
        for (size_t t = 0; t < n; t++)
            z[t] = x[t + 1] = noise(&seed);
        memset(spectrum, 0x7f, (n / 2 + 1) * sizeof *spectrum);
        v2s_fft_real_forward(fft, x + 1, spectrum); // + 1: not aligned
        double bound = 1e-6 * sqrt((double)n) * log2((double)n);
        for (size_t k = 0; k <= n / 2; k++) {
            double complex X = dft_bin(z, n, k);
            cr_assert(cabs(X - (spectrum[k].re + I * spectrum[k].im)) < bound, "n %zu bin %zu", n,
                      k);
        }
        cr_assert_eq(spectrum[0].im, 0.0F);
        cr_assert_eq(spectrum[n / 2].im, 0.0F);
        v2s_fft_real_inverse(fft, spectrum, back + 1);
        for (size_t t = 0; t < n; t++)
            cr_assert(fabs(creal(z[t]) - back[t + 1]) < 2e-6, "n %zu sample %zu", n, t);
        v2s_fft_real_close(&fft);
        cr_assert_null(fft);
        free(x);
        free(back);
        free(z);
        v2s_fft_free(spectrum);
    }
}

Test(fft, complex_transform_matches_the_definition) {
    uint32_t seed = 2;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        size_t n = lengths[l];
        v2s_fft_complex *fft = NULL;
        cr_assert_eq(v2s_fft_complex_open(n, &fft), V2S_OK, "%s", v2s_error_text());
        v2s_complex *x = malloc((n + 1) * sizeof *x), *spectrum = v2s_fft_alloc(n, sizeof *x);
        v2s_complex *back = malloc((n + 1) * sizeof *x);
        double complex *z = malloc(n * sizeof *z);
        for (size_t t = 0; t < n; t++) {
            x[t + 1] = (v2s_complex){noise(&seed), noise(&seed)};
            z[t] = x[t + 1].re + I * x[t + 1].im;
        }
        v2s_fft_complex_forward(fft, x + 1, spectrum);
        double bound = 1e-6 * sqrt((double)n) * log2((double)n);
        for (size_t k = 0; k < n; k++)
            cr_assert(cabs(dft_bin(z, n, k) - (spectrum[k].re + I * spectrum[k].im)) < bound,
                      "n %zu bin %zu", n, k);
        v2s_fft_complex_inverse(fft, spectrum, back + 1);
        for (size_t t = 0; t < n; t++)
            cr_assert(cabs(z[t] - (back[t + 1].re + I * back[t + 1].im)) < 2e-6, "n %zu", n);
        v2s_fft_complex_close(&fft);
        free(x);
        free(back);
        free(z);
        v2s_fft_free(spectrum);
    }
}

// Lengths that one call of av_tx cannot do: some bins against the definition, and the way back.
Test(fft, long_transforms_match_the_definition) {
    const size_t long_ones[] = {327680, 393216, 458752, 15 * 32768};
    uint32_t seed = 4;
    for (size_t l = 0; l < sizeof long_ones / sizeof *long_ones; l++) {
        size_t n = long_ones[l];
        v2s_fft_real *real = NULL;
        v2s_fft_complex *full = NULL;
        cr_assert_eq(v2s_fft_real_open(n, &real), V2S_OK, "%s", v2s_error_text());
        cr_assert_eq(v2s_fft_complex_open(n, &full), V2S_OK, "%s", v2s_error_text());
        float *x = malloc(n * sizeof *x), *back = malloc(n * sizeof *back);
        v2s_complex *half = malloc((n / 2 + 1) * sizeof *half), *y = malloc(n * sizeof *y);
        double complex *z = malloc(n * sizeof *z);
        for (size_t t = 0; t < n; t++) {
            z[t] = x[t] = noise(&seed);
            y[t] = (v2s_complex){x[t], 0};
        }
        v2s_fft_real_forward(real, x, half);
        v2s_fft_complex_forward(full, y, y);
        double bound = 1e-6 * sqrt((double)n) * log2((double)n), gap = 0;
        for (size_t k = 0; k <= n / 2; k++)
            gap = fmax(gap, hypot(half[k].re - y[k].re, half[k].im - y[k].im));
        cr_expect(gap < bound, "n %zu: real and complex differ by %g", n, gap);
        const size_t bins[] = {0, 1, 2, n / 8 + 3, n / 4, n / 2 - 1, n / 2};
        for (size_t i = 0; i < sizeof bins / sizeof *bins; i++) {
            double complex X = dft_bin(z, n, bins[i]);
            cr_expect(cabs(X - (half[bins[i]].re + I * half[bins[i]].im)) < bound, "n %zu bin %zu",
                      n, bins[i]);
        }
        v2s_fft_real_inverse(real, half, back);
        v2s_fft_complex_inverse(full, y, y);
        gap = 0;
        for (size_t t = 0; t < n; t++)
            gap = fmax(gap, fmax(fabs(x[t] - back[t]), hypot(x[t] - y[t].re, y[t].im)));
        cr_expect(gap < 4e-6, "n %zu: %g after the way back", n, gap);
        v2s_fft_real_close(&real);
        v2s_fft_complex_close(&full);
        free(x);
        free(back);
        free(half);
        free(y);
        free(z);
    }
}

Test(fft, leaves_the_input_alone) {
    enum { N = 256 };
    v2s_fft_real *fft = NULL;
    cr_assert_eq(v2s_fft_real_open(N, &fft), V2S_OK);
    float *x = v2s_fft_alloc(N, sizeof *x), *back = v2s_fft_alloc(N, sizeof *back);
    v2s_complex *spectrum = v2s_fft_alloc(N / 2 + 1, sizeof *spectrum);
    v2s_complex *kept = v2s_fft_alloc(N / 2 + 1, sizeof *kept);
    float first[N];
    uint32_t seed = 3;
    for (int t = 0; t < N; t++)
        first[t] = x[t] = noise(&seed);
    v2s_fft_real_forward(fft, x, spectrum);
    cr_assert_eq(memcmp(first, x, sizeof first), 0);
    memcpy(kept, spectrum, (N / 2 + 1) * sizeof *kept);
    v2s_fft_real_inverse(fft, spectrum, back);
    cr_assert_eq(memcmp(kept, spectrum, (N / 2 + 1) * sizeof *kept), 0);
    v2s_fft_real_close(&fft);
    v2s_fft_free(x);
    v2s_fft_free(back);
    v2s_fft_free(spectrum);
    v2s_fft_free(kept);
}
