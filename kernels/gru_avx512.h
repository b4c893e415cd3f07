// SPDX-License-Identifier: MIT
// What the AVX-512 forms of the GRU step share; included by *_avx512*.c only.
//
// 24 sums live in registers while the weights stream by: 4 registers of units x 3 gates, for two
// rows, or for two tiles of one row.
#ifndef V2S_KERNELS_GRU_AVX512_H
#define V2S_KERNELS_GRU_AVX512_H

#include "kernels/math_avx512.h"
#include "kernels/vector.h"

enum {
    V2S_GRU_LANES_AVX512 = 16,
    V2S_GRU_VECTORS_AVX512 = 4,
    V2S_GRU_TILE_AVX512 = V2S_GRU_LANES_AVX512 * V2S_GRU_VECTORS_AVX512
};

// Sums of 16 units from `unit` on at time t, before the recurrence is added.
static inline void v2s_gru_start_avx512(const v2s_gru_steps_args *a, const v2s_gru_row *row, int t,
                                        int unit, __m512 *r, __m512 *z, __m512 *q) {
    const float *gi = row->gi + (size_t)t * 3 * a->Hp + unit;
    *r = _mm512_load_ps(gi);
    *z = _mm512_load_ps(gi + a->Hp);
    *q = _mm512_load_ps(a->b_hn + unit);
}

// Gates of the 16 units from `unit` on, from their sums; returns and keeps the new state.
static inline __m512 v2s_gru_finish_avx512(const v2s_gru_steps_args *a, const v2s_gru_row *row,
                                           int t, int unit, __m512 r, __m512 z, __m512 q) {
    const float *gi_n = row->gi + ((size_t)t * 3 + 2) * a->Hp + unit;
    __m512 h = _mm512_load_ps(row->h + unit);
    r = v2s_sigmoid_avx512(r);
    z = v2s_sigmoid_avx512(z);
    __m512 n = v2s_tanh_avx512(_mm512_fmadd_ps(r, q, _mm512_load_ps(gi_n)));
    h = _mm512_fmadd_ps(z, _mm512_sub_ps(h, n), n);
    _mm512_store_ps(row->h_new + unit, h);
    int left = a->H - unit;
    if (row->y != NULL)
        _mm512_mask_storeu_ps(row->y + t * a->ldy + unit,
                              left >= V2S_GRU_LANES_AVX512 ? 0xffff : (__mmask16)((1u << left) - 1),
                              h);
    return h;
}

// The two state buffers take turns.
static inline void v2s_gru_swap_avx512(v2s_gru_row *row) {
    float *swap = row->h;
    row->h = row->h_new;
    row->h_new = swap;
}

// The last state goes where the caller expects it.
static inline void v2s_gru_keep_avx512(const v2s_gru_steps_args *a, const v2s_gru_row *now,
                                       const v2s_gru_row *given) {
    for (int u = 0; now->h != given->h && u < a->Hp; u += V2S_GRU_LANES_AVX512)
        _mm512_store_ps(given->h + u, _mm512_load_ps(now->h + u));
}

#endif
