// SPDX-License-Identifier: MIT
// The matrix products that the AVX-512 forms share (kernels/vector.h).
#ifndef V2S_KERNELS_GEMM_AVX512_H
#define V2S_KERNELS_GEMM_AVX512_H

#include "kernels/vector.h"

enum { V2S_GEMM_PANEL_AVX512 = 64 };

void v2s_gemm_avx512(const v2s_gemm_args *a);
void v2s_dot_avx512(const v2s_gemm_args *a);

#endif
