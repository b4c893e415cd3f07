// SPDX-License-Identifier: MIT
// Walks over the channels of pictures [N,C,pixels], for sums over n and pixels in a fixed order.
//
// A grid of C x slices blocks: block (c, s) walks over slice s of channel c and leaves its part; a
// second kernel joins the parts of a channel in order.
#ifndef V2S_KERNELS_CHANNEL_SUMS_CUH
#define V2S_KERNELS_CHANNEL_SUMS_CUH

#include "kernels/group_sums.cuh"

enum { V2S_CHANNEL_BLOCK = 256 };

// V neighbouring floats: 4 in one access, where the host has checked that it may.
template <int V> struct v2s_pack { float v[V]; };

template <int V> static __device__ __forceinline__ v2s_pack<V> v2s_load(const float *x, size_t at) {
    v2s_pack<V> p;
    if constexpr (V == 4) {
        float4 all = reinterpret_cast<const float4 *>(x)[at];
        p.v[0] = all.x;
        p.v[1] = all.y;
        p.v[2] = all.z;
        p.v[3] = all.w;
    } else {
        p.v[0] = x[at];
    }
    return p;
}

template <int V>
static __device__ __forceinline__ void v2s_store(float *x, size_t at, const v2s_pack<V> &p) {
    if constexpr (V == 4)
        reinterpret_cast<float4 *>(x)[at] = make_float4(p.v[0], p.v[1], p.v[2], p.v[3]);
    else
        x[at] = p.v[0];
}

// Whether pictures of so many pixels at `x` may be read four floats at a time; NULL may.
static inline bool v2s_by_four(size_t pixels, const void *x) {
    return pixels % 4 == 0 && (uintptr_t)x % 16 == 0;
}

// term(at) for every place `at`, in packs of V, of this block's slice that this thread has.
template <int V, typename Term>
static __device__ __forceinline__ void v2s_channel_walk(int N, int C, size_t pixels, Term term) {
    size_t packs = pixels / V, all = (size_t)N * packs;
    size_t length = (all + gridDim.y - 1) / gridDim.y, first = blockIdx.y * length;
    size_t end = min(first + length, all);
#pragma unroll 4
    for (size_t k = first + threadIdx.x; k < end; k += V2S_CHANNEL_BLOCK) {
        size_t n = k / packs;
        term((n * (size_t)C + blockIdx.x) * packs + (k - n * packs));
    }
}

// Slices per channel: as many as give each multiprocessor eight blocks, and are worth a block.
static inline size_t v2s_channel_slices(const v2s_device *dev, int N, int C, size_t pixels) {
    const size_t slice_min = 4096, slices_max = 256;
    size_t most = (size_t)N * pixels / slice_min;
    size_t want = C > 0 ? 8 * (size_t)dev->cuda->multiprocessors / (size_t)C + 1 : 1;
    want = want < most ? want : most;
    return want < 1 ? 1 : want < slices_max ? want : slices_max;
}

#endif
