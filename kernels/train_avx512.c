// SPDX-License-Identifier: MIT
#include "kernels/simd_avx512.h"

// 24 of 32 registers hold sums.
enum { PRODUCT_ROWS = 8, OUTER_ROWS = 8, TILES_1 = 4, TILES_2 = 4, TILES_3 = 2, TILES_4 = 2 };

#include "kernels/train_kernels.h"

const v2s_train_vector v2s_train_avx512 = {.product = product,
                                           .outer = outer,
                                           .sum_rows = sum_rows,
                                           .forward_steps = forward_steps,
                                           .back_steps = back_steps};
