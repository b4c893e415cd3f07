// SPDX-License-Identifier: MIT
#include <immintrin.h>

#include "kernels/gemm_avx512.h"
#include "kernels/gru_avx512.h"

enum {
    LANES = V2S_GRU_LANES_AVX512,
    VECTORS = V2S_GRU_VECTORS_AVX512,
    TILE = LANES * VECTORS,
};

// `vectors` is a constant at every call, so that the sums stay in registers.
static inline __attribute__((always_inline)) void tile(const v2s_gru_steps_args *a,
                                                       const v2s_gru_tile_avx512 *at, int vectors) {
    __m512 sum[3 * VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
        sum[v] = _mm512_load_ps(at->gi + v * LANES);
        sum[vectors + v] = _mm512_load_ps(at->gi + a->Hp + v * LANES);
        sum[2 * vectors + v] = _mm512_load_ps(at->b_hn + v * LANES);
    }
    const float *w = at->w;
    for (int k = 0; k < a->H; k++, w += 3 * vectors * LANES) {
        __m512 h = _mm512_set1_ps(at->h[k]);
#pragma GCC unroll 24
        for (int v = 0; v < 3 * vectors; v++)
            sum[v] = _mm512_fmadd_ps(h, _mm512_load_ps(w + v * LANES), sum[v]);
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        v2s_gru_gates_avx512(a, at, v, sum[v], sum[vectors + v], sum[2 * vectors + v]);
}

static void any_tile(const v2s_gru_steps_args *a, const v2s_gru_tile_avx512 *at, int vectors) {
    switch (vectors) {
    case 1:
        tile(a, at, 1);
        break;
    case 2:
        tile(a, at, 2);
        break;
    case 3:
        tile(a, at, 3);
        break;
    case 4:
        tile(a, at, 4);
        break;
    case 5:
        tile(a, at, 5);
        break;
    case 6:
        tile(a, at, 6);
        break;
    case 7:
        tile(a, at, 7);
        break;
    default:
        tile(a, at, VECTORS);
        break;
    }
}

static void gru_steps(const v2s_gru_steps_args *a) {
    float *h = a->h, *h_new = a->h_new;
    for (int i = 0; i < a->T; i++) {
        int t = a->reverse ? a->T - 1 - i : i;
        for (int u = 0; u < a->Hp; u += TILE) {
            v2s_gru_tile_avx512 at = v2s_gru_tile_at_avx512(a, t, u, h, h_new);
            at.w = (const float *)a->w_hh + (size_t)u * 3 * a->H;
            any_tile(a, &at, (a->Hp - u) / LANES);
        }
        float *swap = h;
        h = h_new;
        h_new = swap;
    }
    v2s_gru_keep_state_avx512(a, h);
}

const v2s_vector v2s_vector_avx512 = {.lanes = LANES,
                                      .panel = V2S_GEMM_PANEL_AVX512,
                                      .tile_units = TILE,
                                      .gemm = v2s_gemm_avx512,
                                      .dot = v2s_dot_avx512,
                                      .gru_steps = gru_steps};
