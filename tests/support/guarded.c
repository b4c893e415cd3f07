// SPDX-License-Identifier: MIT
#include "tests/support/guarded.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"

enum { GUARD = 67 }; // odd, so that the data starts off any vector's alignment

static const float guard_value = 12345.678f;

float *guarded_noise(unsigned stream, size_t count, float scale) {
    float *all = malloc((count + 2 * GUARD) * sizeof *all);
    cr_assert_not_null(all);
    for (size_t i = 0; i < GUARD; i++)
        all[i] = all[GUARD + count + i] = guard_value;
    hash_noise(stream, count, scale, all + GUARD);
    return all + GUARD;
}

double *doubles_of(const float *from, size_t count) {
    double *to = malloc((count + 1) * sizeof *to);
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
    return to;
}

void guarded_free(float *data, size_t count) {
    float *all = data - GUARD;
    for (size_t i = 0; i < GUARD; i++) {
        cr_assert_eq(all[i], guard_value, "written before the start");
        cr_assert_eq(all[GUARD + count + i], guard_value, "written past the end");
    }
    free(all);
}

double largest_gap(const float *a, const double *b, size_t count) {
    double most = 0.0;
    for (size_t i = 0; i < count; i++) {
        double gap = fabs(a[i] - b[i]);
        if (!(gap <= most))
            most = isnan(gap) ? INFINITY : gap;
    }
    return most;
}

v2s_device *device_of(v2s_isa isa, int threads) {
    v2s_device *dev = NULL;
    return v2s_device_open_isa(isa, threads, &dev) == V2S_OK ? dev : NULL;
}

v2s_arena scratch_of(size_t bytes) {
    v2s_arena arena;
    cr_assert_eq(v2s_arena_open(&arena, bytes), V2S_OK);
    return arena;
}
