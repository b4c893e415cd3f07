// SPDX-License-Identifier: MIT
// Sixteen floats under the names that kernels/train_kernels.h uses; included by *_avx512.c only.
#ifndef V2S_KERNELS_SIMD_AVX512_H
#define V2S_KERNELS_SIMD_AVX512_H

#include <immintrin.h>

#include "kernels/math_avx512.h"

enum { LANES = 16 };
typedef __m512 vf;

#define VF_INLINE static inline __attribute__((always_inline))

VF_INLINE vf vf_zero(void) {
    return _mm512_setzero_ps();
}

VF_INLINE vf vf_all(float x) {
    return _mm512_set1_ps(x);
}

// 64-byte aligned
VF_INLINE vf vf_load(const float *p) {
    return _mm512_load_ps(p);
}

VF_INLINE void vf_store(float *p, vf a) {
    _mm512_store_ps(p, a);
}

VF_INLINE __mmask16 first_lanes(int n) {
    return n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

// The first n of sixteen, wherever they lie; the others are 0 or left alone. n may be above 16.
VF_INLINE vf vf_load_first(const float *p, int n) {
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}

VF_INLINE void vf_store_first(float *p, int n, vf a) {
    _mm512_mask_storeu_ps(p, first_lanes(n), a);
}

VF_INLINE vf vf_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}

VF_INLINE vf vf_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}

// The larger; b where either is NaN.
VF_INLINE vf vf_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}

VF_INLINE vf vf_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}

// a * b + c
VF_INLINE vf vf_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}

VF_INLINE vf vf_sigmoid(vf a) {
    return v2s_sigmoid_avx512(a);
}

VF_INLINE vf vf_tanh(vf a) {
    return v2s_tanh_avx512(a);
}

VF_INLINE vf vf_exp2(vf a) {
    return v2s_exp2_avx512(a);
}

VF_INLINE float vf_sum(vf a) {
    return _mm512_reduce_add_ps(a);
}

// The largest of sixteen that are all numbers.
VF_INLINE float vf_largest(vf a) {
    return _mm512_reduce_max_ps(a);
}

#endif
