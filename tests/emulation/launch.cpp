// SPDX-License-Identifier: MIT
// Launches: what is checked before one is queued, and what a function may be allowed.
#include <map>
#include <string.h>

#include "cuda_runtime.h"
#include "device_limits.h"
#include "emulation.h"

namespace v2s_emulation {

struct allowance {
    size_t shared_bytes = DEFAULT_SHARED_BYTES;
    bool large_clusters = false;
};

static allowance &allowed(const void *function) {
    static auto *known = new std::map<const void *, allowance>;
    return (*known)[function];
}

// The cluster that a configuration asks for; 1 x 1 x 1 where it asks for none.
static dim3 cluster_of(const cudaLaunchConfig_t *config) {
    for (unsigned i = 0; i < config->numAttrs; i++)
        if (config->attrs[i].id == cudaLaunchAttributeClusterDimension) {
            const auto &c = config->attrs[i].val.clusterDim;
            return dim3(c.x, c.y, c.z);
        }
    return dim3(1, 1, 1);
}

static cudaError_t check_cluster(const cudaLaunchConfig_t *config, const void *function) {
    dim3 c = cluster_of(config);
    const dim3 &grid = config->gridDim;
    size_t size = (size_t)c.x * c.y * c.z;
    if (size == 1)
        return cudaSuccess;
    if (capability() < 90)
        return cudaErrorNotSupported;
    if (size == 0 || grid.x % c.x || grid.y % c.y || grid.z % c.z)
        return cudaErrorInvalidClusterSize;
    size_t limit = allowed(function).large_clusters ? MAX_CLUSTER : PORTABLE_CLUSTER;
    return size <= limit ? cudaSuccess : cudaErrorInvalidClusterSize;
}

static cudaError_t check(const cudaLaunchConfig_t *config, const void *function,
                         size_t parameter_bytes) {
    if (device_ready() != cudaSuccess)
        return device_ready();
    const dim3 &grid = config->gridDim, &block = config->blockDim;
    size_t threads = (size_t)block.x * block.y * block.z;
    if (!grid.x || !grid.y || !grid.z || grid.x > (unsigned)MAX_GRID_X || grid.y > MAX_GRID_YZ ||
        grid.z > MAX_GRID_YZ)
        return cudaErrorInvalidConfiguration;
    if (threads == 0 || threads > MAX_BLOCK_THREADS || block.z > MAX_BLOCK_DEPTH)
        return cudaErrorInvalidConfiguration;
    if (config->dynamicSmemBytes > allowed(function).shared_bytes)
        return cudaErrorInvalidValue;
    if (parameter_bytes > MAX_PARAMETER_BYTES)
        return cudaErrorInvalidValue;
    for (unsigned i = 0; i < config->numAttrs; i++)
        if (config->attrs[i].id == cudaLaunchAttributeCooperative &&
            config->attrs[i].val.cooperative)
            return cudaErrorNotSupported;
    return check_cluster(config, function);
}

// How many blocks of such a shape one multiprocessor holds.
static int blocks_per_multiprocessor(size_t threads, size_t shared_bytes) {
    if (threads == 0 || threads > MAX_BLOCK_THREADS || shared_bytes > shared_limit())
        return 0;
    size_t by_threads = MAX_SM_THREADS / ((threads + 31) / 32 * 32);
    size_t by_shared =
        (shared_limit() + RESERVED_SHARED_BYTES) / (shared_bytes + RESERVED_SHARED_BYTES);
    size_t blocks = by_threads < by_shared ? by_threads : by_shared;
    return blocks < MAX_SM_BLOCKS ? (int)blocks : MAX_SM_BLOCKS;
}

} // namespace v2s_emulation

using namespace v2s_emulation;

cudaError_t v2s_emulated_launch(const cudaLaunchConfig_t *config, const void *kernel,
                                size_t parameter_bytes, std::function<void()> thread) {
    locked guard;
    cudaError_t error = check(config, kernel, parameter_bytes);
    if (error != cudaSuccess)
        return keep(error);
    launch work = {kernel,
                   config->gridDim,
                   config->blockDim,
                   cluster_of(config),
                   config->dynamicSmemBytes,
                   std::move(thread)};
    return keep(enqueue(config->stream, [work]() { run_grid(work); }));
}

cudaError_t cudaFuncSetAttribute(const void *function, enum cudaFuncAttribute attr, int value) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    if (!function)
        return keep(cudaErrorInvalidDeviceFunction);
    switch (attr) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize:
        if (value < 0 || (size_t)value > shared_limit())
            return keep(cudaErrorInvalidValue);
        allowed(function).shared_bytes = (size_t)value;
        return cudaSuccess;
    case cudaFuncAttributeNonPortableClusterSizeAllowed:
        allowed(function).large_clusters = value != 0;
        return cudaSuccess;
    case cudaFuncAttributePreferredSharedMemoryCarveout:
        return cudaSuccess;
    }
    return keep(cudaErrorInvalidValue);
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes, const void *function) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    memset(attributes, 0, sizeof *attributes);
    attributes->maxThreadsPerBlock = MAX_BLOCK_THREADS;
    attributes->numRegs = 32;
    attributes->ptxVersion = attributes->binaryVersion = capability();
    attributes->maxDynamicSharedSizeBytes = (int)allowed(function).shared_bytes;
    attributes->nonPortableClusterSizeAllowed = allowed(function).large_clusters;
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *function,
                                                          int block_size, size_t shared_bytes) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    if (!function || block_size <= 0)
        return keep(cudaErrorInvalidValue);
    *blocks = blocks_per_multiprocessor((size_t)block_size, shared_bytes);
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveClusters(int *clusters, const void *function,
                                           const cudaLaunchConfig_t *config) {
    locked guard;
    cudaError_t error = check(config, function, 0);
    if (error != cudaSuccess)
        return keep(error);
    dim3 c = cluster_of(config), b = config->blockDim;
    int size = (int)(c.x * c.y * c.z);
    int each = blocks_per_multiprocessor((size_t)b.x * b.y * b.z, config->dynamicSmemBytes);
    *clusters = multiprocessors() / GPC_MULTIPROCESSORS * (GPC_MULTIPROCESSORS * each / size);
    return cudaSuccess;
}
