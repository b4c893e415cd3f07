// SPDX-License-Identifier: MIT
// exp(x)-based gate functions for sixteen floats; included by *_avx512*.c only.
//
//   x = n ln2 + r, |r| <= ln2/2;  p = e^r - 1 by its Taylor polynomial to r^7 (remainder 5.2e-9)
//   sigmoid(x) = 1 / (1 + 2^n' (1 + p')) of -x,   tanh(x) = E / (E + 2), E = e^2x - 1
// tanh through E keeps its relative accuracy near 0. NaN stays NaN: min and max return their
// second operand then, which is x.
#ifndef V2S_KERNELS_MATH_AVX512_H
#define V2S_KERNELS_MATH_AVX512_H

#include <immintrin.h>

// e^x = 2^n (1 + p) for |x| <= 87.
static inline __m512 v2s_exp_parts_avx512(__m512 x, __m512 *n) {
    const __m512 ln2_high = _mm512_set1_ps(0x1.62e4p-1f), ln2_low = _mm512_set1_ps(0x1.7f7d1cp-20f);
    *n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(0x1.715476p+0f)),
                              _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(*n, ln2_high, x);
    r = _mm512_fnmadd_ps(*n, ln2_low, r);
    __m512 q = _mm512_set1_ps(1.0f / 5040);
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(1.0f / 720));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(1.0f / 120));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(1.0f / 24));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(1.0f / 6));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0.5f));
    return _mm512_fmadd_ps(q, _mm512_mul_ps(r, r), r);
}

// 1 / d for d in 1 .. 1e38: 14 bits and one Newton step, d r (2 - d r).
static inline __m512 v2s_reciprocal_avx512(__m512 d) {
    __m512 r = _mm512_rcp14_ps(d);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(d, r, _mm512_set1_ps(1.0f)), r, r);
}

static inline __m512 v2s_sigmoid_avx512(__m512 x) {
    __m512 n, y = _mm512_sub_ps(_mm512_setzero_ps(), x);
    y = _mm512_max_ps(_mm512_set1_ps(-87.0f), _mm512_min_ps(_mm512_set1_ps(87.0f), y));
    __m512 p = v2s_exp_parts_avx512(y, &n);
    __m512 e = _mm512_scalef_ps(_mm512_add_ps(p, _mm512_set1_ps(1.0f)), n);
    return v2s_reciprocal_avx512(_mm512_add_ps(e, _mm512_set1_ps(1.0f)));
}

// 1 - tanh(10) = 4e-9 rounds to nothing, so larger arguments are cut there.
static inline __m512 v2s_tanh_avx512(__m512 x) {
    __m512 n, y = _mm512_add_ps(x, x);
    y = _mm512_max_ps(_mm512_set1_ps(-20.0f), _mm512_min_ps(_mm512_set1_ps(20.0f), y));
    __m512 p = v2s_exp_parts_avx512(y, &n);
    __m512 scale = _mm512_scalef_ps(_mm512_set1_ps(1.0f), n);
    __m512 e = _mm512_fmadd_ps(scale, p, _mm512_sub_ps(scale, _mm512_set1_ps(1.0f)));
    __m512 d = _mm512_add_ps(e, _mm512_set1_ps(2.0f));
    __m512 inverse = v2s_reciprocal_avx512(d), t = _mm512_mul_ps(e, inverse);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(d, t, e), inverse, t); // the quotient's last bit
}

// 2^x for x < 127.5; 0 below -126.5, NaN stays NaN. x = n + r, |r| <= 1/2; 2^r by the polynomial of
// degree 6 whose largest relative error is smallest (2.5e-9; Remez), with rounding 0.8e-7. Adding
// 1.5 2^23 + 127 rounds to n and leaves n + 127, a float's exponent, in the low bits.
static inline __m512 v2s_exp2_avx512(__m512 x) {
    const __m512 magic = _mm512_set1_ps(0x1.8000fep+23f);
    x = _mm512_max_ps(_mm512_set1_ps(-127.0f), x);
    __m512 n = _mm512_add_ps(x, magic);
    __m512 scale = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(n), 23));
    __m512 r = _mm512_sub_ps(x, _mm512_sub_ps(n, magic));
    __m512 q = _mm512_set1_ps(0x1.444p-13f);
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.5f48cp-10f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.3b2a1cp-7f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.c6aeccp-5f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.ebfbep-3f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.62e43p-1f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(1.0f));
    return _mm512_mul_ps(q, scale);
}

#endif
