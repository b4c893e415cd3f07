// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/support/gradient.h"
#include "tests/support/op_check.h"

static const double weights[] = {1.0, 0.2, 0.1};

typedef struct maps {
    int N, H, W;
    size_t count;
    float *p, *g;
    double *p_d, *g_d;
    v2s_loss_depth_counts counts;
} maps;

// Predictions about 0, depths about 2; a pixel is not valid where noise lies below `bound`: -2 for
// none, 2 for all.
static maps make(int N, int H, int W, float bound) {
    maps m = {.N = N, .H = H, .W = W, .count = (size_t)N * H * W};
    float *valid = guarded_noise(3, m.count, 1.0f);
    m.p = guarded_noise(1, m.count, 2.0f);
    m.g = guarded_noise(2, m.count, 1.0f);
    for (size_t i = 0; i < m.count; i++)
        m.g[i] = valid[i] > bound ? m.g[i] + 2.0f : 0.0f;
    m.p_d = doubles_of(m.p, m.count);
    m.g_d = doubles_of(m.g, m.count);
    guarded_free(valid, m.count);
    v2s_loss_depth_count(N, H, W, m.g, &m.counts);
    return m;
}

static void discard(maps *m) {
    guarded_free(m->p, m->count);
    guarded_free(m->g, m->count);
    free(m->p_d);
    free(m->g_d);
}

static v2s_loss_depth_args_f64 args_of(const maps *m, double *dp, double *terms) {
    return (v2s_loss_depth_args_f64){m->N,       m->H,   m->W,   m->counts, weights[0], weights[1],
                                     weights[2], m->p_d, m->g_d, dp,        terms};
}

// ---- the formulas, term by term ---------------------------------------------------------------

// The depth at (n,i,j); 0 outside, which is not valid.
static double at(const maps *m, const double *x, int n, int i, int j) {
    bool inside = i >= 0 && i < m->H && j >= 0 && j < m->W;
    return inside ? x[((size_t)n * m->H + i) * m->W + j] : 0.0;
}

static bool valid(const maps *m, int n, int i, int j) {
    return at(m, m->g_d, n, i, j) > 0.0;
}

// Counts and sums of the three terms.
static void by_formula(const maps *m, int64_t count[3], double sum[3]) {
    const double *p = m->p_d, *g = m->g_d;
    memset(count, 0, 3 * sizeof *count);
    memset(sum, 0, 3 * sizeof *sum);
    for (int n = 0; n < m->N; n++)
        for (int i = 0; i < m->H; i++)
            for (int j = 0; j < m->W; j++) {
                double here = at(m, p, n, i, j), true_here = at(m, g, n, i, j);
                if (valid(m, n, i, j)) {
                    count[0]++;
                    sum[0] += fabs(here - true_here);
                }
                for (int down = 0; down < 2; down++)
                    if (valid(m, n, i, j) && valid(m, n, i + down, j + 1 - down)) {
                        double other = at(m, p, n, i + down, j + 1 - down);
                        double true_other = at(m, g, n, i + down, j + 1 - down);
                        count[1]++;
                        sum[1] += fabs((other - here) - (true_other - true_here));
                    }
                if (valid(m, n, i, j) && valid(m, n, i - 1, j) && valid(m, n, i + 1, j) &&
                    valid(m, n, i, j - 1) && valid(m, n, i, j + 1)) {
                    double laplacian = at(m, p, n, i - 1, j) + at(m, p, n, i + 1, j) +
                                       at(m, p, n, i, j - 1) + at(m, p, n, i, j + 1) - 4.0 * here;
                    double across = at(m, g, n, i, j + 1) - true_here;
                    double along = at(m, g, n, i + 1, j) - true_here;
                    count[2]++;
                    sum[2] += fabs(laplacian) * exp(-(fabs(across) + fabs(along)));
                }
            }
}

static double loss(void *ctx, const double *x) {
    const maps *m = ctx;
    double terms[3];
    v2s_loss_depth_args_f64 a = args_of(m, NULL, terms);
    a.p = x;
    v2s_loss_depth_f64(NULL, &a, NULL);
    return weights[0] * terms[0] + weights[1] * terms[1] + weights[2] * terms[2];
}

