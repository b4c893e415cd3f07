// SPDX-License-Identifier: MIT
#include <immintrin.h>

#include "kernels/gemm_avx2.h"
#include "kernels/math_avx2.h"

// 4 registers of units x 3 gates: 12 sums of 16 registers.
enum { LANES = 8, VECTORS = 4, TILE = LANES * VECTORS };

typedef struct place {
    const float *gi;   // this step's gate inputs, from the tile's first unit on
    const float *w;    // the tile's weights
    const float *b_hn; // from the tile's first unit on
    const float *h;    // whole old state
    float *h_new;      // from the tile's first unit on
    float *y;          // the same for the output, or NULL
    int unit;          // the tile's first unit
} place;

static inline void gates(const v2s_gru_steps_args *a, const place *at, int v, __m256 r, __m256 z,
                         __m256 q) {
    int unit = v * LANES, left = a->H - at->unit - unit;
    __m256 h = _mm256_load_ps(at->h + at->unit + unit);
    r = v2s_sigmoid_avx2(r);
    z = v2s_sigmoid_avx2(z);
    __m256 n = v2s_tanh_avx2(_mm256_fmadd_ps(r, q, _mm256_load_ps(at->gi + 2 * a->Hp + unit)));
    h = _mm256_fmadd_ps(z, _mm256_sub_ps(h, n), n);
    _mm256_store_ps(at->h_new + unit, h);
    if (at->y != NULL)
        _mm256_maskstore_ps(at->y + unit, v2s_first_lanes_avx2(left), h);
}

// `vectors` is a constant at every call, so that the sums stay in registers.
static inline __attribute__((always_inline)) void tile(const v2s_gru_steps_args *a, const place *at,
                                                       int vectors) {
    __m256 sum[3 * VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        sum[v] = _mm256_load_ps(at->gi + v * LANES);
        sum[vectors + v] = _mm256_load_ps(at->gi + a->Hp + v * LANES);
        sum[2 * vectors + v] = _mm256_load_ps(at->b_hn + v * LANES);
    }
    const float *w = at->w;
    for (int k = 0; k < a->H; k++, w += 3 * vectors * LANES) {
        __m256 h = _mm256_set1_ps(at->h[k]);
#pragma GCC unroll 12
        for (int v = 0; v < 3 * vectors; v++)
            sum[v] = _mm256_fmadd_ps(h, _mm256_load_ps(w + v * LANES), sum[v]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        gates(a, at, v, sum[v], sum[vectors + v], sum[2 * vectors + v]);
}

static void any_tile(const v2s_gru_steps_args *a, const place *at, int vectors) {
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
    default:
        tile(a, at, VECTORS);
        break;
    }
}

static void gru_steps(const v2s_gru_steps_args *a) {
    float *h = a->h, *h_new = a->h_new;
    for (int i = 0; i < a->T; i++) {
        int t = a->reverse ? a->T - 1 - i : i;
        const float *gi = a->gi + (size_t)t * 3 * a->Hp;
        float *y = a->y == NULL ? NULL : a->y + t * a->ldy;
        for (int u = 0; u < a->Hp; u += TILE) {
            place at = {gi + u,
                        (const float *)a->w_hh + (size_t)u * 3 * a->H,
                        a->b_hn + u,
                        h,
                        h_new + u,
                        y == NULL ? NULL : y + u,
                        u};
            any_tile(a, &at, (a->Hp - u) / LANES);
        }
        float *swap = h;
        h = h_new;
        h_new = swap;
    }
    if (h != a->h)
        for (int u = 0; u < a->Hp; u += LANES)
            _mm256_store_ps(a->h + u, _mm256_load_ps(h + u));
}

const v2s_vector v2s_vector_avx2 = {.lanes = LANES,
                                    .panel = V2S_GEMM_PANEL_AVX2,
                                    .tile_units = TILE,
                                    .gemm = v2s_gemm_avx2,
                                    .dot = v2s_dot_avx2,
                                    .gru_steps = gru_steps};
