// SPDX-License-Identifier: MIT
// Attention of a block of queries, once for every instruction set: attention_avx2.c and so on
// include their simd header (vf, LANES), define the number below and include this.
//   ROWS   rows of a product whose sums live in registers, with two registers of columns
//
// Every product sums from zero in registers over one tile, and is added to what other tiles gave
// once: its rounding is that of a tile, not of tens of thousands of terms in a row.
#ifndef V2S_KERNELS_ATTENTION_KERNELS_H
#define V2S_KERNELS_ATTENTION_KERNELS_H

#include <math.h>

#include "kernels/attention_vector.h"
#include "kernels/vector.h"

enum {
    VECTORS = 2, // registers of a panel
    PANEL = VECTORS * LANES,
    SCORES = V2S_ATTENTION_KEYS + V2S_ATTENTION_GAP, // distance of rows
    BACK_SCORES = V2S_ATTENTION_BACK_KEYS + V2S_ATTENTION_GAP
};

_Static_assert(V2S_ATTENTION_KEYS % PANEL == 0 && V2S_ATTENTION_BACK_KEYS % PANEL == 0 &&
                   V2S_ATTENTION_BACK_KEYS % ROWS == 0 && V2S_ATTENTION_QUERIES % ROWS == 0 &&
                   V2S_ATTENTION_BACK_QUERIES % ROWS == 0,
               "tiles are whole panels and whole blocks of rows");

