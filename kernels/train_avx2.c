// SPDX-License-Identifier: MIT
#include "kernels/simd_avx2.h"

// 12 of 16 registers hold sums.
enum { PRODUCT_ROWS = 4, OUTER_ROWS = 4, TILES_1 = 4, TILES_2 = 2, TILES_3 = 1, TILES_4 = 1 };

#include "kernels/train_kernels.h"

const v2s_train_vector v2s_train_avx2 = {.product = product,
                                         .outer = outer,
                                         .sum_rows = sum_rows,
                                         .forward_steps = forward_steps,
                                         .back_steps = back_steps};
