// SPDX-License-Identifier: MIT
// Short vector loops shared by the filters here, in the compiler's portable vector type: the same
// sums in the same order on every machine, without a build per instruction set.
#ifndef V2S_SPATIAL_LANES_H
#define V2S_SPATIAL_LANES_H

#include <stddef.h>

enum { V2S_LANES = 8 };

// Unaligned view of 4 floats inside any float array.
typedef float v2s_float4 __attribute__((vector_size(16), aligned(4), may_alias));

// sum_k x[k] ((1 - share) a[k] + share b[k]), n a multiple of V2S_LANES.
static inline float v2s_lanes_dot_mix(const float *x, const float *a, const float *b, float share,
                                      size_t n) {
    v2s_float4 low0 = {0.0f}, low1 = {0.0f}, high0 = {0.0f}, high1 = {0.0f};
    for (size_t k = 0; k < n; k += V2S_LANES) {
        v2s_float4 x0 = *(const v2s_float4 *)(x + k), x1 = *(const v2s_float4 *)(x + k + 4);
        low0 += x0 * *(const v2s_float4 *)(a + k);
        low1 += x1 * *(const v2s_float4 *)(a + k + 4);
        high0 += x0 * *(const v2s_float4 *)(b + k);
        high1 += x1 * *(const v2s_float4 *)(b + k + 4);
    }
    v2s_float4 low = low0 + low1, high = high0 + high1;
    v2s_float4 sum = low + share * (high - low);
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

#endif
