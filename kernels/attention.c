// SPDX-License-Identifier: MIT
#include "kernels/attention.h"

#include <tgmath.h>

size_t v2s_attention_scratch(const struct v2s_device *dev, const v2s_attention_args *a) {
    (void)dev;
    return v2s_size_mul((size_t)a->Nk, sizeof(real)) + V2S_ARENA_ALIGN;
}

static real dot(int count, const real *a, const real *b) {
    real sum = 0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

// to += factor * from
static void add_multiple(int count, real factor, const real *from, real *to) {
    for (int i = 0; i < count; i++)
        to[i] += factor * from[i];
}

// o and lse of one query; row [Nk] is scratch.
static real forward_row(const v2s_attention_args *a, const real *q, const real *k, const real *v,
                        real *row, real *o) {
    real largest = -INFINITY;
    double sum = 0.0; // of up to tens of thousands of terms
    for (int j = 0; j < a->Nk; j++) {
        row[j] = a->scale * dot(a->D, q, k + (size_t)j * a->D);
        largest = row[j] > largest ? row[j] : largest;
    }
    for (int e = 0; e < a->E; e++)
        o[e] = 0;
    for (int j = 0; j < a->Nk; j++) {
        real p = exp(row[j] - largest);
        sum += p;
        add_multiple(a->E, p, v + (size_t)j * a->E, o);
    }
    for (int e = 0; e < a->E && a->Nk > 0; e++)
        o[e] = (real)(o[e] / sum);
    return (real)(largest + log(sum));
}

void v2s_attention_forward(const struct v2s_device *dev, const v2s_attention_args *a,
                           v2s_arena *scratch) {
    (void)dev;
    size_t mark = scratch->used;
    real *row = v2s_arena_take(scratch, (size_t)a->Nk, sizeof *row);
    for (int b = 0; b < a->B; b++) {
        const real *k = a->k + (size_t)b * a->Nk * a->D, *v = a->v + (size_t)b * a->Nk * a->E;
        for (int i = 0; i < a->Nq; i++) {
            size_t query = (size_t)b * a->Nq + i;
            real lse = forward_row(a, a->q + query * a->D, k, v, row, a->o + query * a->E);
            if (a->lse != NULL)
                a->lse[query] = lse;
        }
    }
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_attention_backward_scratch(const struct v2s_device *dev,
                                      const v2s_attention_backward_args *g) {
    (void)dev;
    (void)g;
    return 0;
}

void v2s_attention_backward(const struct v2s_device *dev, const v2s_attention_backward_args *g,
                            v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    const v2s_attention_args *a = &g->of;
    for (int b = 0; b < a->B; b++)
        for (int i = 0; i < a->Nq; i++) {
            size_t query = (size_t)b * a->Nq + i;
            const real *q = a->q + query * a->D, *d_o = g->d_o + query * a->E;
            real delta = dot(a->E, d_o, a->o + query * a->E);
            for (int j = 0; j < a->Nk; j++) {
                size_t key = (size_t)b * a->Nk + j;
                const real *k = a->k + key * a->D;
                real p = exp(a->scale * dot(a->D, q, k) - a->lse[query]);
                real ds = p * (dot(a->E, d_o, a->v + key * a->E) - delta);
                add_multiple(a->E, p, d_o, g->dv + key * a->E);
                add_multiple(a->D, a->scale * ds, k, g->dq + query * a->D);
                add_multiple(a->D, a->scale * ds, q, g->dk + key * a->D);
            }
        }
}
