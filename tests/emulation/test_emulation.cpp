// SPDX-License-Identifier: MIT
// The emulated device runs correct kernels correctly, and catches incorrect ones.
#include <cooperative_groups.h>
#include <criterion/criterion.h>
#include <cuda_bf16.h>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <vector>

namespace cg = cooperative_groups;

static cudaLaunchConfig_t shape(unsigned blocks, unsigned threads, size_t shared = 0) {
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(blocks);
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = shared;
    return config;
}

template <typename T> static T *device(const std::vector<T> &host) {
    T *pointer = nullptr;
    cr_assert_eq(cudaMalloc(&pointer, host.size() * sizeof(T)), cudaSuccess);
    cr_assert_eq(cudaMemcpy(pointer, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice),
                 cudaSuccess);
    return pointer;
}

template <typename T> static std::vector<T> host(const T *pointer, size_t count) {
    std::vector<T> copy(count);
    cr_assert_eq(cudaMemcpy(copy.data(), pointer, count * sizeof(T), cudaMemcpyDeviceToHost),
                 cudaSuccess);
    return copy;
}

// ---- correct kernels

// Sum of n numbers per block: shuffles in the warps, shared memory and a barrier between them.
static __global__ void __launch_bounds__(256) sum_rows(const float *x, float *y, int n) {
    __shared__ float partial[8];
    float sum = 0.0f;
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x)
        sum += x[(size_t)blockIdx.x * n + i];
    for (int offset = 16; offset > 0; offset /= 2)
        sum += __shfl_down_sync(0xffffffffu, sum, offset);
    if (threadIdx.x % 32 == 0)
        partial[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        float all = 0.0f;
        for (unsigned w = 0; w < blockDim.x / 32; w++)
            all += partial[w];
        y[blockIdx.x] = all;
    }
}

Test(emulation, a_block_reduces_with_shuffles_and_a_barrier) {
    const int rows = 5, n = 1000;
    std::vector<float> x((size_t)rows * n), zero((size_t)rows);
    for (size_t i = 0; i < x.size(); i++)
        x[i] = (float)(i % 17);
    float *dx = device(x), *dy = device(zero);
    cudaLaunchConfig_t config = shape(rows, 256);
    cr_assert_eq(cudaLaunchKernelEx(&config, sum_rows, (const float *)dx, dy, n), cudaSuccess);
    std::vector<float> y = host(dy, rows);
    for (int r = 0; r < rows; r++) {
        float expected = 0.0f;
        for (int i = 0; i < n; i++)
            expected += x[(size_t)r * n + i];
        cr_expect_eq(y[(size_t)r], expected, "row %d: %g, not %g", r, y[(size_t)r], expected);
    }
}

static __global__ void warp_words(unsigned *out) {
    unsigned lane = threadIdx.x;
    out[lane] = __ballot_sync(0xffffffffu, lane % 3 == 0);
    out[32 + lane] = __shfl_xor_sync(0xffffffffu, lane, 5);
    out[64 + lane] = __shfl_up_sync(0xffffffffu, lane, 3, 8);
    out[96 + lane] = __shfl_down_sync(0xffffffffu, lane, 3, 8);
    out[128 + lane] = (unsigned)__shfl_sync(0xffffffffu, (double)lane, 9, 8);
    out[160 + lane] =
        (unsigned)(__any_sync(0xffffffffu, lane == 7) * 2 + __all_sync(0xffffffffu, lane != 7));
    if (lane < 16)
        out[192 + lane] = __shfl_xor_sync(0x0000ffffu, lane, 1);
    else
        out[192 + lane] = __shfl_xor_sync(0xffff0000u, lane, 2);
}

Test(emulation, warp_operations_follow_their_documentation) {
    unsigned *d = device(std::vector<unsigned>(224));
    cudaLaunchConfig_t config = shape(1, 32);
    cr_assert_eq(cudaLaunchKernelEx(&config, warp_words, d), cudaSuccess);
    std::vector<unsigned> out = host(d, 224);
    for (unsigned lane = 0; lane < 32; lane++) {
        unsigned in = lane % 8;
        cr_expect_eq(out[lane], 0x49249249u);
        cr_expect_eq(out[32 + lane], lane ^ 5);
        cr_expect_eq(out[64 + lane], in >= 3 ? lane - 3 : lane);
        cr_expect_eq(out[96 + lane], in + 3 < 8 ? lane + 3 : lane);
        cr_expect_eq(out[128 + lane], lane / 8 * 8 + 1);
        cr_expect_eq(out[160 + lane], 2u);
        cr_expect_eq(out[192 + lane], lane < 16 ? lane ^ 1 : lane ^ 2);
    }
}

