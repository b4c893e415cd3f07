// SPDX-License-Identifier: MIT
#include "spatial/assignment.h"

#include <criterion/criterion.h>
#include <math.h>

#include "tests/support/golden_numbers.h"
#include "tests/support/hash_noise.h"

// Among several cheapest assignments the same, too.
static void check(const golden_numbers *line, void *context) {
    (void)context;
    size_t rows = (size_t)line->in[0], cols = (size_t)line->in[1], column[16];
    cr_assert_eq(line->in_count, 2 + rows * cols);
    cr_assert_eq(v2s_assign(rows, cols, line->in + 2, column), V2S_OK);
    for (size_t i = 0; i < rows; i++)
        cr_expect_eq(column[i] == V2S_UNASSIGNED ? -1 : (double)column[i], line->out[i],
                     "line %d, row %zu", line->line, i);
}

Test(assignment, equals_scipy) {
    golden_numbers_each("metrics_room.txt", "assignment", check, NULL);
}

// The least sum over all ways to give rows from..rows-1 columns that are not taken.
static double try_all(const float *cost, size_t rows, size_t cols, size_t from, unsigned taken) {
    double least = INFINITY;
    if (from == rows)
        return 0;
    for (size_t j = 0; j < cols; j++)
        if ((taken >> j & 1) == 0)
            least = fmin(least, (double)cost[from * cols + j] +
                                    try_all(cost, rows, cols, from + 1, taken | 1u << j));
    return least;
}

Test(assignment, no_other_is_cheaper) {
    for (unsigned n = 0; n < 200; n++) {
        size_t rows = 1 + n % 5, cols = rows + n / 5 % 3, column[8];
        float random[64];
        double cost[64], sum = 0;
        hash_noise(n, rows * cols, 10, random); // negative ones, too
        for (size_t i = 0; i < rows * cols; i++)
            cost[i] = random[i];
        cr_assert_eq(v2s_assign(rows, cols, cost, column), V2S_OK);
        unsigned taken = 0;
        for (size_t i = 0; i < rows; i++) {
            cr_assert_lt(column[i], cols);
            cr_assert_eq(taken >> column[i] & 1, 0);
            taken |= 1u << column[i];
            sum += cost[i * cols + column[i]];
        }
        cr_expect_float_eq(sum, try_all(random, rows, cols, 0, 0), 1e-9);
    }
}

Test(assignment, nothing_to_assign_is_nothing) {
    size_t column[3] = {0, 0, 0};
    cr_assert_eq(v2s_assign(3, 0, NULL, column), V2S_OK);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(column[i], V2S_UNASSIGNED);
    cr_assert_eq(v2s_assign(0, 3, NULL, column), V2S_OK);
}
