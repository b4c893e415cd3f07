// SPDX-License-Identifier: MIT
#include "kernels/simd_avx2.h"

// 12 sums, 2 columns and 1 factor of 16 registers.
enum { ROWS = 6 };

#include "kernels/attention_kernels.h"

const v2s_attention_vector v2s_attention_avx2 = {
    .lanes = LANES, .rows = ROWS, .forward = forward, .backward = backward};
