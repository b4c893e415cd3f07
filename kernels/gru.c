// SPDX-License-Identifier: MIT
#include "kernels/gru.h"

#include <string.h>
#include <tgmath.h>

// Two states of one row (old and new) and nothing else.
size_t v2s_gru_scratch(const struct v2s_device *dev, const v2s_gru_args *a) {
    (void)dev;
    return 2 * V2S_ARENA_ALIGN + v2s_size_mul(2 * (size_t)a->H, sizeof(real));
}

// The definition reads the parameters as they are.
size_t v2s_gru_packed_size(const struct v2s_device *dev, int C, int H) {
    (void)dev;
    (void)C;
    (void)H;
    return 0;
}

void v2s_gru_pack(const struct v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                  void *packed) {
    (void)dev;
    (void)C;
    (void)H;
    (void)dir;
    (void)packed;
}

static real sigmoid(real x) {
    return 1 / (1 + exp(-x));
}

static real row_dot(const real *w, const real *x, int row, int n) {
    real sum = 0;
    for (int i = 0; i < n; i++)
        sum += w[(size_t)row * n + i] * x[i];
    return sum;
}

static void step(const v2s_gru_args *a, const v2s_gru_direction *d, const real *x, const real *h,
                 real *h_new) {
    int H = a->H;
    for (int j = 0; j < H; j++) {
        int jr = j, jz = H + j, jn = 2 * H + j;
        real r = sigmoid(row_dot(d->w_ih, x, jr, a->C) + d->b_ih[jr] + row_dot(d->w_hh, h, jr, H) +
                         d->b_hh[jr]);
        real z = sigmoid(row_dot(d->w_ih, x, jz, a->C) + d->b_ih[jz] + row_dot(d->w_hh, h, jz, H) +
                         d->b_hh[jz]);
        real n = tanh(row_dot(d->w_ih, x, jn, a->C) + d->b_ih[jn] +
                      r * (row_dot(d->w_hh, h, jn, H) + d->b_hh[jn]));
        h_new[j] = (1 - z) * n + z * h[j];
    }
}

static void run_row(const v2s_gru_args *a, int direction, int b, real *h, real *h_new) {
    const v2s_gru_direction *d = &a->dir[direction];
    size_t bytes = (size_t)a->H * sizeof(real);
    bool reverse = direction == 1 || a->reverse;
    if (d->h0 != NULL)
        memcpy(h, d->h0 + (size_t)b * a->H, bytes);
    else
        memset(h, 0, bytes);
    for (int i = 0; i < a->T; i++) {
        size_t row = (size_t)b * a->T + (reverse ? a->T - 1 - i : i);
        step(a, d, a->x + row * a->C, h, h_new);
        memcpy(h, h_new, bytes);
        if (a->y != NULL)
            memcpy(a->y + row * a->ldy + (size_t)direction * a->H, h, bytes);
    }
    if (d->h_end != NULL)
        memcpy(d->h_end + (size_t)b * a->H, h, bytes);
}

void v2s_gru_forward(const struct v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch) {
    (void)dev;
    size_t mark = scratch->used;
    real *h = v2s_arena_take(scratch, (size_t)a->H, sizeof *h);
    real *h_new = v2s_arena_take(scratch, (size_t)a->H, sizeof *h_new);
    for (int direction = 0; direction < a->D; direction++)
        for (int b = 0; b < a->B; b++)
            run_row(a, direction, b, h, h_new);
    v2s_arena_rewind(scratch, mark);
}
