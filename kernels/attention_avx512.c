// SPDX-License-Identifier: MIT
#include "kernels/simd_avx512.h"

// 24 sums and 2 columns of 32 registers; factors come from memory.
enum { ROWS = 12 };

#include "kernels/attention_kernels.h"

const v2s_attention_vector v2s_attention_avx512 = {
    .lanes = LANES, .rows = ROWS, .forward = forward, .backward = backward};