// c[r,n] (+)= sum_k a[r,k] b[k,n] for ROWS rows and the columns of `vectors` registers (a constant
// at every call); a[r,k] lies at a[r * row + k * step].
VF_INLINE void product_tile(int vectors, int K, const float *a, size_t row, size_t step,
                            const float *b, float *c, size_t ldc, bool add) {
    vf sum[ROWS * VECTORS];
#pragma GCC unroll 24
    for (int i = 0; i < ROWS * vectors; i++)
        sum[i] = vf_zero();
    for (int k = 0; k < K; k++, a += step, b += vectors * LANES) {
        vf right[VECTORS];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            right[v] = vf_load(b + v * LANES);
#pragma GCC unroll 12
        for (int r = 0; r < ROWS; r++) {
            vf left = vf_all(a[r * row]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sum[r * vectors + v] = vf_fma(left, right[v], sum[r * vectors + v]);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            float *to = c + r * ldc + v * LANES;
            vf before = add ? vf_load(to) : vf_zero();
            vf_store(to, vf_add(before, sum[r * vectors + v]));
        }
}

// Columns of `rows` rows, from row `first` on.
typedef struct panels {
    float *at;
    size_t rows;
    int first, columns;
} panels;

// c += a b, as above, for `rows` rows rounded up to ROWS and all columns.
VF_INLINE void add_product(int rows, int K, const float *a, size_t row, size_t step,
                           const panels *b, const panels *c) {
    int registers = v2s_round_up(b->columns, LANES) / LANES;
    for (int v = 0; v < registers; v += VECTORS) {
        int vectors = registers - v == 1 ? 1 : VECTORS;
        const float *right = b->at + (v * b->rows + (size_t)b->first * vectors) * LANES;
        float *to = c->at + (v * c->rows + (size_t)c->first * vectors) * LANES;
        for (int r = 0; r < rows; r += ROWS, to += ROWS * vectors * LANES)
            if (vectors == 1)
                product_tile(1, K, a + r * row, row, step, right, to, LANES, true);
            else
                product_tile(VECTORS, K, a + r * row, row, step, right, to, PANEL, true);
    }
}

// Products of ROWS rows from `first` on and `keys` packed rows, rounded up to PANEL.
VF_INLINE void row_products(const v2s_attention_rows *rows, int first, int keys, const float *b,
                            float *c, size_t ldc) {
    size_t columns = (size_t)rows->columns;
    const float *a = first + ROWS <= rows->n ? rows->at + first * columns : rows->tail;
    for (int n = 0; n < keys; n += PANEL, b += columns * PANEL)
        product_tile(VECTORS, rows->columns, a, columns, 1, b, c + n, ldc, false);
}

// Register v of a row of the block's sums.
VF_INLINE float *sums_at(const v2s_attention_block *b, int row, int v) {
    int first = v / VECTORS * VECTORS, queries = v2s_round_up(b->count, ROWS);
    int vectors = b->E <= (first + 1) * LANES ? 1 : VECTORS;
    return b->sums + ((size_t)first * queries + (size_t)row * vectors + v - first) * LANES;
}

// Running maximum and sum of every query of a block.
typedef struct running {
    float largest[V2S_ATTENTION_QUERIES];
    double sum[V2S_ATTENTION_QUERIES];
} running;

// Makes 2^(s - maximum) of a row of scores in place, and rescales what was summed before where the
// maximum grew. Below the first finite score the maximum counts as 0: -inf - -inf is no number.
static void weights_of_row(const v2s_attention_block *b, int row, int keys, running *run) {
    float *s = b->p + (size_t)row * SCORES, before = run->largest[row];
    int padded = v2s_round_up(keys, PANEL);
    for (int j = keys; j < padded; j++)
        s[j] = -INFINITY;
    vf most[2] = {vf_all(-INFINITY), vf_all(-INFINITY)};
    for (int j = 0; j < padded; j += PANEL)
        for (int v = 0; v < VECTORS; v++)
            most[v] = vf_max(vf_load(s + j + v * LANES), most[v]);
    float largest = fmaxf(vf_largest(vf_max(most[0], most[1])), before);
    vf from = vf_all(largest == -INFINITY ? 0.0f : largest);
    vf sum[2] = {vf_zero(), vf_zero()};
    for (int j = 0; j < padded; j += PANEL)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++) {
            vf p = vf_exp2(vf_sub(vf_load(s + j + v * LANES), from));
            vf_store(s + j + v * LANES, p);
            sum[v] = vf_add(sum[v], p);
        }
    if (largest > before) {
        float factor = exp2f(before - largest);
        for (int v = 0; v * LANES < b->E; v++) {
            float *to = sums_at(b, row, v);
            vf_store(to, vf_mul(vf_load(to), vf_all(factor)));
        }
        run->sum[row] *= factor;
    }
    run->sum[row] += vf_sum(vf_add(sum[0], sum[1]));
    run->largest[row] = largest;
}

// o and lse of the block's rows from the sums.
static void finish_rows(const v2s_attention_block *b, const running *run) {
    for (int r = 0; r < b->count; r++) {
        vf inverse = vf_all((float)(1.0 / run->sum[r]));
        for (int v = 0; v * LANES < b->E; v++)
            vf_store_first(b->o + (size_t)r * b->E + v * LANES, b->E - v * LANES,
                           vf_mul(vf_load(sums_at(b, r, v)), inverse));
        if (b->lse == NULL)
            continue;
        double lse = (run->largest[r] + log2(run->sum[r])) * M_LN2;
        b->lse[r] = run->sum[r] > 0.0 ? (float)lse : NAN; // as -inf - -inf in the definition
    }
}

static void forward(const v2s_attention_block *b) {
    running run;
    int queries = v2s_round_up(b->count, ROWS);
    for (int r = 0; r < queries; r++) {
        run.largest[r] = -INFINITY;
        run.sum[r] = 0.0;
    }
    for (int i = 0; i < queries * v2s_round_up(b->E, LANES); i += LANES)
        vf_store(b->sums + i, vf_zero());
    panels v = {(float *)b->v, (size_t)b->Nk, 0, b->E}, o = {b->sums, (size_t)queries, 0, b->E};
    for (; v.first < b->Nk; v.first += V2S_ATTENTION_KEYS) {
        int left = b->Nk - v.first, keys = left < V2S_ATTENTION_KEYS ? left : V2S_ATTENTION_KEYS;
        for (int r = 0; r < queries; r += ROWS) {
            float *scores = b->p + (size_t)r * SCORES;
            row_products(&b->q, b->first + r, keys, b->k + (size_t)v.first * b->q.columns, scores,
                         SCORES);
            for (int i = r; i < r + ROWS; i++)
                weights_of_row(b, i, keys, &run);
        }
        add_product(queries, keys, b->p, SCORES, 1, &v, &o);
    }
    finish_rows(b, &run);
}

// P and dS of a row, in place of scores and of dP.
VF_INLINE void back_row(float *p, float *ds, int keys, float lse, float delta) {
    vf below = vf_all(-lse), log2_e = vf_all(0x1.715476p+0f), less = vf_all(delta);
    for (int j = 0; j < keys; j += PANEL)
#pragma GCC unroll 2
        for (int v = 0; v < PANEL; v += LANES) {
            vf P = vf_exp2(vf_fma(below, log2_e, vf_load(p + j + v)));
            vf_store(p + j + v, P);
            vf_store(ds + j + v, vf_mul(P, vf_sub(vf_load(ds + j + v), less)));
        }
}

static void backward(const v2s_attention_back *b) {
    int queries = v2s_round_up(b->q.n, ROWS);
    panels q = {(float *)b->q_columns, (size_t)b->q.n, 0, b->D};
    panels d_o = {(float *)b->do_columns, (size_t)b->q.n, 0, b->E};
    panels k = {(float *)b->k_columns, (size_t)b->count, 0, b->D};
    panels dq = {b->dq, (size_t)queries, 0, b->D};
    panels dk = {b->dk, V2S_ATTENTION_BACK_KEYS, 0, b->D};
    panels dv = {b->dv, V2S_ATTENTION_BACK_KEYS, 0, b->E};
    for (int i = 0; i < V2S_ATTENTION_BACK_KEYS * v2s_round_up(b->D, LANES); i += LANES)
        vf_store(b->dk + i, vf_zero());
    for (int i = 0; i < V2S_ATTENTION_BACK_KEYS * v2s_round_up(b->E, LANES); i += LANES)
        vf_store(b->dv + i, vf_zero());
    for (int first = 0; first < b->q.n; first += V2S_ATTENTION_BACK_QUERIES) {
        int left = b->q.n - first;
        int count = left < V2S_ATTENTION_BACK_QUERIES ? left : V2S_ATTENTION_BACK_QUERIES;
        for (int r = 0; r < count; r += ROWS) {
            float *p = b->p + (size_t)r * BACK_SCORES, *ds = b->ds + (size_t)r * BACK_SCORES;
            row_products(&b->q, first + r, b->count, b->k, p, BACK_SCORES);
            row_products(&b->d_o, first + r, b->count, b->v, ds, BACK_SCORES);
            for (int i = r; i < r + ROWS && i < count; i++)
                back_row(b->p + (size_t)i * BACK_SCORES, b->ds + (size_t)i * BACK_SCORES, b->count,
                         b->lse[first + i], b->delta[first + i]);
        }
        q.first = d_o.first = dq.first = first;
        add_product(b->count, count, b->p, 1, BACK_SCORES, &d_o, &dv);
        add_product(b->count, count, b->ds, 1, BACK_SCORES, &q, &dk);
        add_product(count, b->count, b->ds, BACK_SCORES, 1, &k, &dq);
    }
}

#endif
