// SPDX-License-Identifier: MIT
// Cooperative groups: the cluster, the block, and tiles of a warp.
#ifndef V2S_EMULATION_COOPERATIVE_GROUPS_H
#define V2S_EMULATION_COOPERATIVE_GROUPS_H

#include "emulated_sync.h"

namespace cooperative_groups {

class cluster_group {
  public:
    class arrival_token {};
    static void sync(V2S_EMULATED_HERE) {
        v2s_emulated_cluster_arrive();
        v2s_emulated_cluster_wait(file, line);
    }
    static arrival_token barrier_arrive() {
        v2s_emulated_cluster_arrive();
        return arrival_token();
    }
    static void barrier_wait(V2S_EMULATED_HERE) {
        v2s_emulated_cluster_wait(file, line);
    }
    static void barrier_wait(arrival_token &&, V2S_EMULATED_HERE) {
        v2s_emulated_cluster_wait(file, line);
    }
    template <typename T> static T *map_shared_rank(T *pointer, int rank) {
        return (T *)v2s_emulated_cluster_map((const void *)pointer, (unsigned)rank);
    }
    static unsigned block_rank() {
        return v2s_emulated_cluster_rank();
    }
    static unsigned num_blocks() {
        return v2s_emulated_cluster_size();
    }
    static unsigned thread_rank() {
        unsigned in_block = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
        return block_rank() * blockDim.x * blockDim.y * blockDim.z + in_block;
    }
    static unsigned num_threads() {
        return num_blocks() * blockDim.x * blockDim.y * blockDim.z;
    }
};

static inline cluster_group this_cluster() {
    return cluster_group();
}

class thread_block {
  public:
    static void sync(V2S_EMULATED_HERE) {
        __syncthreads(file, line);
    }
    static unsigned thread_rank() {
        return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    }
    static unsigned num_threads() {
        return blockDim.x * blockDim.y * blockDim.z;
    }
    static unsigned size() {
        return num_threads();
    }
};

static inline thread_block this_thread_block() {
    return thread_block();
}

// `Size` neighbouring lanes of a warp: 1, 2, 4, 8, 16 or 32.
template <unsigned Size> class thread_block_tile {
    static_assert(Size > 0 && Size <= 32 && (Size & (Size - 1)) == 0, "a power of 2 up to 32");
    static unsigned mask() {
        unsigned first = thread_block::thread_rank() % 32 / Size * Size;
        return (unsigned)((((uint64_t)1 << Size) - 1) << first);
    }

  public:
    static unsigned thread_rank() {
        return thread_block::thread_rank() % Size;
    }
    static unsigned meta_group_rank() {
        return thread_block::thread_rank() / Size;
    }
    static constexpr unsigned size() {
        return Size;
    }
    static void sync(V2S_EMULATED_HERE) {
        __syncwarp(mask(), file, line);
    }
    template <typename T> static T shfl(T value, int lane, V2S_EMULATED_HERE) {
        return __shfl_sync(mask(), value, lane, (int)Size, file, line);
    }
    template <typename T> static T shfl_up(T value, unsigned delta, V2S_EMULATED_HERE) {
        return __shfl_up_sync(mask(), value, delta, (int)Size, file, line);
    }
    template <typename T> static T shfl_down(T value, unsigned delta, V2S_EMULATED_HERE) {
        return __shfl_down_sync(mask(), value, delta, (int)Size, file, line);
    }
    template <typename T> static T shfl_xor(T value, int lanes, V2S_EMULATED_HERE) {
        return __shfl_xor_sync(mask(), value, lanes, (int)Size, file, line);
    }
};

template <unsigned Size> static inline thread_block_tile<Size> tiled_partition(thread_block) {
    return thread_block_tile<Size>();
}

} // namespace cooperative_groups

#endif