static void check(int N, int H, int W, float bound) {
    maps m = make(N, H, W, bound);
    int64_t count[3];
    double sum[3], terms[3], *dp = malloc((m.count + 1) * sizeof *dp);
    for (size_t i = 0; i < m.count; i++)
        dp[i] = NAN;
    by_formula(&m, count, sum);
    cr_assert(m.counts.pixels == count[0] && m.counts.pairs == count[1] &&
              m.counts.inner == count[2]);
    v2s_loss_depth_args_f64 a = args_of(&m, dp, terms);
    v2s_loss_depth_f64(NULL, &a, NULL);
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(terms[i], count[i] > 0 ? sum[i] / (double)count[i] : 0.0, 1e-12);
    double error = gradient_error(loss, &m, m.p_d, dp, m.count, 1, 1e-6);
    if (count[0] > 0)
        cr_assert_leq(error, 1e-6, "N %d H %d W %d from %g: %g", N, H, W, (double)bound, error);
    for (size_t i = 0; i < m.count; i++)
        cr_assert(m.g_d[i] > 0.0 || dp[i] == 0.0);
    free(dp);
    discard(&m);
}

Test(loss_depth, is_the_formula_and_its_derivative) {
    const int sizes[][3] = {{1, 1, 1}, {1, 1, 7}, {2, 5, 1}, {1, 2, 2}, {2, 3, 3},
                            {3, 4, 6}, {0, 4, 4}, {2, 0, 3}, {1, 9, 8}, {2, 7, 5}};
    const float bounds[] = {-2.0f, -0.7f, 0.0f, 0.7f, 2.0f};
    for (int i = 0; i < 10; i++)
        for (int b = 0; b < 5; b++)
            check(sizes[i][0], sizes[i][1], sizes[i][2], bounds[b]);
}

Test(loss_depth, by_hand) {
    const double p[] = {1, 1, 1, 1, 5, 1, 1, 1, 1}, g[] = {1, 1, 1, 1, 2, 4, 1, 3, 1};
    double dp[9], terms[3];
    v2s_loss_depth_args_f64 a = {1, 3, 3, {9, 12, 1}, 1, 1, 1, p, g, dp, terms};
    v2s_loss_depth_f64(NULL, &a, NULL);
    cr_assert_float_eq(terms[0], (3.0 + 3.0 + 2.0) / 9.0, 1e-15);
    // to the middle: 4 - 1 twice, -4 - 2, -4 - 1; others: 3 and -3, 2 and -2
    cr_assert_float_eq(terms[1], (3.0 + 3.0 + 6.0 + 5.0 + 3.0 + 3.0 + 2.0 + 2.0) / 12.0, 1e-15);
    cr_assert_float_eq(terms[2], 16.0 * exp(-(2.0 + 1.0)), 1e-14);
    cr_assert_eq(dp[0], 0.0); // no difference anywhere
    cr_assert_float_eq(dp[4], 1.0 / 9.0 + 4.0 / 12.0 + 4.0 * exp(-3.0), 1e-15);
}

Test(loss_depth, of_the_truth_is_zero_and_flat) {
    maps m = make(2, 5, 6, -2.0f);
    double terms[3], dp[60];
    for (size_t i = 0; i < m.count; i++)
        m.g_d[i] = m.p_d[i] = 3.0;
    v2s_loss_depth_args_f64 a = args_of(&m, dp, terms);
    v2s_loss_depth_f64(NULL, &a, NULL);
    for (int i = 0; i < 60; i++)
        cr_assert_eq(dp[i], 0.0);
    cr_assert(terms[0] == 0.0 && terms[1] == 0.0 && terms[2] == 0.0);
    discard(&m);
}

