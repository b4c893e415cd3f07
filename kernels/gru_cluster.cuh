// SPDX-License-Identifier: MIT
// The blocks that walk one row together: one, or a cluster of COUNT that write into each other's
// shared memory (capability 9.0 on).
//
// Each keeps a copy of the vector that the next step multiplies with. The copy is double: a step
// reads one half and writes the other, so one barrier per step is enough. A block that is ahead
// writes the half that its fellows have all finished reading, because they arrived at the barrier
// in between.
#ifndef V2S_KERNELS_GRU_CLUSTER_CUH
#define V2S_KERNELS_GRU_CLUSTER_CUH

#include <cuda_pipeline.h>

#include "kernels/cuda.cuh"
#ifdef V2S_EMULATION
#include <cooperative_groups.h>
#endif

// What clusters need as instructions: what cooperative groups make of it costs registers that the
// weights need. Blocks without a cluster do not get here. `arrive` waits until the thread's former
// writes are seen by the whole device (MEMBAR.ALL.GPU in the machine code), so results are written
// to device memory behind it and have a step's time to get there.
static __device__ __forceinline__ int v2s_cluster_rank() {
#if defined(V2S_EMULATION)
    return (int)cooperative_groups::this_cluster().block_rank();
#elif __CUDA_ARCH__ >= 900
    int rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
#else
    return 0;
#endif
}

static __device__ __forceinline__ void v2s_cluster_arrive() {
#if defined(V2S_EMULATION)
    (void)cooperative_groups::this_cluster().barrier_arrive();
#elif __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release;" ::: "memory");
#endif
}

static __device__ __forceinline__ void v2s_cluster_wait() {
#if defined(V2S_EMULATION)
    cooperative_groups::this_cluster().barrier_wait();
#elif __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
#endif
}

// *at = value in the shared memory of block `rank`, where `at` is this block's.
static __device__ __forceinline__ void v2s_cluster_write(float *at, float value, int rank) {
#if defined(V2S_EMULATION)
    *cooperative_groups::this_cluster().map_shared_rank(at, rank) = value;
#elif __CUDA_ARCH__ >= 900
    unsigned address = (unsigned)__cvta_generic_to_shared(at);
    asm volatile("mapa.shared::cluster.u32 %0, %0, %2;\n\t"
                 "st.shared::cluster.f32 [%0], %1;"
                 : "+r"(address)
                 : "f"(value), "r"(rank)
                 : "memory");
#endif
}

template <int COUNT> struct v2s_team {
    static __device__ __forceinline__ int rank() {
        return COUNT > 1 ? v2s_cluster_rank() : 0;
    }

    // The two halves of the barrier: what was written before `arrive` is seen after `wait`.
    static __device__ __forceinline__ void arrive() {
        if constexpr (COUNT > 1)
            v2s_cluster_arrive();
    }
    static __device__ __forceinline__ void wait() {
        if constexpr (COUNT > 1)
            v2s_cluster_wait();
        else
            __syncthreads();
    }

    // *at = value in the shared memory of every block; SHARES threads, each with its `share`, do it
    // together.
    template <int SHARES>
    static __device__ __forceinline__ void write(float *at, float value, int share) {
        if constexpr (COUNT > 1) {
#pragma unroll
            for (int i = 0; i < COUNT / SHARES; i++)
                v2s_cluster_write(at, value, share + i * SHARES);
        } else if (share == 0) {
            *at = value;
        }
    }
};

// A vector of N floats that S lanes read at once, each its own part of N / S: the parts lie apart
// by an odd number of pieces of 16 bytes (8 where a part has no whole number of them), so that the
// reads of a warp fall on different banks.
template <int N, int S> struct v2s_parts {
    static const int part = N / S;
    static const int width = part % 4 == 0 ? 4 : 2;
    static const int stride = part / width % 2 == 1 ? part : part + width;
    static const int size = S * stride;

    static __device__ __forceinline__ int at(int i) {
        return i / part * stride + i % part;
    }
};

// Whether the device can run `count` blocks of a kernel side by side; more than 8 have to be
// allowed first.
template <typename shape, typename... Params>
static bool v2s_gru_team_fits(void (*kernel)(Params...), int count) {
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = (unsigned)count;
    attribute.val.clusterDim.y = 1;
    attribute.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3((unsigned)count);
    config.blockDim = dim3((unsigned)shape::threads);
    config.dynamicSmemBytes = shape::shared_bytes;
    config.attrs = &attribute;
    config.numAttrs = 1;
    int clusters = 0;
    cudaError_t error = cudaSuccess;
    if (count > 8)
        error = cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
    if (error == cudaSuccess)
        error = cudaOccupancyMaxActiveClusters(&clusters, kernel, &config);
    if (error != cudaSuccess)
        cudaGetLastError(); // it only means no
    return error == cudaSuccess && clusters > 0;
}

// The two halves of the copy: a step reads one and writes the other.
template <int SIZE> struct v2s_gru_halves {
    const float *read; // where this thread reads
    float *write;      // and where it writes
    int flip = SIZE;

    __device__ __forceinline__ void turn() {
        read += flip;
        write -= flip;
        flip = -flip;
    }
};

// What steps need from device memory is copied ahead of them into a ring of DEPTH steps in shared
// memory: three steps are longer than a read takes. A step has SLOT floats, a power of 2.
enum { V2S_GRU_DEPTH = 4 };

template <int SLOT> struct v2s_gru_ring {
    static const int size = V2S_GRU_DEPTH * SLOT;
    float *slots;
    unsigned at = 0; // of the step that runs

    __device__ __forceinline__ float *coming() const {
        return slots + ((at + (V2S_GRU_DEPTH - 1) * SLOT) & (size - 1));
    }
    __device__ __forceinline__ void turn() {
        at = (at + SLOT) & (size - 1);
    }
};

#endif
