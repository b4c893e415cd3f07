// SPDX-License-Identifier: MIT
// The CUDA runtime and the CUDA language for the processor (../README.md): found before NVIDIA's
// header of the same name, it lets g++ compile a .cu file as C++.
//
// A kernel is a plain function; cudaLaunchKernelEx keeps its arguments by value and queues it.
#ifndef V2S_EMULATION_CUDA_RUNTIME_H
#define V2S_EMULATION_CUDA_RUNTIME_H

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cuda_runtime_api.h"
#include "emulated_math.h"
#include "emulated_memory.h"
#include "emulated_sync.h"

#define __global__
#define __device__ __attribute__((unused))
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __cluster_dims__(...)
#define __align__(n) __attribute__((aligned(n)))
// Blocks without a cluster run one after another, so one copy is enough. All such variables lie
// together, and are NaN when a block begins.
#define __shared__ static __attribute__((section("v2s_shared")))

// Checks and queues a launch; `thread` is what one thread runs.
cudaError_t v2s_emulated_launch(const cudaLaunchConfig_t *config, const void *kernel,
                                size_t parameter_bytes, std::function<void()> thread);

template <typename... Expected, typename... Actual>
static inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config,
                                             void (*kernel)(Expected...), Actual &&...args) {
    typedef std::tuple<std::decay_t<Expected>...> values;
    return [&](Expected... converted) {
        values kept(converted...);
        return v2s_emulated_launch(config, (const void *)kernel, sizeof(values),
                                   [kernel, kept]() { std::apply(kernel, kept); });
    }(std::forward<Actual>(args)...);
}

template <typename T> static inline cudaError_t cudaMalloc(T **pointer, size_t size) {
    return cudaMalloc((void **)pointer, size);
}
template <typename T>
static inline cudaError_t cudaMallocHost(T **pointer, size_t size, unsigned int flags = 0) {
    return cudaHostAlloc((void **)pointer, size, flags);
}
template <typename T>
static inline cudaError_t cudaHostAlloc(T **pointer, size_t size, unsigned int flags) {
    return cudaHostAlloc((void **)pointer, size, flags);
}
template <typename T>
static inline cudaError_t cudaFuncSetAttribute(T *function, enum cudaFuncAttribute attr,
                                               int value) {
    return cudaFuncSetAttribute((const void *)function, attr, value);
}
template <typename T>
static inline cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes,
                                                T *function) {
    return cudaFuncGetAttributes(attributes, (const void *)function);
}
template <typename T>
static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, T function,
                                                                        int block_size,
                                                                        size_t shared_bytes) {
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, (const void *)function, block_size,
                                                         shared_bytes);
}
template <typename T>
static inline cudaError_t cudaOccupancyMaxActiveClusters(int *clusters, T function,
                                                         const cudaLaunchConfig_t *config) {
    return cudaOccupancyMaxActiveClusters(clusters, (const void *)function, config);
}

// __constant__ and __device__ variables are ordinary variables here.
cudaError_t v2s_emulated_copy_symbol(void *symbol, size_t symbol_size, const void *src,
                                     size_t count, size_t offset, cudaStream_t stream, bool wait);
template <typename T>
static inline cudaError_t cudaMemcpyToSymbol(T &symbol, const void *src, size_t count,
                                             size_t offset = 0,
                                             enum cudaMemcpyKind = cudaMemcpyHostToDevice) {
    return v2s_emulated_copy_symbol((void *)&symbol, sizeof(T), src, count, offset, 0, true);
}
template <typename T>
static inline cudaError_t cudaMemcpyToSymbolAsync(T &symbol, const void *src, size_t count,
                                                  size_t offset, enum cudaMemcpyKind,
                                                  cudaStream_t stream = 0) {
    return v2s_emulated_copy_symbol((void *)&symbol, sizeof(T), src, count, offset, stream, false);
}

#endif
