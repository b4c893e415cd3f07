// SPDX-License-Identifier: MIT
#include "spatial/transport.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/hash_noise.h"

static double *amounts(unsigned stream, size_t count) {
    float *x = malloc(count * sizeof *x);
    double *out = malloc(count * sizeof *out);
    hash_noise(stream, count, 1.0f, x);
    for (size_t i = 0; i < count; i++)
        out[i] = fabs((double)x[i]);
    free(x);
    return out;
}

// Costs and masses without a structure, against scipy's linear program.
Test(transport, equals_a_linear_program) {
    FILE *f = fopen(V2S_TEST_DATA "/golden/transport.txt", "r");
    char text[256];
    size_t n, lines = 0;
    unsigned stream;
    double expected, work;
    cr_assert(f != NULL);
    while (fgets(text, sizeof text, f) != NULL) {
        if (sscanf(text, "%zu %u %lf", &n, &stream, &expected) != 3)
            continue;
        double *cost = amounts(stream, n * n), *p = amounts(stream + 1, n);
        double *q = amounts(stream + 2, n);
        cr_assert_eq(v2s_transport(n, cost, p, q, &work), V2S_OK);
        cr_expect_float_eq(work, expected, 1e-9 * fmax(expected, 1), "%zu points: %.12g, not %.12g",
                           n, work, expected);
        free(cost);
        free(p);
        free(q);
        lines++;
    }
    fclose(f);
    cr_assert_eq(lines, 6);
}

// On a line the least work is the sum of |the difference of the sums so far|.
Test(transport, on_a_line_it_is_the_difference_of_the_sums) {
    enum { N = 50 };
    double *p = amounts(1, N), *q = amounts(2, N), cost[N * N], sum = 0, expected = 0, found = 0;
    double p_all = 0, q_all = 0;
    for (int i = 0; i < N; i++) {
        p_all += p[i];
        q_all += q[i];
        for (int j = 0; j < N; j++)
            cost[i * N + j] = abs(i - j);
    }
    for (int i = 0; i < N; i++) {
        p[i] /= p_all;
        q[i] /= q_all;
        sum += p[i] - q[i];
        expected += fabs(sum);
    }
    cr_assert_eq(v2s_earth_mover(N, cost, p, q, &found), V2S_OK);
    cr_expect_float_eq(found, expected, 1e-12);
    cr_assert_eq(v2s_earth_mover(N, cost, q, p, &found), V2S_OK);
    cr_expect_float_eq(found, expected, 1e-12, "it is symmetric");
    cr_assert_eq(v2s_earth_mover(N, cost, p, p, &found), V2S_OK);
    cr_expect_eq(found, 0);
    free(p);
    free(q);
}

Test(transport, mass_that_is_missing_costs_the_longest_way) {
    const double cost[4] = {0, 3, 3, 0}, p[2] = {1, 0}, q[2] = {0, 0.25}, none[2] = {0, 0};
    double found = 0;
    cr_assert_eq(v2s_earth_mover(2, cost, p, q, &found), V2S_OK);
    cr_expect_float_eq(found, 0.25 * 3 + 0.75 * 3, 1e-15);
    cr_assert_eq(v2s_earth_mover(2, cost, p, none, &found), V2S_OK);
    cr_expect_float_eq(found, 3, 1e-15);
    cr_assert_eq(v2s_earth_mover(2, cost, none, none, &found), V2S_OK);
    cr_expect_eq(found, 0);
}
