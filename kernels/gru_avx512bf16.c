// SPDX-License-Identifier: MIT
// The GRU step with W_hh and h rounded to BF16 (8 bits of mantissa) and FP32 sums: half the bytes
// to stream and half the instructions. State, gates and the input's projection stay FP32.
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm_avx512.h"
#include "kernels/gru_avx512.h"

enum {
    LANES = V2S_GRU_LANES_AVX512,
    VECTORS = V2S_GRU_VECTORS_AVX512,
    TILE = LANES * VECTORS,
};

static inline __m512bh load_pairs(const uint16_t *w) {
    return (__m512bh)_mm512_load_si512((const void *)w);
}

// `vectors` is a constant at every call, so that the sums stay in registers. `pairs` is the whole
// old state in BF16; `pairs_new` gets the tile's units.
static inline __attribute__((always_inline)) void tile(const v2s_gru_steps_args *a,
                                                       const v2s_gru_tile_avx512 *at, int vectors,
                                                       const uint16_t *pairs, uint16_t *pairs_new) {
    __m512 sum[3 * VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
        sum[v] = _mm512_load_ps(at->gi + v * LANES);
        sum[vectors + v] = _mm512_load_ps(at->gi + a->Hp + v * LANES);
        sum[2 * vectors + v] = _mm512_load_ps(at->b_hn + v * LANES);
    }
    const uint16_t *w = at->w;
    for (int k = 0; k < a->H; k += 2, w += 2 * 3 * vectors * LANES) {
        int32_t pair;
        memcpy(&pair, pairs + k, sizeof pair);
        __m512bh h = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 24
        for (int v = 0; v < 3 * vectors; v++)
            sum[v] = _mm512_dpbf16_ps(sum[v], h, load_pairs(w + 2 * v * LANES));
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
        __m512 h = v2s_gru_gates_avx512(a, at, v, sum[v], sum[vectors + v], sum[2 * vectors + v]);
        _mm256_store_si256((__m256i *)(pairs_new + v * LANES), (__m256i)_mm512_cvtneps_pbh(h));
    }
}

static void any_tile(const v2s_gru_steps_args *a, const v2s_gru_tile_avx512 *at, int vectors,
                     const uint16_t *pairs, uint16_t *pairs_new) {
    switch (vectors) {
    case 1:
        tile(a, at, 1, pairs, pairs_new);
        break;
    case 2:
        tile(a, at, 2, pairs, pairs_new);
        break;
    case 3:
        tile(a, at, 3, pairs, pairs_new);
        break;
    case 4:
        tile(a, at, 4, pairs, pairs_new);
        break;
    case 5:
        tile(a, at, 5, pairs, pairs_new);
        break;
    case 6:
        tile(a, at, 6, pairs, pairs_new);
        break;
    case 7:
        tile(a, at, 7, pairs, pairs_new);
        break;
    default:
        tile(a, at, VECTORS, pairs, pairs_new);
        break;
    }
}

static void gru_steps(const v2s_gru_steps_args *a) {
    float *h = a->h, *h_new = a->h_new;
    uint16_t *pairs = (uint16_t *)a->work, *pairs_new = pairs + a->Hp;
    for (int u = 0; u < a->Hp; u += LANES)
        _mm256_store_si256((__m256i *)(pairs + u),
                           (__m256i)_mm512_cvtneps_pbh(_mm512_load_ps(h + u)));
    for (int i = 0; i < a->T; i++) {
        int t = a->reverse ? a->T - 1 - i : i;
        for (int u = 0; u < a->Hp; u += TILE) {
            v2s_gru_tile_avx512 at = v2s_gru_tile_at_avx512(a, t, u, h, h_new);
            at.w = (const uint16_t *)a->w_hh + (size_t)u * 3 * (size_t)v2s_round_up(a->H, 2);
            any_tile(a, &at, (a->Hp - u) / LANES, pairs, pairs_new + u);
        }
        float *swap = h;
        h = h_new;
        h_new = swap;
        uint16_t *swap_pairs = pairs;
        pairs = pairs_new;
        pairs_new = swap_pairs;
    }
    v2s_gru_keep_state_avx512(a, h);
}

const v2s_vector v2s_vector_avx512bf16 = {.lanes = LANES,
                                          .panel = V2S_GEMM_PANEL_AVX512,
                                          .tile_units = TILE,
                                          .pairs = true,
                                          .gemm = v2s_gemm_avx512,
                                          .dot = v2s_dot_avx512,
                                          .gru_steps = gru_steps};
