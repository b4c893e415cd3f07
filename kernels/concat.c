// SPDX-License-Identifier: MIT
#include "kernels/concat.h"

static void copy(size_t count, const real *from, real *to) {
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
}

static void add(size_t count, const real *from, real *to) {
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

void v2s_concat_forward(const struct v2s_device *dev, const v2s_concat_args *a,
                        v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (size_t n = 0; n < (size_t)a->N; n++) {
        real *y = a->y + n * (a->A + a->B);
        copy(a->A, a->a + n * a->A, y);
        copy(a->B, a->b + n * a->B, y + a->A);
    }
}

void v2s_concat_backward(const struct v2s_device *dev, const v2s_concat_args *a,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (size_t n = 0; n < (size_t)a->N; n++) {
        const real *dy = a->dy + n * (a->A + a->B);
        if (a->da != NULL)
            add(a->A, dy, a->da + n * a->A);
        if (a->db != NULL)
            add(a->B, dy + a->A, a->db + n * a->B);
    }
}
