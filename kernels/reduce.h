// SPDX-License-Identifier: MIT
// Sums, means and largest values of the rows or of the columns of a matrix:
//
//   ROWS      y[m] = sum, mean or max over n of x[m,n]     (m = 0 .. M-1; torch: dim=1)
//   COLUMNS   y[n] = sum, mean or max over m of x[m,n]     (n = 0 .. N-1; torch: dim=0)
//
//   SUM   dx += dy        MEAN   dx += dy / count        MAX   dx += dy at the index of the largest
//
// MAX: index is the place in the row or column, of the first of equal ones; what is not a number
// counts as the largest. Of nothing, SUM is 0, MEAN not a number, MAX -inf with index 0.
//
// Shapes: x, dx [M,N], row-major, contiguous; y, dy, index [M] or [N]. None overlap. M and N may be
// 0.
#ifndef V2S_KERNELS_REDUCE_H
#define V2S_KERNELS_REDUCE_H

#include <stdint.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

#ifndef V2S_KERNELS_REDUCE_KIND // one for both precisions (kernels/f64_tensor.h)
#define V2S_KERNELS_REDUCE_KIND
typedef enum v2s_reduce_kind { V2S_REDUCE_SUM, V2S_REDUCE_MEAN, V2S_REDUCE_MAX } v2s_reduce_kind;
typedef enum v2s_reduce_axis { V2S_REDUCE_ROWS, V2S_REDUCE_COLUMNS } v2s_reduce_axis;
#endif

typedef struct v2s_reduce_args {
    v2s_reduce_kind kind;
    v2s_reduce_axis axis; // what becomes one number
    int M, N;
    const real *x;  // [M,N]; forward
    real *y;        // [M] or [N]; forward writes
    int32_t *index; // [M] or [N], MAX only; forward writes (NULL: not wanted), backward reads
    const real *dy; // [M] or [N]; backward
    real *dx;       // [M,N]; backward adds
} v2s_reduce_args;

// The definition; backward takes no scratch.
void v2s_reduce_forward(const struct v2s_device *dev, const v2s_reduce_args *a, v2s_arena *scratch);
size_t v2s_reduce_scratch(const struct v2s_device *dev, const v2s_reduce_args *a);

void v2s_reduce_backward(const struct v2s_device *dev, const v2s_reduce_args *a,
                         v2s_arena *scratch);

#endif
