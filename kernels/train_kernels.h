// SPDX-License-Identifier: MIT
// The kernels of kernels/train_vector.h, once for every instruction set: train_avx2.c and so on
// include their simd header (vf, LANES), define the numbers below and include this.
//   PRODUCT_ROWS   rows of a product whose sums live in registers, with 3 registers of columns
//   OUTER_ROWS     rows of an outer product, likewise; divides LANES
//   TILES_1 .. 4   tiles of units that a step takes at once for 1 .. 4 rows, 3 sums each
//
// Every sum is started from zero or from memory, runs over k or s in order, in one register (a
// product of one row or two: in several, for the multipliers' latency), and is added last.
#ifndef V2S_KERNELS_TRAIN_KERNELS_H
#define V2S_KERNELS_TRAIN_KERNELS_H

#include "kernels/train_vector.h"

enum { SUMS_MAX = 24 };

// `rows`, `vectors` and `split` are constants at every call, so that the sums stay in registers.
VF_INLINE void product_block(const v2s_product_args *p, int m, int n, const float *w, int rows,
                             int vectors, int split) {
    vf sum[SUMS_MAX];
    const float *a = p->a + (size_t)m * LANES;
#pragma GCC unroll 24
    for (int i = 0; i < split * rows * vectors; i++)
        sum[i] = vf_zero();
    for (int k = 0; k < p->K; k += LANES, a += p->tile)
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++, w += vectors * LANES) {
            vf weight[V2S_PANEL_VECTORS];
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++)
                weight[v] = vf_load(w + v * LANES);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf input = vf_all(a[r * LANES + i]);
#pragma GCC unroll 3
                for (int v = 0; v < vectors; v++) {
                    vf *s = &sum[((i % split) * rows + r) * vectors + v];
                    *s = vf_fma(input, weight[v], *s);
                }
            }
        }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) {
            vf all = sum[r * vectors + v];
#pragma GCC unroll 4
            for (int s = 1; s < split; s++)
                all = vf_add(all, sum[(s * rows + r) * vectors + v]);
            float *y = p->y[m + r] + n + v * LANES;
            int left = p->N - n - v * LANES;
            if (p->add)
                all = vf_add(vf_load_first(y, left), all);
            vf_store_first(y, left, all);
        }
}

VF_INLINE void product_panel(const v2s_product_args *p, int n, const float *w, int vectors) {
    int m = 0;
    for (; m + PRODUCT_ROWS <= p->M; m += PRODUCT_ROWS)
        product_block(p, m, n, w, PRODUCT_ROWS, vectors, 1);
    for (; m + 4 <= p->M; m += 4)
        product_block(p, m, n, w, 4, vectors, 1);
    if (p->M - m == 3)
        product_block(p, m, n, w, 3, vectors, 1);
    else if (p->M - m == 2)
        product_block(p, m, n, w, 2, vectors, 2);
    else if (p->M - m == 1)
        product_block(p, m, n, w, 1, vectors, 4);
}

static void product(const v2s_product_args *p) {
    size_t rows = (size_t)v2s_round_up(p->K, LANES);
    int registers = v2s_round_up(p->N, LANES) / LANES;
    for (int v = 0, vectors; v < registers; v += vectors) {
        const float *w = p->w + (size_t)v * LANES * rows;
        vectors = v2s_panel_vectors(registers - v);
        if (vectors == 3)
            product_panel(p, v * LANES, w, 3);
        else if (vectors == 2)
            product_panel(p, v * LANES, w, 2);
        else
            product_panel(p, v * LANES, w, 1);
    }
}

VF_INLINE void outer_block(const float *a, const float *b, int S, float *acc, int vectors) {
    vf sum[OUTER_ROWS * V2S_PANEL_VECTORS];
#pragma GCC unroll 24
    for (int i = 0; i < OUTER_ROWS * vectors; i++)
        sum[i] = vf_load(acc + i * LANES);
    for (int s = 0; s < S; s++, a += LANES, b += vectors * LANES) {
        vf right[V2S_PANEL_VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            right[v] = vf_load(b + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < OUTER_ROWS; r++) {
            vf left = vf_all(a[r]);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++)
                sum[r * vectors + v] = vf_fma(left, right[v], sum[r * vectors + v]);
        }
    }
#pragma GCC unroll 24
    for (int i = 0; i < OUTER_ROWS * vectors; i++)
        vf_store(acc + i * LANES, sum[i]);
}