static __global__ void votes(int *out) {
    int count = __syncthreads_count((int)threadIdx.x < 10);
    int any = __syncthreads_or(threadIdx.x == 99);
    int all = __syncthreads_and(threadIdx.x != 99);
    if (threadIdx.x == 0) {
        out[0] = count;
        out[1] = any != 0;
        out[2] = all != 0;
    }
}

Test(emulation, barriers_vote) {
    int *d = device(std::vector<int>(3));
    cudaLaunchConfig_t config = shape(1, 100);
    cr_assert_eq(cudaLaunchKernelEx(&config, votes, d), cudaSuccess);
    std::vector<int> out = host(d, 3);
    cr_expect(out[0] == 10 && out[1] == 1 && out[2] == 0);
}

// Threads that have left are not waited for.
static __global__ void early_leavers(int *out, int n) {
    if ((int)threadIdx.x >= n)
        return;
    V2S_DYNAMIC_SHARED(int, shared);
    shared[threadIdx.x] = (int)threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = shared[n - 1 - (int)threadIdx.x];
}

Test(emulation, a_barrier_counts_the_threads_that_are_left) {
    int *d = device(std::vector<int>(70));
    cudaLaunchConfig_t config = shape(1, 96, 70 * sizeof(int));
    cr_assert_eq(cudaLaunchKernelEx(&config, early_leavers, d, 70), cudaSuccess);
    std::vector<int> out = host(d, 70);
    for (int i = 0; i < 70; i++)
        cr_expect_eq(out[(size_t)i], 69 - i);
}

// Every block of a cluster hands its rank to its right neighbour, several times.
static __global__ void ring(int *out, int rounds) {
    V2S_DYNAMIC_SHARED(int, box);
    cg::cluster_group cluster = cg::this_cluster();
    unsigned rank = cluster.block_rank(), count = cluster.num_blocks();
    box[threadIdx.x] = (int)(rank * 100 + threadIdx.x);
    cluster.sync();
    for (int r = 0; r < rounds; r++) {
        int mine = box[threadIdx.x];
        cluster.barrier_arrive();
        cluster.barrier_wait();
        cluster.map_shared_rank(box, (int)((rank + 1) % count))[threadIdx.x] = mine;
        cluster.sync();
    }
    out[blockIdx.x * blockDim.x + threadIdx.x] = box[threadIdx.x];
}

static cudaError_t launch_cluster(void (*kernel)(int *, int), unsigned clusters, unsigned size,
                                  size_t shared, int *out, int value) {
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = size;
    attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = shape(clusters * size, 64, shared);
    config.attrs = &attribute;
    config.numAttrs = 1;
    return cudaLaunchKernelEx(&config, kernel, out, value);
}

Test(emulation, blocks_of_a_cluster_exchange_shared_memory) {
    const unsigned clusters = 3, size = 4;
    int *d = device(std::vector<int>(clusters * size * 64));
    cr_assert_eq(launch_cluster(ring, clusters, size, 64 * sizeof(int), d, 5), cudaSuccess);
    std::vector<int> out = host(d, clusters * size * 64);
    for (unsigned b = 0; b < clusters * size; b++)
        for (unsigned t = 0; t < 64; t++)
            cr_expect_eq(out[b * 64 + t], (int)((b % size + 8 - 5) % size * 100 + t));
}

static __global__ void pipelined(const float *x, float *y, int wait) {
    V2S_DYNAMIC_SHARED(float, tile);
    unsigned t = threadIdx.x;
    tile[t] = -1.0f;
    __pipeline_memcpy_async(&tile[t], &x[t], sizeof(float));
    __pipeline_commit();
    __pipeline_memcpy_async(&tile[blockDim.x + t], &x[blockDim.x + t], sizeof(float));
    __pipeline_commit();
    if (wait)
        __pipeline_wait_prior(1);
    y[t] = tile[t];
}

Test(emulation, an_asynchronous_copy_arrives_when_it_is_waited_for) {
    std::vector<float> x(64);
    for (size_t i = 0; i < x.size(); i++)
        x[i] = (float)i;
    float *dx = device(x), *dy = device(std::vector<float>(32));
    cudaLaunchConfig_t config = shape(1, 32, 64 * sizeof(float));
    for (int wait = 0; wait < 2; wait++) {
        cr_assert_eq(cudaLaunchKernelEx(&config, pipelined, (const float *)dx, dy, wait),
                     cudaSuccess);
        std::vector<float> y = host(dy, 32);
        for (size_t i = 0; i < y.size(); i++)
            cr_expect_eq(y[i], wait ? (float)i : -1.0f);
    }
}

