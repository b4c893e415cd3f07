// SPDX-License-Identifier: MIT
// What device code asks of the emulated device: who am I, barriers, warp exchanges, shared memory,
// clusters, asynchronous copies (../README.md). The functions with v2s_ in front are the
// emulation's own (../block.cpp, ../warp.cpp, ../cluster.cpp); the others are CUDA's.
//
// Every wait takes the line that it stands on: threads that meet at one barrier from two lines are
// reported, although a device may let that pass.
#ifndef V2S_EMULATION_EMULATED_SYNC_H
#define V2S_EMULATION_EMULATED_SYNC_H

#include <stdint.h>
#include <string.h>

#include "vector_types.h"

#define V2S_EMULATED_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

#pragma GCC visibility push(hidden)

// Of the thread that runs at the moment.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

enum v2s_emulated_vote {
    V2S_EMULATED_NONE,
    V2S_EMULATED_COUNT,
    V2S_EMULATED_AND,
    V2S_EMULATED_OR,
    V2S_EMULATED_BALLOT,
    V2S_EMULATED_SHFL,
    V2S_EMULATED_SHFL_UP,
    V2S_EMULATED_SHFL_DOWN,
    V2S_EMULATED_SHFL_XOR
};

int v2s_emulated_barrier(v2s_emulated_vote vote, int predicate, const char *file, int line);
uint64_t v2s_emulated_warp(v2s_emulated_vote op, unsigned mask, uint64_t value, int operand,
                           int width, const char *file, int line);
void *v2s_emulated_shared(void);
void v2s_emulated_yield(void);

void v2s_emulated_cluster_arrive(void);
void v2s_emulated_cluster_wait(const char *file, int line);
unsigned v2s_emulated_cluster_rank(void);
unsigned v2s_emulated_cluster_size(void);
void *v2s_emulated_cluster_map(const void *pointer, unsigned rank);

void v2s_emulated_pipeline_copy(void *shared, const void *global, size_t size, size_t zfill);
void v2s_emulated_pipeline_commit(void);
void v2s_emulated_pipeline_wait(unsigned prior);

#pragma GCC visibility pop

// A block's dynamic shared memory: `name` points at as many bytes as the launch asked for.
#define V2S_DYNAMIC_SHARED(type, name) type *name = (type *)v2s_emulated_shared()

static inline void __syncthreads(V2S_EMULATED_HERE) {
    v2s_emulated_barrier(V2S_EMULATED_NONE, 0, file, line);
}
static inline int __syncthreads_count(int predicate, V2S_EMULATED_HERE) {
    return v2s_emulated_barrier(V2S_EMULATED_COUNT, predicate, file, line);
}
static inline int __syncthreads_and(int predicate, V2S_EMULATED_HERE) {
    return v2s_emulated_barrier(V2S_EMULATED_AND, predicate, file, line);
}
static inline int __syncthreads_or(int predicate, V2S_EMULATED_HERE) {
    return v2s_emulated_barrier(V2S_EMULATED_OR, predicate, file, line);
}

static inline void __syncwarp(unsigned mask = 0xffffffffu, V2S_EMULATED_HERE) {
    v2s_emulated_warp(V2S_EMULATED_NONE, mask, 0, 0, 32, file, line);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate, V2S_EMULATED_HERE) {
    return (unsigned)v2s_emulated_warp(V2S_EMULATED_BALLOT, mask, predicate != 0, 0, 32, file,
                                       line);
}
static inline int __any_sync(unsigned mask, int predicate, V2S_EMULATED_HERE) {
    return (int)v2s_emulated_warp(V2S_EMULATED_OR, mask, predicate != 0, 0, 32, file, line);
}
static inline int __all_sync(unsigned mask, int predicate, V2S_EMULATED_HERE) {
    return (int)v2s_emulated_warp(V2S_EMULATED_AND, mask, predicate != 0, 0, 32, file, line);
}

template <typename T>
static inline T v2s_emulated_exchange(v2s_emulated_vote op, unsigned mask, T value, int operand,
                                      int width, const char *file, int line) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle takes 4 or 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    bits = v2s_emulated_warp(op, mask, bits, operand, width, file, line);
    memcpy(&value, &bits, sizeof(T));
    return value;
}
template <typename T>
static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, V2S_EMULATED_HERE) {
    return v2s_emulated_exchange(V2S_EMULATED_SHFL, mask, value, lane, width, file, line);
}
template <typename T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                               V2S_EMULATED_HERE) {
    return v2s_emulated_exchange(V2S_EMULATED_SHFL_UP, mask, value, (int)delta, width, file, line);
}
template <typename T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                                 V2S_EMULATED_HERE) {
    return v2s_emulated_exchange(V2S_EMULATED_SHFL_DOWN, mask, value, (int)delta, width, file,
                                 line);
}
template <typename T>
static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32,
                                V2S_EMULATED_HERE) {
    return v2s_emulated_exchange(V2S_EMULATED_SHFL_XOR, mask, value, lanes, width, file, line);
}

// Threads run one at a time and change only where they wait, so fences have nothing to do.
static inline void __threadfence(void) {
}
static inline void __threadfence_block(void) {
}
static inline void __threadfence_system(void) {
}
static inline void __nanosleep(unsigned) {
    v2s_emulated_yield();
}

#endif
