// SPDX-License-Identifier: MIT
#include "infer/paired_tests.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kernels/base/array.h"

enum { EXACT_MAX = 50, RANK_SUM_MAX = EXACT_MAX * (EXACT_MAX + 1) }; // of doubled ranks

// ---- Student's t ------------------------------------------------------------------------------

// The continued fraction of the incomplete beta function, by Lentz' method.
static double beta_fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m < 1000; m++) {
        double change = 1;
        for (int odd = 0; odd < 2; odd++) {
            double k = odd == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            d = 1 + k * d;
            c = 1 + k / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            change = c * d;
            f *= change;
        }
        if (fabs(change - 1) < 1e-16)
            break;
    }
    return f;
}

// The regularised incomplete beta function.
static double beta_share(double x, double a, double b) {
    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(x, a, b) / a
                                     : 1 - front * beta_fraction(1 - x, b, a) / b;
}

double v2s_student_p(double t, double freedom) {
    return beta_share(freedom / (freedom + t * t), freedom / 2, 0.5);
}

double v2s_student_t(double p, double freedom) {
    double low = 0, high = 1;
    while (v2s_student_p(high, freedom) > p)
        high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
        double middle = (low + high) / 2;
        if (v2s_student_p(middle, freedom) > p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

// ---- samples ----------------------------------------------------------------------------------

static double deviation(const double *x, size_t n, double mean) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

// Of finite values, which are sorted.
static v2s_sample describe(double *x, size_t n) {
    v2s_sample s = {n, NAN, NAN, NAN, NAN};
    if (n == 0)
        return s;
    qsort(x, n, sizeof *x, v2s_compare_doubles);
    s.mean = 0;
    for (size_t i = 0; i < n; i++)
        s.mean += x[i] / (double)n;
    s.median = v2s_median_sorted(x, n);
    if (n > 1) {
        double freedom = (double)n - 1;
        double half = v2s_student_t(0.05, freedom) * deviation(x, n, s.mean) / sqrt((double)n);
        s.lo = s.mean - half;
        s.hi = s.mean + half;
    }
    return s;
}

v2s_status v2s_sample_of(const double *x, size_t count, v2s_sample *sample) {
    double *kept = calloc(count + 1, sizeof *kept);
    size_t n = 0;
    if (kept == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu values", count);
    for (size_t i = 0; i < count; i++)
        if (isfinite(x[i]))
            kept[n++] = x[i];
    *sample = describe(kept, n);
    free(kept);
    return V2S_OK;
}

// ---- Wilcoxon ---------------------------------------------------------------------------------

typedef struct signed_value {
    double size;
    bool positive;
} signed_value;

static int by_size(const void *a, const void *b) {
    double x = ((const signed_value *)a)->size, y = ((const signed_value *)b)->size;
    return (x > y) - (x < y);
}

// P(sum of the ranks with a plus <= w2 or >= total - w2), everything doubled so that shared ranks
// are whole numbers.
static double exact_p(const int *rank2, size_t n, int w2) {
    double ways[RANK_SUM_MAX + 1] = {1}, below = 0;
    int total = 0;
    for (size_t i = 0; i < n; i++) {
        total += rank2[i];
        for (int s = total; s >= 0; s--)
            ways[s] = ways[s] / 2 + (s >= rank2[i] ? ways[s - rank2[i]] / 2 : 0);
    }
    for (int s = 0; s <= w2; s++)
        below += ways[s];
    return fmin(1, 2 * below);
}

// Fills ranks, doubled; returns the sum of t^3 - t over groups of equal values.
static double rank_values(signed_value *v, size_t n, int *rank2) {
    double ties = 0;
    qsort(v, n, sizeof *v, by_size);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && v[k].size == v[i].size;)
            k++;
        for (size_t j = i; j < k; j++)
            rank2[j] = (int)(i + 1 + k); // 2 * mean of i + 1 .. k
        double t = (double)(k - i);
        ties += t * t * t - t;
    }
    return ties;
}

// v [n] are differences other than 0.
static void wilcoxon(signed_value *v, size_t n, int *rank2, v2s_paired *r) {
    double ties = rank_values(v, n, rank2), plus = 0, minus = 0, count = (double)n;
    for (size_t i = 0; i < n; i++)
        *(v[i].positive ? &plus : &minus) += rank2[i] / 2.0;
    r->w = fmin(plus, minus);
    if (n <= EXACT_MAX) {
        r->p_wilcoxon = exact_p(rank2, n, (int)lround(2 * r->w));
        return;
    }
    double variance = count * (count + 1) * (2 * count + 1) / 24 - ties / 48;
    double z = (r->w - count * (count + 1) / 4) / sqrt(variance);
    r->p_wilcoxon = erfc(fabs(z) / sqrt(2));
}

v2s_status v2s_paired_of(const double *a, const double *b, size_t count, v2s_paired *r) {
    double *d = calloc(count + 1, sizeof *d);
    signed_value *v = calloc(count + 1, sizeof *v);
    int *rank2 = calloc(count + 1, sizeof *rank2);
    v2s_status status = V2S_OK;
    size_t n = 0, unequal = 0;
    if (d == NULL || v == NULL || rank2 == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "out of memory for %zu pairs", count);
    } else {
        *r = (v2s_paired){.t = NAN, .p_t = NAN, .w = NAN, .p_wilcoxon = NAN, .win_rate = 0};
        for (size_t i = 0; i < count; i++) {
            if (!isfinite(a[i]) || !isfinite(b[i]))
                continue;
            d[n] = a[i] - b[i];
            if (d[n] != 0)
                v[unequal++] = (signed_value){fabs(d[n]), d[n] > 0};
            r->win_rate += d[n] > 0 ? 1 : d[n] == 0 ? 0.5 : 0;
            n++;
        }
        r->win_rate /= (double)n;
        r->difference = describe(d, n);
        double error = n > 1 ? deviation(d, n, r->difference.mean) / sqrt((double)n) : 0;
        if (error > 0) {
            r->t = r->difference.mean / error;
            r->p_t = v2s_student_p(r->t, (double)n - 1);
        }
        if (unequal > 0)
            wilcoxon(v, unequal, rank2, r);
    }
    free(d);
    free(v);
    free(rank2);
    return status;
}
