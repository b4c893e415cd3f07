// SPDX-License-Identifier: MIT
#include <immintrin.h>

#include "kernels/attention_vector.h"
#include "kernels/gemm_avx2.h"
#include "kernels/math_avx2.h"
#include "kernels/picture_vector.h"
#include "kernels/train_vector.h"

// 12 of 16 registers hold sums: 2 registers of units x 3 gates, for two rows, or for two tiles of
// one row.
enum { LANES = 8, VECTORS = 2, TILE = LANES * VECTORS };

// Gates of the 8 units from `unit` on, from their sums.
static inline void finish(const v2s_gru_steps_args *a, const v2s_gru_row *row, int t, int unit,
                          __m256 r, __m256 z, __m256 q) {
    const float *gi_n = row->gi + ((size_t)t * 3 + 2) * a->Hp + unit;
    __m256 h = _mm256_load_ps(row->h + unit);
    r = v2s_sigmoid_avx2(r);
    z = v2s_sigmoid_avx2(z);
    __m256 n = v2s_tanh_avx2(_mm256_fmadd_ps(r, q, _mm256_load_ps(gi_n)));
    h = _mm256_fmadd_ps(z, _mm256_sub_ps(h, n), n);
    _mm256_store_ps(row->h_new + unit, h);
    if (row->y != NULL)
        _mm256_maskstore_ps(row->y + t * a->ldy + unit, v2s_first_lanes_avx2(a->H - unit), h);
}

// `count` tiles of `vectors` registers of units from unit u on, for `rows` rows. The three are
// constants at every call and rows * count <= 2, so that the sums stay in registers.
static inline __attribute__((always_inline)) void tiles(const v2s_gru_steps_args *a,
                                                        const v2s_gru_row *row, int t, int u,
                                                        int rows, int count, int vectors) {
    __m256 sum[2][3 * VECTORS]; // of a row or a tile
    const float *w[2];
#pragma GCC unroll 2
    for (int i = 0; i < rows * count; i++) {
        int unit = u + (i % count) * TILE;
        const float *gi = row[i / count].gi + (size_t)t * 3 * a->Hp + unit;
        w[i] = (const float *)a->w_hh + (size_t)unit * 3 * a->H;
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            sum[i][v] = _mm256_load_ps(gi + v * LANES);
            sum[i][vectors + v] = _mm256_load_ps(gi + a->Hp + v * LANES);
            sum[i][2 * vectors + v] = _mm256_load_ps(a->b_hn + unit + v * LANES);
        }
    }
    for (int k = 0; k < a->H; k++) {
        size_t at = (size_t)k * 3 * vectors * LANES;
        __m256 h0 = _mm256_set1_ps(row[0].h[k]), h1 = h0;
        if (rows == 2)
            h1 = _mm256_set1_ps(row[1].h[k]);
#pragma GCC unroll 6
        for (int v = 0; v < 3 * vectors; v++) {
            __m256 weight = _mm256_load_ps(w[0] + at + v * LANES);
            sum[0][v] = _mm256_fmadd_ps(h0, weight, sum[0][v]);
            if (rows == 2)
                sum[1][v] = _mm256_fmadd_ps(h1, weight, sum[1][v]);
        }
        if (count == 2)
#pragma GCC unroll 6
            for (int v = 0; v < 3 * vectors; v++)
                sum[1][v] = _mm256_fmadd_ps(h0, _mm256_load_ps(w[1] + at + v * LANES), sum[1][v]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < rows * count; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            finish(a, &row[i / count], t, u + (i % count) * TILE + v * LANES, sum[i][v],
                   sum[i][vectors + v], sum[i][2 * vectors + v]);
}

typedef v2s_gru_row walk_row;
#include "kernels/gru_walk.h"

static void gru_steps(const v2s_gru_steps_args *a) {
    v2s_gru_row rows[2] = {a->row[0], a->row[1]};
    for (int i = 0; i < a->T; i++) {
        walk_units(a, rows, a->reverse ? a->T - 1 - i : i);
        for (int r = 0; r < a->rows; r++) {
            float *swap = rows[r].h; // the two state buffers take turns
            rows[r].h = rows[r].h_new;
            rows[r].h_new = swap;
        }
    }
    for (int r = 0; r < a->rows; r++)
        for (int u = 0; rows[r].h != a->row[r].h && u < a->Hp; u += LANES)
            _mm256_store_ps(a->row[r].h + u, _mm256_load_ps(rows[r].h + u));
}

const v2s_vector v2s_vector_avx2 = {.lanes = LANES,
                                    .panel = V2S_GEMM_PANEL_AVX2,
                                    .tile_units = TILE,
                                    .gemm = v2s_gemm_avx2,
                                    .dot = v2s_dot_avx2,
                                    .gru_steps = gru_steps,
                                    .train = &v2s_train_avx2,
                                    .picture = &v2s_picture_avx2,
                                    .attention = &v2s_attention_avx2};
