// SPDX-License-Identifier: MIT
#include "kernels/base/arena.h"
#include "kernels/vector.h"

size_t v2s_gemm_packed_floats(const v2s_vector *v, int N, int K) {
    size_t columns = (size_t)v2s_round_up(N, v->panel);
    return v2s_size_mul(columns, (size_t)K + 1);
}

float *v2s_gemm_packed_at(const v2s_vector *v, float *packed, int K, int n, int k) {
    size_t panel = (size_t)(n / v->panel) * ((size_t)K + 1) * v->panel;
    return packed + panel + (size_t)(k + 1) * v->panel + n % v->panel;
}