VF_INLINE void outer_panel(const v2s_outer_args *p, const float *b, float *acc, int vectors) {
    for (int m = 0; m < p->M; m += OUTER_ROWS)
        outer_block(p->a + (size_t)(m / LANES) * p->tile + m % LANES, b, p->S,
                    acc + (size_t)m * vectors * LANES, vectors);
}

static void outer(const v2s_outer_args *p) {
    size_t rows = (size_t)v2s_round_up(p->M, LANES);
    int registers = v2s_round_up(p->N, LANES) / LANES;
    for (int v = 0, vectors; v < registers; v += vectors) {
        const float *b = p->b + (size_t)v * LANES * p->S;
        float *acc = p->acc + (size_t)v * LANES * rows;
        vectors = v2s_panel_vectors(registers - v);
        if (vectors == 3)
            outer_panel(p, b, acc, 3);
        else if (vectors == 2)
            outer_panel(p, b, acc, 2);
        else
            outer_panel(p, b, acc, 1);
    }
}

static void sum_rows(const float *tiles, int columns, int S, float *sums) {
    for (int m = 0; m < columns; m += LANES, tiles += (size_t)S * LANES) {
        vf sum[4] = {vf_load(sums + m), vf_zero(), vf_zero(), vf_zero()};
        int s = 0;
        for (; s + 4 <= S; s += 4)
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
                sum[i] = vf_add(sum[i], vf_load(tiles + (size_t)(s + i) * LANES));
        for (; s < S; s++)
            sum[0] = vf_add(sum[0], vf_load(tiles + (size_t)s * LANES));
        vf_store(sums + m, vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3])));
    }
}

// Gates of a register of units from their sums.
VF_INLINE void finish_step(const v2s_train_steps_args *a, int s, int row, int unit, vf r, vf z,
                           vf q) {
    float *saved = a->saved[s] + unit;
    vf h = vf_load(a->h[0] + (size_t)row * a->Hp + unit);
    r = vf_sigmoid(r);
    z = vf_sigmoid(z);
    vf n = vf_tanh(vf_fma(r, q, vf_load(a->gi[s] + 2 * a->Hp + unit)));
    h = vf_fma(z, vf_sub(h, n), n);
    vf_store(a->h[1] + (size_t)row * a->Hp + unit, h);
    vf_store_first(a->y[s] + unit, a->H - unit, h);
    vf_store(saved, r);
    vf_store(saved + a->Hp, z);
    vf_store(saved + 2 * a->Hp, n);
    vf_store(saved + 3 * a->Hp, q);
}

// `count` tiles of units from unit u on, for `rows` rows from `row` on, of step i.
VF_INLINE void step_block(const v2s_train_steps_args *a, int i, int row, int u, int rows,
                          int count) {
    vf sum[SUMS_MAX]; // [tile][row][gate]
    const float *w = a->w_hh + (size_t)u * 3 * a->H, *h = a->h[0] + (size_t)row * a->Hp;
    size_t tile = (size_t)3 * LANES * a->H;
    int s = i * a->rows + row;
#pragma GCC unroll 4
    for (int c = 0; c < count; c++)
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            const float *gi = a->gi[s + r] + u + c * LANES;
            sum[(c * rows + r) * 3] = vf_load(gi);
            sum[(c * rows + r) * 3 + 1] = vf_load(gi + a->Hp);
            sum[(c * rows + r) * 3 + 2] = vf_load(a->b_hn + u + c * LANES);
        }
    for (int k = 0; k < a->H; k++, w += 3 * LANES) {
        vf input[4];
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
            input[r] = vf_all(h[(size_t)r * a->Hp + k]);
#pragma GCC unroll 4
        for (int c = 0; c < count; c++)
#pragma GCC unroll 3
            for (int g = 0; g < 3; g++) {
                vf weight = vf_load(w + c * tile + g * LANES);
#pragma GCC unroll 4
                for (int r = 0; r < rows; r++) {
                    vf *at = &sum[(c * rows + r) * 3 + g];
                    *at = vf_fma(input[r], weight, *at);
                }
            }
    }