Test(loss_depth, does_not_read_what_is_not_valid) {
    enum { COUNT = 40 };
    maps m = make(1, 5, 8, 0.0f);
    double terms[3], again[3], dp[COUNT], dp_again[COUNT];
    v2s_loss_depth_args_f64 a = args_of(&m, dp, terms), b = args_of(&m, dp_again, again);
    v2s_loss_depth_f64(NULL, &a, NULL);
    const float never[] = {NAN, -1.0f, -INFINITY, 0.0f};
    for (int i = 0, k = 0; i < COUNT; i++)
        if (!(m.g[i] > 0.0f)) {
            m.g[i] = never[k++ % 4];
            m.g_d[i] = m.g[i];
            m.p_d[i] = NAN;
        }
    v2s_loss_depth_f64(NULL, &b, NULL);
    v2s_loss_depth_counts counts = {0, 0, 0};
    v2s_loss_depth_count(1, 5, 8, m.g, &counts);
    cr_assert_eq(memcmp(terms, again, sizeof terms), 0);
    cr_assert_eq(memcmp(dp, dp_again, sizeof dp), 0);
    cr_assert_eq(memcmp(&counts, &m.counts, sizeof counts), 0);
    discard(&m);
}

Test(loss_depth, of_pieces_sums_up_to_the_loss_of_the_batch) {
    maps m = make(4, 6, 5, -0.5f);
    double terms[3], sum[3] = {0, 0, 0}, piece[3], dp[120], dp_piece[120];
    v2s_loss_depth_args_f64 a = args_of(&m, dp, terms);
    v2s_loss_depth_f64(NULL, &a, NULL);
    for (int n = 0; n < 4; n++) {
        v2s_loss_depth_args_f64 one = args_of(&m, dp_piece + n * 30, piece);
        one.N = 1;
        one.p += n * 30;
        one.g += n * 30;
        v2s_loss_depth_f64(NULL, &one, NULL);
        for (int i = 0; i < 3; i++)
            sum[i] += piece[i];
    }
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(sum[i], terms[i], 1e-14);
    cr_assert_eq(memcmp(dp, dp_piece, sizeof dp), 0);
    v2s_loss_depth_counts counts = {100, 200, 300}; // what is there stays
    v2s_loss_depth_count(4, 6, 5, m.g, &counts);
    cr_assert_eq(counts.pixels, 100 + m.counts.pixels);
    cr_assert_eq(counts.pairs, 200 + m.counts.pairs);
    cr_assert_eq(counts.inner, 300 + m.counts.inner);
    discard(&m);
}

static void check_table(const v2s_device *dev, int N, int H, int W, float bound) {
    maps m = make(N, H, W, bound);
    float *dp = guarded_noise(4, m.count, 9.0f);
    double *dp_d = malloc((m.count + 1) * sizeof *dp_d), terms[3], terms_d[3];
    v2s_loss_depth_args_f64 a = args_of(&m, dp_d, terms_d);
    v2s_loss_depth_args f = {N,          H,   W,   m.counts, weights[0], weights[1],
                             weights[2], m.p, m.g, dp,       terms};
    v2s_arena scratch = scratch_of(dev->ops->loss_depth_scratch(dev, &f));
    memset(scratch.base, 0xff, scratch.size);
    v2s_loss_depth_f64(NULL, &a, NULL);
    dev->ops->loss_depth(dev, &f, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
    double share = m.counts.inner > 0 ? 1.0 / (double)m.counts.inner : 1.0;
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(terms[i], terms_d[i], 1e-9);
    cr_assert_leq(largest_gap(dp, dp_d, m.count), 12 * 0x1p-24 * share);
    guarded_free(dp, m.count);
    free(dp_d);
    discard(&m);
}

Test(loss_depth, of_every_table_equals_double) {
    const int sizes[] = {0, 1, 2, 31, 32, 33, 257};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 7; i++) {
            check_table(dev, sizes[i], 5, 6, -0.8f);
            check_table(dev, 2, sizes[i], 7, -2.0f);
            check_table(dev, 2, 4, sizes[i], -0.8f);
            check_table(dev, 1, 9, sizes[i], 2.0f);
        }
        v2s_device_close(&dev);
    }
}
