// SPDX-License-Identifier: MIT
// Sums and largest values over the threads of a block, or over groups of them, in a fixed order.
#ifndef V2S_KERNELS_GROUP_SUMS_CUH
#define V2S_KERNELS_GROUP_SUMS_CUH

#include "kernels/cuda.cuh"

struct v2s_add {
    template <typename T> __device__ __forceinline__ T operator()(T a, T b) const {
        return a + b;
    }
};

struct v2s_larger { // of a number and what is not one, the number
    template <typename T> __device__ __forceinline__ T operator()(T a, T b) const {
        return max(a, b);
    }
};

// join (commutative) of the values of THREADS neighbouring threads, for each of them: a power of
// two up to 32, or the whole block in warps. All threads of the block call it together. T has 4 or
// 8 bytes.
template <int THREADS, typename T, typename Join>
static __device__ __forceinline__ T v2s_group_join(T value, Join join) {
#pragma unroll
    for (int step = (THREADS < 32 ? THREADS : 32) / 2; step > 0; step /= 2)
        value = join(value, __shfl_xor_sync(0xffffffffu, value, step));
    if constexpr (THREADS > 32) {
        __shared__ T part[THREADS / 32];
        __syncthreads(); // the last call's may still be read
        if (threadIdx.x % 32 == 0)
            part[threadIdx.x / 32] = value;
        __syncthreads();
        value = part[0];
        for (int i = 1; i < THREADS / 32; i++)
            value = join(value, part[i]);
    }
    return value;
}

#endif
