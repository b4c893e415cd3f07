// SPDX-License-Identifier: MIT
// The matrix products of the AVX2 form (kernels/vector.h).
#ifndef V2S_KERNELS_GEMM_AVX2_H
#define V2S_KERNELS_GEMM_AVX2_H

#include <immintrin.h>

#include "kernels/vector.h"

enum { V2S_GEMM_PANEL_AVX2 = 16 };

void v2s_gemm_avx2(const v2s_gemm_args *a);
void v2s_dot_avx2(const v2s_gemm_args *a);

// Mask of the first n of eight lanes (n may be negative or above 8).
static inline __m256i v2s_first_lanes_avx2(int n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane);
}

#endif
