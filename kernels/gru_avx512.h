// SPDX-License-Identifier: MIT
// What the AVX-512 forms of the GRU step share; included by *_avx512*.c only.
#ifndef V2S_KERNELS_GRU_AVX512_H
#define V2S_KERNELS_GRU_AVX512_H

#include "kernels/math_avx512.h"
#include "kernels/vector.h"

// 8 registers of units x 3 gates: 24 sums live in registers while the weights stream by.
enum { V2S_GRU_LANES_AVX512 = 16, V2S_GRU_VECTORS_AVX512 = 8 };

typedef struct v2s_gru_tile_avx512 {
    const float *gi;   // this step's gate inputs, from the tile's first unit on
    const void *w;     // the tile's weights
    const float *b_hn; // from the tile's first unit on
    const float *h;    // whole old state
    float *h_new;      // from the tile's first unit on
    float *y;          // the same for the output, or NULL
    int unit;          // the tile's first unit
} v2s_gru_tile_avx512;

// Gates of the units in register v of the tile, from their sums.
static inline __m512 v2s_gru_gates_avx512(const v2s_gru_steps_args *a,
                                          const v2s_gru_tile_avx512 *at, int v, __m512 r, __m512 z,
                                          __m512 q) {
    int unit = v * V2S_GRU_LANES_AVX512, left = a->H - at->unit - unit;
    __m512 h = _mm512_load_ps(at->h + at->unit + unit);
    r = v2s_sigmoid_avx512(r);
    z = v2s_sigmoid_avx512(z);
    __m512 n = v2s_tanh_avx512(_mm512_fmadd_ps(r, q, _mm512_load_ps(at->gi + 2 * a->Hp + unit)));
    h = _mm512_fmadd_ps(z, _mm512_sub_ps(h, n), n);
    _mm512_store_ps(at->h_new + unit, h);
    if (at->y != NULL)
        _mm512_mask_storeu_ps(
            at->y + unit, left >= V2S_GRU_LANES_AVX512 ? 0xffff : (__mmask16)((1u << left) - 1), h);
    return h;
}

// The tile whose first unit is u, at time t; its weights are the caller's to set.
static inline v2s_gru_tile_avx512 v2s_gru_tile_at_avx512(const v2s_gru_steps_args *a, int t, int u,
                                                         const float *h, float *h_new) {
    return (v2s_gru_tile_avx512){.gi = a->gi + (size_t)t * 3 * a->Hp + u,
                                 .b_hn = a->b_hn + u,
                                 .h = h,
                                 .h_new = h_new + u,
                                 .y = a->y == NULL ? NULL : a->y + t * a->ldy + u,
                                 .unit = u};
}

// The two state buffers take turns; the last state goes to a->h.
static inline void v2s_gru_keep_state_avx512(const v2s_gru_steps_args *a, const float *h) {
    for (int u = 0; h != a->h && u < a->Hp; u += V2S_GRU_LANES_AVX512)
        _mm512_store_ps(a->h + u, _mm512_load_ps(h + u));
}

#endif
