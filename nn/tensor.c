// SPDX-License-Identifier: MIT
#include "nn/tensor.h"

#include <stdio.h>

v2s_tensor v2s_tensor_take(v2s_arena *arena, int d0, int d1, int d2) {
    v2s_tensor t = {.rank = d1 == 0   ? 1
                            : d2 == 0 ? 2
                                      : 3,
                    .dim = {d0, d1 == 0 ? 1 : d1, d2 == 0 ? 1 : d2, 1}};
    t.data = v2s_arena_take(arena, v2s_tensor_count(&t), sizeof(real));
    return t;
}

v2s_tensor v2s_tensor_take4(v2s_arena *arena, int d0, int d1, int d2, int d3) {
    v2s_tensor t = {.rank = 4, .dim = {d0, d1, d2, d3}};
    t.data = v2s_arena_take(arena, v2s_tensor_count(&t), sizeof(real));
    return t;
}

size_t v2s_tensor_count(const v2s_tensor *t) {
    size_t count = 1;
    for (int i = 0; i < t->rank; i++)
        count = v2s_size_mul(count, (size_t)t->dim[i]);
    return count;
}

const char *v2s_tensor_shape(const v2s_tensor *t, char text[V2S_TENSOR_SHAPE_MAX]) {
    int n = snprintf(text, V2S_TENSOR_SHAPE_MAX, "[");
    for (int i = 0; i < t->rank; i++)
        n += snprintf(text + n, V2S_TENSOR_SHAPE_MAX - (size_t)n, "%s%d", i == 0 ? "" : ", ",
                      t->dim[i]);
    snprintf(text + n, V2S_TENSOR_SHAPE_MAX - (size_t)n, "]");
    return text;
}
