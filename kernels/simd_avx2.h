// SPDX-License-Identifier: MIT
// Eight floats under the names that kernels/train_kernels.h uses; included by *_avx2.c only.
#ifndef V2S_KERNELS_SIMD_AVX2_H
#define V2S_KERNELS_SIMD_AVX2_H

#include "kernels/gemm_avx2.h"
#include "kernels/math_avx2.h"

enum { LANES = 8 };
typedef __m256 vf;

#define VF_INLINE static inline __attribute__((always_inline))

VF_INLINE vf vf_zero(void) {
    return _mm256_setzero_ps();
}

VF_INLINE vf vf_all(float x) {
    return _mm256_set1_ps(x);
}

// 32-byte aligned
VF_INLINE vf vf_load(const float *p) {
    return _mm256_load_ps(p);
}

VF_INLINE void vf_store(float *p, vf a) {
    _mm256_store_ps(p, a);
}

// The first n of eight, wherever they lie; the others are 0 or left alone. n may be above 8.
VF_INLINE vf vf_load_first(const float *p, int n) {
    return n >= LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, v2s_first_lanes_avx2(n));
}

VF_INLINE void vf_store_first(float *p, int n, vf a) {
    if (n >= LANES)
        _mm256_storeu_ps(p, a);
    else
        _mm256_maskstore_ps(p, v2s_first_lanes_avx2(n), a);
}

VF_INLINE vf vf_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}

VF_INLINE vf vf_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}

// The larger; b where either is NaN.
VF_INLINE vf vf_max(vf a, vf b) {
    return _mm256_max_ps(a, b);
}

VF_INLINE vf vf_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}

// a * b + c
VF_INLINE vf vf_fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}

VF_INLINE vf vf_sigmoid(vf a) {
    return v2s_sigmoid_avx2(a);
}

VF_INLINE vf vf_tanh(vf a) {
    return v2s_tanh_avx2(a);
}

VF_INLINE vf vf_exp2(vf a) {
    return v2s_exp2_avx2(a);
}

VF_INLINE float vf_sum(vf a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// The largest of eight that are all numbers.
VF_INLINE float vf_largest(vf a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

#endif