Test(emulation, bfloat16_rounds_to_nearest_even) {
    cr_expect_eq(__bfloat16_as_ushort(__float2bfloat16(1.0f)), 0x3f80);
    cr_expect_eq(__bfloat16_as_ushort(__float2bfloat16(__uint_as_float(0x3f808000u))), 0x3f80);
    cr_expect_eq(__bfloat16_as_ushort(__float2bfloat16(__uint_as_float(0x3f818000u))), 0x3f82);
    cr_expect_eq(__bfloat16_as_ushort(__float2bfloat16(__uint_as_float(0x3f808001u))), 0x3f81);
    cr_expect_eq(__bfloat162float(__float2bfloat16(-2.5f)), -2.5f);
}

// ---- incorrect kernels

// A barrier is missing: a thread reads what the next one has not written yet.
static __global__ void racy(float *y) {
    V2S_DYNAMIC_SHARED(float, shared);
    shared[threadIdx.x] = 1.0f;
    y[threadIdx.x] = shared[(threadIdx.x + 1) % blockDim.x];
}

Test(emulation, a_missing_barrier_gives_wrong_results) {
    float *d = device(std::vector<float>(64));
    cudaLaunchConfig_t config = shape(1, 64, 64 * sizeof(float));
    cr_assert_eq(cudaLaunchKernelEx(&config, racy, d), cudaSuccess);
    std::vector<float> y = host(d, 64);
    int wrong = 0;
    for (float v : y)
        wrong += !(v == 1.0f);
    cr_expect_gt(wrong, 0);
}

static __global__ void unset_shared(float *y) {
    __shared__ float value[2];
    if (y[0] == (float)blockIdx.x)
        value[1] = 1.0f;
    y[1 + blockIdx.x] = value[1];
}

Test(emulation, shared_variables_begin_as_nan_in_every_block) {
    float *d = device(std::vector<float>(3));
    cudaLaunchConfig_t config = shape(2, 1);
    cr_assert_eq(cudaLaunchKernelEx(&config, unset_shared, d), cudaSuccess);
    std::vector<float> y = host(d, 3);
    cr_expect_eq(y[1], 1.0f);
    cr_expect(y[2] != y[2]);
}

