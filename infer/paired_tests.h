// SPDX-License-Identifier: MIT
// Means with intervals and paired tests of small samples: people, above all.
//
//   interval   mean +- t(0.975, n - 1) s / sqrt(n), s with n - 1
//   t test     two-sided, of the mean difference against 0
//   Wilcoxon   signed ranks, two-sided; differences of 0 are left out, equal ones share their mean
//              rank. Up to 50 differences p is exact (all 2^n signs, by the distribution of the
//              sum of ranks), beyond by the normal approximation with the correction for ties.
//              W is the smaller of the two sums of ranks.
//
// The t distribution by the incomplete beta function as a continued fraction (Abramowitz, Stegun,
// 26.5.8 and 26.7.1), its quantiles by bisection.
// Sources: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 1945;
// W. J. Conover, "Practical nonparametric statistics", 1999, section 5.7.
#ifndef V2S_INFER_PAIRED_TESTS_H
#define V2S_INFER_PAIRED_TESTS_H

#include <stddef.h>

#include "kernels/base/status.h"

// What is not defined (no value, an interval of one) is not a number.
typedef struct v2s_sample {
    size_t n; // finite values
    double mean, lo, hi, median;
} v2s_sample;

// Of x [count]; what is not finite is left out. NOMEM.
V2S_MUST_USE v2s_status v2s_sample_of(const double *x, size_t count, v2s_sample *sample);

typedef struct v2s_paired {
    v2s_sample difference; // a - b
    double t, p_t;         // not numbers with fewer than two pairs or without any spread
    double w, p_wilcoxon;  // not numbers where every difference is 0
    double win_rate;       // share of pairs with a > b, equal ones half
} v2s_paired;

// Of the pairs in which both are finite. NOMEM.
V2S_MUST_USE v2s_status v2s_paired_of(const double *a, const double *b, size_t count,
                                      v2s_paired *paired);

// P(|T| > |t|) with `freedom` degrees of freedom, and the t > 0 with P(|T| > t) = p.
double v2s_student_p(double t, double freedom);
double v2s_student_t(double p, double freedom);

#endif
