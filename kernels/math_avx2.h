// SPDX-License-Identifier: MIT
// The gate functions for eight floats; included by *_avx2.c only. Formulas, ranges and the rule
// for NaN as in math_avx512.h; divisions instead of reciprocals, whose first guess differs between
// makers of AVX2 processors.
#ifndef V2S_KERNELS_MATH_AVX2_H
#define V2S_KERNELS_MATH_AVX2_H

#include <immintrin.h>

// e^x = scale (1 + p), |x| <= 87.
static inline __m256 v2s_exp_parts_avx2(__m256 x, __m256 *scale) {
    const __m256 ln2_high = _mm256_set1_ps(0x1.62e4p-1f), ln2_low = _mm256_set1_ps(0x1.7f7d1cp-20f);
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p+0f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, ln2_high, x);
    r = _mm256_fnmadd_ps(n, ln2_low, r);
    __m256 q = _mm256_set1_ps(1.0f / 5040);
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(1.0f / 720));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(1.0f / 120));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(1.0f / 24));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(1.0f / 6));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0.5f));
    __m256i bits = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    *scale = _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23));
    return _mm256_fmadd_ps(q, _mm256_mul_ps(r, r), r);
}

static inline __m256 v2s_sigmoid_avx2(__m256 x) {
    const __m256 one = _mm256_set1_ps(1.0f);
    __m256 scale, y = _mm256_sub_ps(_mm256_setzero_ps(), x);
    y = _mm256_max_ps(_mm256_set1_ps(-87.0f), _mm256_min_ps(_mm256_set1_ps(87.0f), y));
    __m256 p = v2s_exp_parts_avx2(y, &scale);
    return _mm256_div_ps(one, _mm256_fmadd_ps(scale, _mm256_add_ps(p, one), one));
}

static inline __m256 v2s_tanh_avx2(__m256 x) {
    __m256 scale, y = _mm256_add_ps(x, x);
    y = _mm256_max_ps(_mm256_set1_ps(-20.0f), _mm256_min_ps(_mm256_set1_ps(20.0f), y));
    __m256 p = v2s_exp_parts_avx2(y, &scale);
    __m256 e = _mm256_fmadd_ps(scale, p, _mm256_sub_ps(scale, _mm256_set1_ps(1.0f)));
    return _mm256_div_ps(e, _mm256_add_ps(e, _mm256_set1_ps(2.0f)));
}

// 2^x, as in math_avx512.h.
static inline __m256 v2s_exp2_avx2(__m256 x) {
    const __m256 magic = _mm256_set1_ps(0x1.8000fep+23f);
    x = _mm256_max_ps(_mm256_set1_ps(-127.0f), x);
    __m256 n = _mm256_add_ps(x, magic);
    __m256 scale = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(n), 23));
    __m256 r = _mm256_sub_ps(x, _mm256_sub_ps(n, magic));
    __m256 q = _mm256_set1_ps(0x1.444p-13f);
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.5f48cp-10f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.3b2a1cp-7f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.c6aeccp-5f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.ebfbep-3f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.62e43p-1f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(1.0f));
    return _mm256_mul_ps(q, scale);
}

#endif
