// SPDX-License-Identifier: MIT
// Bound by writing: 4 bytes per number, for about 100 integer operations per block of Philox.
#include "kernels/cuda.cuh"

// One block of kernels/base/rng.c.
static __device__ __forceinline__ uint4 philox(uint64_t seed, uint64_t stream, uint64_t position) {
    uint32_t c0 = (uint32_t)position, c1 = (uint32_t)(position >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return make_uint4(c0, c1, c2, c3);
}

// In [0, 1): 53 bits, exact.
static __device__ __forceinline__ double uniform(uint32_t low, uint32_t high) {
    return (double)((low | (uint64_t)high << 32) >> 11) * 0x1p-53;
}

// a + b c, both rounded: the compiler must not fuse them.
static __device__ __forceinline__ double rounded(double a, double b, double c) {
    return __dadd_rn(a, __dmul_rn(b, c));
}

// Two numbers per block of Philox; `keep` is what a mask lets through.
static __global__ void pairs_kernel(v2s_random_args a, float keep) {
    size_t block = v2s_item(), i = 2 * block;
    if (i >= a.count)
        return;
    uint4 words = philox(a.seed, a.stream, block);
    double u[2] = {uniform(words.x, words.y), uniform(words.z, words.w)};
#pragma unroll
    for (int k = 0; k < 2; k++) {
        if (i + k >= a.count)
            return;
        if (a.kind == V2S_RANDOM_UNIFORM)
            a.y[i + k] = (float)rounded(a.low, __dadd_rn(a.high, -a.low), u[k]);
        else
            a.y[i + k] = u[k] < a.p ? 0.0f : keep;
    }
}

static __global__ void normal_kernel(v2s_random_args a) {
    size_t i = v2s_item();
    if (i >= a.count)
        return;
    uint4 words = philox(a.seed, a.stream, i);
    double radius = sqrt(-2.0 * log(1.0 - uniform(words.x, words.y)));
    double angle = __dmul_rn(6.283185307179586, uniform(words.z, words.w));
    a.y[i] = (float)rounded(a.mean, a.sigma, __dmul_rn(radius, cos(angle)));
}

extern "C" void v2s_random_fill_cuda(const v2s_device *dev, const v2s_random_args *a,
                                     v2s_arena *scratch) {
    (void)scratch;
    if (a->kind == V2S_RANDOM_NORMAL)
        v2s_launch(dev, "random_fill", normal_kernel, v2s_blocks(a->count, V2S_CUDA_BLOCK),
                   V2S_CUDA_BLOCK, 0, *a);
    else
        v2s_launch(dev, "random_fill", pairs_kernel,
                   v2s_blocks(a->count / 2 + a->count % 2, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *a,
                   (float)(1.0 / (1.0 - a->p)));
}
