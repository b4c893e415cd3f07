// SPDX-License-Identifier: MIT
// Sums over neighbouring lanes of a warp in a fixed order.
#ifndef V2S_KERNELS_WARP_SUMS_CUH
#define V2S_KERNELS_WARP_SUMS_CUH

// Sums each of N values over S neighbouring lanes (powers of two, N <= S <= 32) and leaves lane l
// with the sum of value v2s_scattered<N>(l) in v[0]. Lanes give each other halves of what they
// have, so N sums cost about N exchanges instead of N log2 S. Whole warps call it together.
template <int N, int S, int STEP = 1>
static __device__ __forceinline__ void v2s_scatter_sum(float *v) {
    if constexpr (N > 1) {
        bool upper = ((int)threadIdx.x & STEP) != 0;
#pragma unroll
        for (int i = 0; i < N / 2; i++) {
            float give = upper ? v[i] : v[i + N / 2], keep = upper ? v[i + N / 2] : v[i];
            v[i] = keep + __shfl_xor_sync(0xffffffffu, give, STEP);
        }
        v2s_scatter_sum<N / 2, S, 2 * STEP>(v);
    } else if constexpr (STEP < S) {
        v[0] += __shfl_xor_sync(0xffffffffu, v[0], STEP);
        v2s_scatter_sum<1, S, 2 * STEP>(v);
    }
}

// The same without choosing: v[i] of lane l belongs to sum i ^ v2s_scattered<N>(l), so that what a
// lane keeps always comes first. Whoever makes the values can order them for nothing.
template <int N, int S, int STEP = 1>
static __device__ __forceinline__ void v2s_scatter_ordered(float *v) {
    if constexpr (N > 1) {
#pragma unroll
        for (int i = 0; i < N / 2; i++)
            v[i] += __shfl_xor_sync(0xffffffffu, v[i + N / 2], STEP);
        v2s_scatter_ordered<N / 2, S, 2 * STEP>(v);
    } else if constexpr (STEP < S) {
        v[0] += __shfl_xor_sync(0xffffffffu, v[0], STEP);
        v2s_scatter_ordered<1, S, 2 * STEP>(v);
    }
}

// Which value lane l holds after v2s_scatter_sum: l's lowest bits, reversed.
template <int N> static __device__ __forceinline__ int v2s_scattered(int lane) {
    if constexpr (N == 1)
        return 0;
    else
        return (lane & 1) * (N / 2) + v2s_scattered<N / 2>(lane >> 1);
}

#endif
