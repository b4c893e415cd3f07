// SPDX-License-Identifier: MIT
// The inner loops of the spatial statistics, on every instruction set of this machine, by their
// definitions.
#include "spatial/field_ops.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "kernels/fft_f64.h"
#include "tests/support/hash_noise.h"

enum { LENGTH_MAX = 16384 };

static double *window_of(int n) {
    double *w = malloc((size_t)n * sizeof *w);
    for (int i = 0; i < n; i++)
        w[i] = 1 + (i % 7) * 0.25;
    return w;
}

static void check_transform(const v2s_field_ops *ops, int n) {
    float *x = malloc(4 * (size_t)n * sizeof *x);
    double *window = window_of(n), *one = malloc((size_t)n * sizeof *one);
    v2s_lanes_bin *four = v2s_fft_alloc((size_t)n / 2 + 1, sizeof *four);
    v2s_complex_f64 *expected = malloc(((size_t)n / 2 + 1) * sizeof *expected);
    v2s_lanes_fft fft;
    v2s_fft_real_f64 *single = NULL;
    hash_noise(1, 4 * (size_t)n, 1.0f, x);
    cr_assert_eq(v2s_lanes_fft_open(n, &fft), V2S_OK);
    cr_assert_eq(v2s_fft_real_f64_open((size_t)n, &single), V2S_OK);
    ops->transform(&fft, window, x, four);
    for (int c = 0; c < 4; c++) {
        for (int i = 0; i < n; i++)
            one[i] = window[i] * (double)x[4 * i + c];
        v2s_fft_real_f64_forward(single, one, expected);
        for (int k = 0; k <= n / 2; k++)
            cr_assert(fabs(four[k].re[c] - expected[k].re) <= 1e-15 * n &&
                          fabs(four[k].im[c] - expected[k].im) <= 1e-15 * n,
                      "%d points, channel %d, bin %d", n, c, k);
    }
    v2s_fft_real_f64_close(&single);
    v2s_lanes_fft_close(&fft);
    free(x);
    free(window);
    free(one);
    v2s_fft_free(four);
    free(expected);
}

Test(field_ops, transform_equals_the_single_ones) {
    for (int isa = V2S_ISA_SCALAR; isa <= (int)v2s_cpu_isa(); isa++)
        for (int n = 8; n <= LENGTH_MAX; n *= 2)
            check_transform(v2s_field_ops_for((v2s_isa)isa), n);
}

static v2s_lanes_bin *noise_bins(int bins, double scale) {
    float *x = malloc(8 * (size_t)bins * sizeof *x);
    v2s_lanes_bin *out = v2s_fft_alloc((size_t)bins, sizeof *out);
    hash_noise(3, 8 * (size_t)bins, 1.0f, x);
    for (int i = 0; i < 8 * bins; i++) {
        double value = scale * (double)x[i];
        if (i % 8 < 4)
            out[i / 8].re[i % 4] = value;
        else
            out[i / 8].im[i % 4] = value;
    }
    free(x);
    return out;
}

Test(field_ops, logarithms_are_those_of_libm) {
    enum { BINS = 300 };
    static const double scales[] = {1e-9, 0.3, 1, 1e6}, floors[] = {1e-12, 1e-3};
    for (int isa = V2S_ISA_SCALAR; isa <= (int)v2s_cpu_isa(); isa++)
        for (int i = 0; i < 8; i++) {
            const v2s_field_ops *ops = v2s_field_ops_for((v2s_isa)isa);
            v2s_lanes_bin *a = noise_bins(BINS, scales[i / 2]), *b = noise_bins(BINS, 1);
            v2s_lanes4 *other = v2s_fft_alloc(BINS, sizeof *other);
            double f = floors[i % 2], expected = 0;
            ops->magnitudes(BINS, b, f, other);
            for (int k = 0; k < BINS; k++)
                for (int c = 1; c < 4; c++) {
                    double p = hypot(a[k].re[c], a[k].im[c]), t = hypot(b[k].re[c], b[k].im[c]);
                    double d = log(p + f) - log(t + f);
                    cr_assert_float_eq(other[k][c], t + f, 1e-15);
                    expected += d * d;
                }
            double found = ops->log_distance(BINS, a, f, other);
            cr_expect_float_eq(found, expected, 1e-11 * fmax(expected, 1), "scale %g: %.15g, %.15g",
                               scales[i / 2], found, expected);
            cr_expect_eq(ops->log_distance(BINS, b, f, other), 0);
            v2s_fft_free(a);
            v2s_fft_free(b);
            v2s_fft_free(other);
        }
}

// Band sums by their definition, bin by bin; the ends give to one band alone.
Test(field_ops, sums_share_bins_between_neighbours) {
    enum { BINS = 9, BANDS = 3 };
    static const int low[BINS] = {0, 0, 1, 1, 1, 2, 2, 3, 3};
    static const double rise[BINS] = {0, 0.5, 0.1, 0.4, 0.9, 0.25, 0.75, 0, 0.5};
    v2s_lanes_bin *x = noise_bins(BINS, 1);
    for (int isa = V2S_ISA_SCALAR; isa <= (int)v2s_cpu_isa(); isa++) {
        v2s_lanes_sums *sums = v2s_fft_alloc(BANDS, sizeof *sums);
        v2s_field_ops_for((v2s_isa)isa)->collect(BINS, low, rise, x, BANDS, sums);
        for (int b = 0; b < BANDS; b++)
            for (int i = 0; i < 4; i++) {
                double own = 0, re = 0, im = 0;
                int j = (i + 1) % 4;
                for (int k = 0; k < BINS; k++) {
                    double w = low[k] == b ? rise[k] : low[k] - 1 == b ? 1 - rise[k] : 0;
                    own += w * (x[k].re[i] * x[k].re[i] + x[k].im[i] * x[k].im[i]);
                    re += w * (x[k].re[i] * x[k].re[j] + x[k].im[i] * x[k].im[j]);
                    im += w * (x[k].im[i] * x[k].re[j] - x[k].re[i] * x[k].im[j]);
                }
                cr_expect_float_eq(sums[b].own[i], own, 1e-14);
                cr_expect_float_eq(sums[b].next_re[i], re, 1e-14);
                cr_expect_float_eq(sums[b].next_im[i], im, 1e-14);
            }
        v2s_fft_free(sums);
    }
    v2s_fft_free(x);
}

Test(field_ops, every_instruction_set_has_the_same_bits) {
    enum { N = 1024, BINS = N / 2 + 1 };
    float *x = malloc(4 * N * sizeof *x);
    double *window = window_of(N);
    v2s_lanes_bin *plain = v2s_fft_alloc(BINS, sizeof *plain);
    v2s_lanes_bin *vector = v2s_fft_alloc(BINS, sizeof *vector);
    v2s_lanes_fft fft;
    hash_noise(1, 4 * N, 1.0f, x);
    cr_assert_eq(v2s_lanes_fft_open(N, &fft), V2S_OK);
    v2s_field_ops_for(V2S_ISA_SCALAR)->transform(&fft, window, x, plain);
    v2s_field_ops_for(v2s_cpu_isa())->transform(&fft, window, x, vector);
    cr_expect_eq(memcmp(plain, vector, BINS * sizeof *plain), 0);
    v2s_lanes_fft_close(&fft);
    free(x);
    free(window);
    v2s_fft_free(plain);
    v2s_fft_free(vector);
}