#pragma GCC unroll 4
    for (int c = 0; c < count; c++)
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            const vf *at = &sum[(c * rows + r) * 3];
            finish_step(a, s + r, row + r, u + c * LANES, at[0], at[1], at[2]);
        }
}

VF_INLINE void step_rows(const v2s_train_steps_args *a, int i, int row, int rows, int count) {
    int u = 0;
    for (; u + count * LANES <= a->Hp; u += count * LANES)
        step_block(a, i, row, u, rows, count);
    for (; u < a->Hp; u += LANES)
        step_block(a, i, row, u, rows, 1);
}

static void one_step(const v2s_train_steps_args *a, int i) {
    int whole = a->rows / 4 * 4, u = 0;
    if (whole > 0) { // a tile serves all rows while it is in L1
        for (; u + TILES_4 * LANES <= a->Hp; u += TILES_4 * LANES)
            for (int row = 0; row < whole; row += 4)
                step_block(a, i, row, u, 4, TILES_4);
        for (; u < a->Hp; u += LANES)
            for (int row = 0; row < whole; row += 4)
                step_block(a, i, row, u, 4, 1);
    }
    if (a->rows - whole == 3)
        step_rows(a, i, whole, 3, TILES_3);
    else if (a->rows - whole == 2)
        step_rows(a, i, whole, 2, TILES_2);
    else if (a->rows - whole == 1)
        step_rows(a, i, whole, 1, TILES_1);
}

static void forward_steps(const v2s_train_steps_args *args) {
    v2s_train_steps_args a = *args;
    for (int i = 0; i < a.steps; i++) {
        one_step(&a, i);
        float *swap = a.h[0]; // the two state buffers take turns
        a.h[0] = a.h[1];
        a.h[1] = swap;
    }
    for (int u = 0; a.h[0] != args->h[0] && u < a.rows * a.Hp; u += LANES)
        vf_store(args->h[0] + u, vf_load(a.h[0] + u));
}

// dh' -> da and the part of dh that needs no product, of row r with index s.
static void gate_gradients(const v2s_back_steps_args *a, int s, int row) {
    size_t gate = (size_t)a->Hp * a->steps * a->rows;
    for (int u = 0; u < a->Hp; u += LANES) {
        const float *saved = a->saved[s] + u;
        const vf one = vf_all(1.0f);
        vf r = vf_load(saved), z = vf_load(saved + a->Hp);
        vf n = vf_load(saved + 2 * a->Hp), q = vf_load(saved + 3 * a->Hp);
        vf h = vf_load_first(a->h_before[s] + u, a->H - u);
        float *dh_at = a->dh + (size_t)row * a->Hp + u;
        vf dh = vf_add(vf_load(dh_at), vf_load_first(a->dy[s] + u, a->H - u));
        vf keep = vf_sub(one, z);
        vf da_n = vf_mul(vf_mul(dh, keep), vf_sub(one, vf_mul(n, n)));
        vf da_r = vf_mul(vf_mul(da_n, q), vf_mul(r, vf_sub(one, r)));
        vf dh_z = vf_mul(dh, z);
        float *da = a->da + (size_t)u * a->steps * a->rows + (size_t)s * LANES;
        vf_store(da, da_n);
        vf_store(da + gate, da_r);
        vf_store(da + 2 * gate, vf_mul(vf_mul(dh_z, keep), vf_sub(h, n)));
        vf_store(da + 3 * gate, vf_mul(da_n, r));
        vf_store(dh_at, dh_z);
    }
}

static void back_steps(const v2s_back_steps_args *a) {
    size_t S = (size_t)a->steps * a->rows;
    float *dh[V2S_TRAIN_ROWS_MAX];
    for (int r = 0; r < a->rows; r++)
        dh[r] = a->dh + (size_t)r * a->Hp;
    for (int i = 0; i < a->steps; i++) {
        for (int r = 0; r < a->rows; r++)
            gate_gradients(a, i * a->rows + r, r);
        v2s_product_args p = {.M = a->rows,
                              .N = a->H,
                              .K = 3 * a->Hp,
                              .a = a->da + (a->Hp * S) + (size_t)i * a->rows * LANES,
                              .tile = S * LANES,
                              .w = a->w_hh,
                              .y = dh,
                              .add = true};
        product(&p);
    }
}

#endif