static __global__ void shared_in_a_cluster(int *out, int) {
    __shared__ int value[2];
    value[threadIdx.x % 2] = out[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = value[1];
}

Test(emulation, shared_variables_in_a_cluster_abort, .signal = SIGABRT) {
    int *d = device(std::vector<int>(64));
    launch_cluster(shared_in_a_cluster, 1, 2, 0, d, 0);
    cudaDeviceSynchronize();
}

static __global__ void divergent(int *out) {
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
    out[threadIdx.x] = 1;
}

Test(emulation, a_divergent_barrier_aborts, .signal = SIGABRT) {
    int *d = device(std::vector<int>(64));
    cudaLaunchConfig_t config = shape(1, 64);
    cudaLaunchKernelEx(&config, divergent, d);
    cudaDeviceSynchronize();
}

static __global__ void deadlock(int *out) {
    if (threadIdx.x == 5)
        __syncthreads();
    else
        out[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 0);
}

Test(emulation, a_deadlock_aborts, .signal = SIGABRT) {
    int *d = device(std::vector<int>(32));
    cudaLaunchConfig_t config = shape(1, 32);
    cudaLaunchKernelEx(&config, deadlock, d);
    cudaDeviceSynchronize();
}

static __global__ void beyond_shared(int *out) {
    V2S_DYNAMIC_SHARED(unsigned char, shared);
    shared[101] = (unsigned char)out[0];
}

Test(emulation, a_write_beyond_shared_memory_aborts, .signal = SIGABRT) {
    int *d = device(std::vector<int>(1));
    cudaLaunchConfig_t config = shape(1, 1, 101);
    cudaLaunchKernelEx(&config, beyond_shared, d);
    cudaDeviceSynchronize();
}

static __global__ void beyond_global(int *out, int index) {
    out[index] = 1;
}

Test(emulation, a_write_beyond_device_memory_aborts, .signal = SIGABRT) {
    int *d = device(std::vector<int>(10));
    cudaLaunchConfig_t config = shape(1, 1);
    cudaLaunchKernelEx(&config, beyond_global, d, 10);
    cudaDeviceSynchronize();
}

#ifndef __SANITIZE_ADDRESS__ // which ends the process in its own way
Test(emulation, a_write_far_beyond_device_memory_crashes, .signal = SIGSEGV) {
    int *d = device(std::vector<int>(10));
    cudaLaunchConfig_t config = shape(1, 1);
    cudaLaunchKernelEx(&config, beyond_global, d, 64);
    cudaDeviceSynchronize();
}

Test(emulation, the_host_cannot_touch_device_memory, .signal = SIGSEGV) {
    volatile int *d = device(std::vector<int>(10));
    cr_log_info("%d", d[0]);
}
#endif

// The last barrier is missing: the neighbour may have left.
static __global__ void leaves_early(int *out, int) {
    V2S_DYNAMIC_SHARED(int, box);
    cg::cluster_group cluster = cg::this_cluster();
    box[threadIdx.x] = 7;
    cluster.sync();
    unsigned other = cluster.block_rank() ^ 1;
    out[blockIdx.x * blockDim.x + threadIdx.x] =
        cluster.map_shared_rank(box, (int)other)[threadIdx.x];
}

Test(emulation, reading_a_block_that_has_ended_gives_nothing) {
    int *d = device(std::vector<int>(128));
    cr_assert_eq(launch_cluster(leaves_early, 1, 2, 64 * sizeof(int), d, 0), cudaSuccess);
    std::vector<int> out = host(d, 128);
    int lost = 0;
    for (int v : out)
        lost += v == -1;
    cr_expect_gt(lost, 0);
}

// The first barrier is missing: the neighbour may not have begun.
static __global__ void writes_early(int *out, int) {
    V2S_DYNAMIC_SHARED(int, box);
    cg::cluster_group cluster = cg::this_cluster();
    cluster.map_shared_rank(box, (int)(cluster.block_rank() ^ 1))[threadIdx.x] = 7;
    cluster.sync();
    out[blockIdx.x * blockDim.x + threadIdx.x] = box[threadIdx.x];
}

Test(emulation, writing_to_a_block_that_has_not_begun_is_lost) {
    int *d = device(std::vector<int>(128));
    cr_assert_eq(launch_cluster(writes_early, 1, 2, 64 * sizeof(int), d, 0), cudaSuccess);
    std::vector<int> out = host(d, 128);
    cr_expect_eq(out[0] + out[64], 7 - 1); // one of them began too late
}

// ---- launches that a device refuses

Test(emulation, a_launch_that_does_not_fit_is_refused) {
    cudaLaunchConfig_t config = shape(1, 1025);
    cr_expect_eq(cudaLaunchKernelEx(&config, racy, (float *)nullptr),
                 cudaErrorInvalidConfiguration);
    cr_expect_eq(cudaGetLastError(), cudaErrorInvalidConfiguration);
    cr_expect_eq(cudaGetLastError(), cudaSuccess);
    config = shape(0, 32);
    cr_expect_eq(cudaLaunchKernelEx(&config, racy, (float *)nullptr),
                 cudaErrorInvalidConfiguration);
    config = shape(1, 32);
    config.gridDim.y = 65536;
    cr_expect_eq(cudaLaunchKernelEx(&config, racy, (float *)nullptr),
                 cudaErrorInvalidConfiguration);
    config = shape(1, 32, 100 << 10);
    cr_expect_eq(cudaLaunchKernelEx(&config, racy, (float *)nullptr), cudaErrorInvalidValue);
    cr_expect_eq(cudaFuncSetAttribute(racy, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 << 10),
                 cudaErrorInvalidValue);
    cr_expect_eq(cudaFuncSetAttribute(racy, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 << 10),
                 cudaSuccess);
    float *d = device(std::vector<float>(32));
    cr_expect_eq(cudaLaunchKernelEx(&config, racy, d), cudaSuccess);
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess);
}

Test(emulation, a_large_cluster_has_to_be_allowed) {
    int *d = device(std::vector<int>(16 * 64));
    cr_expect_eq(launch_cluster(ring, 1, 16, 256, d, 1), cudaErrorInvalidClusterSize);
    cr_expect_eq(cudaFuncSetAttribute(ring, cudaFuncAttributeNonPortableClusterSizeAllowed, 1),
                 cudaSuccess);
    cr_expect_eq(launch_cluster(ring, 1, 16, 256, d, 1), cudaSuccess);
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess);
}
