// SPDX-License-Identifier: MIT
#include <immintrin.h>

#include "kernels/attention_vector.h"
#include "kernels/gemm_avx512.h"
#include "kernels/gru_avx512.h"
#include "kernels/picture_vector.h"
#include "kernels/train_vector.h"

enum {
    LANES = V2S_GRU_LANES_AVX512,
    VECTORS = V2S_GRU_VECTORS_AVX512,
    TILE = V2S_GRU_TILE_AVX512,
};

// `count` tiles of `vectors` registers of units from unit u on, for `rows` rows. The three are
// constants at every call and rows * count <= 2, so that the sums stay in registers.
static inline __attribute__((always_inline)) void tiles(const v2s_gru_steps_args *a,
                                                        const v2s_gru_row *row, int t, int u,
                                                        int rows, int count, int vectors) {
    __m512 sum[2][3 * VECTORS]; // of a row or a tile
    const float *w[2];
#pragma GCC unroll 2
    for (int i = 0; i < rows * count; i++) {
        int unit = u + (i % count) * TILE;
        w[i] = (const float *)a->w_hh + (size_t)unit * 3 * a->H;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            v2s_gru_start_avx512(a, &row[i / count], t, unit + v * LANES, &sum[i][v],
                                 &sum[i][vectors + v], &sum[i][2 * vectors + v]);
    }
    for (int k = 0; k < a->H; k++) {
        size_t at = (size_t)k * 3 * vectors * LANES;
        __m512 h0 = _mm512_set1_ps(row[0].h[k]), h1 = h0;
        if (rows == 2)
            h1 = _mm512_set1_ps(row[1].h[k]);
#pragma GCC unroll 12
        for (int v = 0; v < 3 * vectors; v++) {
            __m512 weight = _mm512_load_ps(w[0] + at + v * LANES);
            sum[0][v] = _mm512_fmadd_ps(h0, weight, sum[0][v]);
            if (rows == 2)
                sum[1][v] = _mm512_fmadd_ps(h1, weight, sum[1][v]);
        }
        if (count == 2)
#pragma GCC unroll 12
            for (int v = 0; v < 3 * vectors; v++)
                sum[1][v] = _mm512_fmadd_ps(h0, _mm512_load_ps(w[1] + at + v * LANES), sum[1][v]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < rows * count; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            v2s_gru_finish_avx512(a, &row[i / count], t, u + (i % count) * TILE + v * LANES,
                                  sum[i][v], sum[i][vectors + v], sum[i][2 * vectors + v]);
}

typedef v2s_gru_row walk_row;
#include "kernels/gru_walk.h"

static void gru_steps(const v2s_gru_steps_args *a) {
    v2s_gru_row rows[2] = {a->row[0], a->row[1]};
    for (int i = 0; i < a->T; i++) {
        walk_units(a, rows, a->reverse ? a->T - 1 - i : i);
        for (int r = 0; r < a->rows; r++)
            v2s_gru_swap_avx512(&rows[r]);
    }
    for (int r = 0; r < a->rows; r++)
        v2s_gru_keep_avx512(a, &rows[r], &a->row[r]);
}

const v2s_vector v2s_vector_avx512 = {.lanes = LANES,
                                      .panel = V2S_GEMM_PANEL_AVX512,
                                      .tile_units = TILE,
                                      .gemm = v2s_gemm_avx512,
                                      .dot = v2s_dot_avx512,
                                      .gru_steps = gru_steps,
                                      .train = &v2s_train_avx512,
                                      .picture = &v2s_picture_avx512,
                                      .attention = &v2s_attention_avx512};
