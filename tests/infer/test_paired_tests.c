// SPDX-License-Identifier: MIT
#include "infer/paired_tests.h"

#include <criterion/criterion.h>
#include <math.h>

#include "tests/support/golden_numbers.h"
#include "tests/support/hash_noise.h"

enum { MAX = 100 };

static void check(const golden_numbers *line, void *context) {
    (void)context;
    unsigned stream = (unsigned)line->in[0];
    size_t n = (size_t)line->in[1];
    float x[MAX], y[MAX];
    double a[MAX], b[MAX];
    hash_noise(stream, n, 10, x);
    hash_noise(stream + 20, n, 10, y);
    for (size_t i = 0; i < n; i++) {
        a[i] = line->in[2] > 0 ? trunc((double)x[i]) : (double)x[i];
        b[i] = line->in[2] > 0 ? trunc((double)y[i] - 2) : (double)y[i] - 2;
    }
    v2s_paired r;
    cr_assert_eq(v2s_paired_of(a, b, n, &r), V2S_OK);
    const v2s_sample *d = &r.difference;
    const double found[] = {(double)d->n, d->mean, d->lo, d->hi,        d->median,
                            r.t,          r.p_t,   r.w,   r.p_wilcoxon, r.win_rate};
    cr_assert_eq(line->out_count, sizeof found / sizeof *found);
    for (size_t i = 0; i < line->out_count; i++)
        golden_numbers_expect(line, i, found[i], 1e-9);
}

Test(paired_tests, equal_scipy) {
    golden_numbers_each("metrics_room.txt", "paired", check, NULL);
}

Test(paired_tests, the_t_distribution_is_known) {
    cr_expect_float_eq(v2s_student_t(0.05, 1), tan(0.475 * acos(-1)), 1e-9); // Cauchy
    cr_expect_float_eq(v2s_student_t(0.05, 1e7), 1.959964, 1e-6);            // normal
    cr_expect_float_eq(v2s_student_p(0, 7), 1, 1e-12);
    cr_expect_float_eq(v2s_student_p(-2, 9), v2s_student_p(2, 9), 1e-15);
}

Test(paired_tests, what_is_missing_is_left_out_and_one_pair_has_no_interval) {
    const double a[] = {1, NAN, 5, 2}, b[] = {0, 3, INFINITY, NAN};
    v2s_paired r;
    cr_assert_eq(v2s_paired_of(a, b, 4, &r), V2S_OK);
    cr_expect_eq(r.difference.n, 1);
    cr_expect_eq(r.difference.mean, 1);
    cr_expect(isnan(r.difference.lo) && isnan(r.t) && isnan(r.p_t));
    cr_expect_eq(r.p_wilcoxon, 1);
    cr_assert_eq(v2s_paired_of(a, a, 1, &r), V2S_OK);
    cr_expect(isnan(r.w) && isnan(r.p_wilcoxon) && r.win_rate == 0.5);
    v2s_sample s;
    cr_assert_eq(v2s_sample_of(a + 1, 1, &s), V2S_OK);
    cr_expect(s.n == 0 && isnan(s.mean) && isnan(s.median));
}
