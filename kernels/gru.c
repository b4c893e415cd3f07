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

// Gates of one step of one row in `saved`; NULL where nothing is saved.
static real *saved_at(const v2s_gru_args *a, int direction, size_t row) {
    size_t rows = (size_t)a->B * a->T;
    return a->saved == NULL ? NULL : (real *)a->saved + (direction * rows + row) * 4 * (size_t)a->H;
}

static void step(const v2s_gru_args *a, const v2s_gru_direction *d, const real *x, const real *h,
                 real *h_new, real *saved) {
    int H = a->H;
    for (int j = 0; j < H; j++) {
        int jr = j, jz = H + j, jn = 2 * H + j;
        real r = sigmoid(row_dot(d->w_ih, x, jr, a->C) + d->b_ih[jr] + row_dot(d->w_hh, h, jr, H) +
                         d->b_hh[jr]);
        real z = sigmoid(row_dot(d->w_ih, x, jz, a->C) + d->b_ih[jz] + row_dot(d->w_hh, h, jz, H) +
                         d->b_hh[jz]);
        real q = row_dot(d->w_hh, h, jn, H) + d->b_hh[jn];
        real n = tanh(row_dot(d->w_ih, x, jn, a->C) + d->b_ih[jn] + r * q);
        h_new[j] = (1 - z) * n + z * h[j];
        if (saved != NULL) {
            saved[j] = r;
            saved[H + j] = z;
            saved[2 * H + j] = n;
            saved[3 * H + j] = q;
        }
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
        step(a, d, a->x + row * a->C, h, h_new, saved_at(a, direction, row));
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

size_t v2s_gru_saved_size(const struct v2s_device *dev, const v2s_gru_args *a) {
    (void)dev;
    size_t rows = v2s_size_mul((size_t)a->D * a->B, (size_t)a->T);
    return v2s_size_mul(rows, 4 * (size_t)a->H * sizeof(real));
}

// dh', and the gradients da_r, da_z, da_n, dq of one step.
size_t v2s_gru_backward_scratch(const struct v2s_device *dev, const v2s_gru_backward_args *a) {
    (void)dev;
    return 2 * V2S_ARENA_ALIGN + v2s_size_mul(5 * (size_t)a->of.H, sizeof(real));
}

typedef struct back_walk {
    const v2s_gru_backward_args *g;
    int direction;
    real *dh; // [H] dh' of the step, then dh of the step before
    real *da; // [4H] da_r, da_z, da_n, dq
} back_walk;

// From dh' to da and to the part of dh that does not go through a product. h NULL is zero.
static void gate_gradients(const back_walk *s, const real *saved, const real *h) {
    int H = s->g->of.H;
    const real *r = saved, *z = r + H, *n = z + H, *q = n + H;
    for (int j = 0; j < H; j++) {
        real da_n = s->dh[j] * (1 - z[j]) * (1 - n[j] * n[j]);
        s->da[j] = da_n * q[j] * r[j] * (1 - r[j]);
        s->da[H + j] = s->dh[j] * ((h != NULL ? h[j] : 0) - n[j]) * z[j] * (1 - z[j]);
        s->da[2 * H + j] = da_n;
        s->da[3 * H + j] = da_n * r[j];
        s->dh[j] *= z[j];
    }
}

// dw [3H,n] += da x^T, db += da, dx += w^T da; gate 2 takes its da from row `third` of da.
static void product_gradients(const back_walk *s, int third, const real *w, const real *x, int n,
                              real *dw, real *db, real *dx) {
    int H = s->g->of.H;
    for (int row = 0; row < 3 * H; row++) {
        real da = s->da[row < 2 * H ? row : row + (third - 2) * H];
        db[row] += da;
        for (int i = 0; i < n; i++) {
            if (x != NULL)
                dw[(size_t)row * n + i] += da * x[i];
            if (dx != NULL)
                dx[i] += da * w[(size_t)row * n + i];
        }
    }
}

static void back_row(const back_walk *s, int b) {
    const v2s_gru_args *a = &s->g->of;
    const v2s_gru_direction *d = &a->dir[s->direction];
    const v2s_gru_gradients *grad = &s->g->grad[s->direction];
    bool reverse = s->direction == 1 || a->reverse;
    size_t H = (size_t)a->H, column = (size_t)s->direction * H;
    for (size_t j = 0; j < H; j++)
        s->dh[j] = grad->dh_end != NULL ? grad->dh_end[b * H + j] : 0;
    for (int i = a->T - 1; i >= 0; i--) {
        size_t row = (size_t)b * a->T + (reverse ? a->T - 1 - i : i);
        size_t before = reverse ? row + 1 : row - 1; // of the step before in walking order
        const real *h = i > 0           ? a->y + before * a->ldy + column
                        : d->h0 != NULL ? d->h0 + b * H
                                        : NULL;
        for (size_t j = 0; j < H; j++)
            s->dh[j] += s->g->dy[row * a->ldy + column + j];
        gate_gradients(s, saved_at(a, s->direction, row), h);
        product_gradients(s, 2, d->w_ih, a->x + row * a->C, a->C, grad->dw_ih, grad->db_ih,
                          s->g->dx != NULL ? s->g->dx + row * a->C : NULL);
        product_gradients(s, 3, d->w_hh, h, a->H, grad->dw_hh, grad->db_hh, s->dh);
    }
    for (size_t j = 0; grad->dh0 != NULL && j < H; j++)
        grad->dh0[b * H + j] += s->dh[j];
}

void v2s_gru_backward(const struct v2s_device *dev, const v2s_gru_backward_args *g,
                      v2s_arena *scratch) {
    (void)dev;
    size_t mark = scratch->used, H = (size_t)g->of.H;
    back_walk s = {.g = g,
                   .dh = v2s_arena_take(scratch, H, sizeof(real)),
                   .da = v2s_arena_take(scratch, 4 * H, sizeof(real))};
    for (s.direction = 0; s.direction < g->of.D; s.direction++)
        for (int b = 0; b < g->of.B; b++)
            back_row(&s, b);
    v2s_arena_rewind(scratch, mark);
}
