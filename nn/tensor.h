// SPDX-License-Identifier: MIT
// A tensor: contiguous row-major numbers of an arena, with a shape.
//
// The memory belongs to the arena it was taken from; data is NULL while the arena only counts.
// Parameters, their gradients and the optimizer's averages are the same tensors on arenas of
// identical layout, so there is no gradient pointer here.
#ifndef V2S_NN_TENSOR_H
#define V2S_NN_TENSOR_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

enum { V2S_TENSOR_RANK_MAX = 4 };

typedef struct v2s_tensor {
    real *data;
    int rank;
    int dim[V2S_TENSOR_RANK_MAX]; // dim[rank..] is 1
} v2s_tensor;

// Takes a zeroed tensor of up to three dimensions (0 ends the list) from the arena.
v2s_tensor v2s_tensor_take(v2s_arena *arena, int d0, int d1, int d2);

// The same of four dimensions, all at least 1.
v2s_tensor v2s_tensor_take4(v2s_arena *arena, int d0, int d1, int d2, int d3);

// Number of elements.
size_t v2s_tensor_count(const v2s_tensor *t);

enum { V2S_TENSOR_SHAPE_MAX = 64 };

// "[64, 4, 15]"
const char *v2s_tensor_shape(const v2s_tensor *t, char text[V2S_TENSOR_SHAPE_MAX]);

#endif
