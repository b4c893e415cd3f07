// SPDX-License-Identifier: MIT
#include "tests/support/loudness.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

enum { BLOCK = 19200, STEP = 4800 }; // 400 ms, overlapping by three quarters

// One second-order section, direct form I.
static void filter(double *x, size_t n, const double b[3], const double a[2]) {
    double x1 = 0, x2 = 0, y1 = 0, y2 = 0;
    for (size_t i = 0; i < n; i++) {
        double y = b[0] * x[i] + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2;
        x2 = x1;
        x1 = x[i];
        y2 = y1;
        y1 = x[i] = y;
    }
}

// Tables 1 and 2 of the recommendation.
static void weight(double *x, size_t n) {
    static const double head_b[] = {1.53512485958697, -2.69169618940638, 1.19839281085285};
    static const double head_a[] = {-1.69065929318241, 0.73248077421585};
    static const double low_b[] = {1, -2, 1}, low_a[] = {-1.99004745483398, 0.99007225036621};
    filter(x, n, head_b, head_a);
    filter(x, n, low_b, low_a);
}

static double mean_above(const double *power, size_t blocks, double gate) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < blocks; i++)
        if (-0.691 + 10 * log10(power[i]) > gate) {
            sum += power[i];
            count++;
        }
    return count > 0 ? -0.691 + 10 * log10(sum / (double)count) : -HUGE_VAL;
}

double v2s_test_loudness(const float *stereo, size_t frames) {
    size_t blocks = frames >= BLOCK ? (frames - BLOCK) / STEP + 1 : 0;
    double *x = malloc((frames + 1) * sizeof *x), *power = calloc(blocks + 1, sizeof *power);
    cr_assert(x != NULL && power != NULL);
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < frames; i++)
            x[i] = stereo[2 * i + c];
        weight(x, frames);
        for (size_t k = 0; k < blocks; k++)
            for (size_t i = 0; i < BLOCK; i++)
                power[k] += x[k * STEP + i] * x[k * STEP + i] / BLOCK;
    }
    double relative = mean_above(power, blocks, -70) - 10;
    double loudness = mean_above(power, blocks, fmax(relative, -70));
    free(x);
    free(power);
    return loudness;
}
