// SPDX-License-Identifier: MIT
// The GRU step with W_hh and h rounded to BF16 (8 bits of mantissa) and FP32 sums: half the bytes
// to stream and half the instructions. State, gates and the input's projection stay FP32.
#include <immintrin.h>
#include <string.h>

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

static inline __m512bh load_pairs(const uint16_t *w) {
    return (__m512bh)_mm512_load_si512((const void *)w);
}

// Units k and k + 1 of a row's old state, in every lane. The first half of `work` holds the old
// state in BF16, the second the new one; the two take turns with the states themselves.
static inline __m512bh state_pair(const uint16_t *pairs, int k) {
    int32_t pair;
    memcpy(&pair, pairs + k, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

typedef struct bf16_row {
    v2s_gru_row f32;
    uint16_t *pairs, *pairs_new; // [Hp]
} bf16_row;

// As in gru_avx512.c, with two k at a time.
static inline __attribute__((always_inline)) void tiles(const v2s_gru_steps_args *a,
                                                        const bf16_row *row, int t, int u, int rows,
                                                        int count, int vectors) {
    __m512 sum[2][3 * VECTORS];
    const uint16_t *w[2];
#pragma GCC unroll 2
    for (int i = 0; i < rows * count; i++) {
        int unit = u + (i % count) * TILE;
        w[i] = (const uint16_t *)a->w_hh + (size_t)unit * 3 * (size_t)v2s_round_up(a->H, 2);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            v2s_gru_start_avx512(a, &row[i / count].f32, t, unit + v * LANES, &sum[i][v],
                                 &sum[i][vectors + v], &sum[i][2 * vectors + v]);
    }
    for (int k = 0; k < a->H; k += 2) {
        size_t at = (size_t)k * 3 * vectors * LANES;
        __m512bh h0 = state_pair(row[0].pairs, k), h1 = h0;
        if (rows == 2)
            h1 = state_pair(row[1].pairs, k);
#pragma GCC unroll 12
        for (int v = 0; v < 3 * vectors; v++) {
            __m512bh weight = load_pairs(w[0] + at + 2 * v * LANES);
            sum[0][v] = _mm512_dpbf16_ps(sum[0][v], h0, weight);
            if (rows == 2)
                sum[1][v] = _mm512_dpbf16_ps(sum[1][v], h1, weight);
        }
        if (count == 2)
#pragma GCC unroll 12
            for (int v = 0; v < 3 * vectors; v++)
                sum[1][v] = _mm512_dpbf16_ps(sum[1][v], h0, load_pairs(w[1] + at + 2 * v * LANES));
    }
#pragma GCC unroll 2
    for (int i = 0; i < rows * count; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            int unit = u + (i % count) * TILE + v * LANES;
            __m512 h = v2s_gru_finish_avx512(a, &row[i / count].f32, t, unit, sum[i][v],
                                             sum[i][vectors + v], sum[i][2 * vectors + v]);
            _mm256_store_si256((__m256i *)(row[i / count].pairs_new + unit),
                               (__m256i)_mm512_cvtneps_pbh(h));
        }
}

typedef bf16_row walk_row;
#include "kernels/gru_walk.h"

static void gru_steps(const v2s_gru_steps_args *a) {
    bf16_row rows[2];
    for (int r = 0; r < a->rows; r++) {
        uint16_t *pairs = (uint16_t *)a->row[r].work;
        rows[r] = (bf16_row){a->row[r], pairs, pairs + a->Hp};
        for (int u = 0; u < a->Hp; u += LANES)
            _mm256_store_si256((__m256i *)(pairs + u),
                               (__m256i)_mm512_cvtneps_pbh(_mm512_load_ps(a->row[r].h + u)));
    }
    for (int i = 0; i < a->T; i++) {
        walk_units(a, rows, a->reverse ? a->T - 1 - i : i);
        for (int r = 0; r < a->rows; r++) {
            uint16_t *swap = rows[r].pairs;
            rows[r].pairs = rows[r].pairs_new;
            rows[r].pairs_new = swap;
            v2s_gru_swap_avx512(&rows[r].f32);
        }
    }
    for (int r = 0; r < a->rows; r++)
        v2s_gru_keep_avx512(a, &rows[r].f32, &a->row[r]);
}

const v2s_vector v2s_vector_avx512bf16 = {.lanes = LANES,
                                          .panel = V2S_GEMM_PANEL_AVX512,
                                          .tile_units = TILE,
                                          .pairs = true,
                                          .gemm = v2s_gemm_avx512,
                                          .dot = v2s_dot_avx512,
                                          .gru_steps = gru_steps,
                                          .train = &v2s_train_avx512,
                                          .picture = &v2s_picture_avx512,
                                          .attention = &v2s_attention_avx512};
