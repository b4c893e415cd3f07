// SPDX-License-Identifier: MIT
// What every .cu of the CUDA module shares: the device's state, launches, failures, products.
//
// Rules. An operation's .cu holds kernels and the extern "C" functions that launch them, declared
// in kernels/ops_cuda.h. Kernels are launched by v2s_launch only, on the device's one stream. Every
// kernel checks its bounds; block sizes are named constants. Sums have a fixed order: no float
// atomics, so two runs agree bit for bit. What a block shares is V2S_DYNAMIC_SHARED, or __shared__
// in kernels without clusters. Nothing here throws, allocates during an operation, or waits.
//
// The same sources are compiled for the processor by tests/emulation (V2S_EMULATION).
#ifndef V2S_KERNELS_CUDA_CUH
#define V2S_KERNELS_CUDA_CUH

#include <cuda_runtime.h>
#include <math.h> // before the C headers below, which are C to a C++ compiler too
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include "kernels/ops_cuda.h"
}

#ifndef V2S_EMULATION
#define V2S_DYNAMIC_SHARED(type, name)                                                             \
    extern __shared__ __align__(16) unsigned char v2s_dynamic_shared[];                            \
    type *name = reinterpret_cast<type *>(v2s_dynamic_shared)
#endif

// One opened device.
struct v2s_cuda_state {
    int index;
    int capability;      // 90 for 9.0
    int multiprocessors; // SMs
    size_t memory;       // bytes
    cudaStream_t stream; // the one order of work
    cudaEvent_t marks[V2S_MARKS];
    bool marked[V2S_MARKS];
    pthread_mutex_t turn;
    void *blas;                      // cublasHandle_t
    void *blas_workspace;            // so that recordings take nothing
    void *dnn;                       // cudnnHandle_t; NULL until it is needed
    void *group;                     // ncclComm_t; NULL for one process
    struct v2s_gru_state *gru;       // kernels/gru_cuda.cuh
    const char *gru_kind;            // which kernels the last GRU ran: "persistent", "cuDNN", ...
    char kernels[192];               // the sentence about it
    struct v2s_conv2d_state *conv2d; // kernels/conv2d_cuda.cuh
    // the first failure since the last synchronize
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
};

// Keeps a failure for synchronize; `what` names the operation. Later ones are dropped.
void v2s_cuda_note(const v2s_device *dev, const char *what, cudaError_t error);
void v2s_cuda_note_text(const v2s_device *dev, v2s_status status, const char *text);

// Leaves the group of processes (kernels/group.h), if it has joined one.
void v2s_cuda_group_close(v2s_cuda_state *state);

// The status of a call that is not queued; the sentence names `what`.
v2s_status v2s_cuda_status(const char *what, cudaError_t error);

// NOMEM, after an allocation of `bytes` for `what` has failed; says how much there is.
v2s_status v2s_cuda_no_memory(const char *what, size_t bytes);

static inline cudaStream_t v2s_stream(const v2s_device *dev) {
    return dev->cuda->stream;
}

// Queues kernel<<<grid, block, shared bytes>>>(args...). An empty grid is nothing to do.
template <typename... Params, typename... Args>
static void v2s_launch(const v2s_device *dev, const char *what, void (*kernel)(Params...),
                       dim3 grid, int block, size_t shared, Args... args) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0)
        return;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = dim3((unsigned)block);
    config.dynamicSmemBytes = shared;
    config.stream = dev->cuda->stream;
    v2s_cuda_note(dev, what, cudaLaunchKernelEx(&config, kernel, args...));
}

// The same with `cluster` blocks of grid.x side by side (capability 9.0 on).
template <typename... Params, typename... Args>
static void v2s_launch_cluster(const v2s_device *dev, const char *what, void (*kernel)(Params...),
                               dim3 grid, int cluster, int block, size_t shared, Args... args) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0)
        return;
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = (unsigned)cluster;
    attribute.val.clusterDim.y = 1;
    attribute.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = dim3((unsigned)block);
    config.dynamicSmemBytes = shared;
    config.stream = dev->cuda->stream;
    config.attrs = &attribute;
    config.numAttrs = 1;
    v2s_cuda_note(dev, what, cudaLaunchKernelEx(&config, kernel, args...));
}

// Blocks of `block` threads that cover count items, one each.
static inline dim3 v2s_blocks(size_t count, int block) {
    return dim3((unsigned)((count + (size_t)block - 1) / (size_t)block));
}

// Threads of an element-wise kernel: enough loads under way, and whole warps everywhere.
enum { V2S_CUDA_BLOCK = 256 };

// This thread's item of a one-dimensional grid.
static __device__ __forceinline__ size_t v2s_item() {
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

// C = alpha op(A) op(B) + beta C of row-major matrices in the device's precision:
// C [M,N], op(A) [M,K], op(B) [K,N]; lda, ldb, ldc are floats from row to row of what is stored;
// transpose means that A is stored [K,M] or B [N,K]. cuBLAS underneath.
struct v2s_product {
    int M, N, K;
    bool transpose_a, transpose_b;
    float alpha, beta;
    const float *a, *b;
    float *c;
    int lda, ldb, ldc;
    int batch; // 0 and 1: one product; else strides apart
    long long stride_a, stride_b, stride_c;
};
void v2s_cuda_product(const v2s_device *dev, const char *what, const v2s_product *p);
v2s_status v2s_cuda_blas_open(v2s_cuda_state *state);
void v2s_cuda_blas_close(v2s_cuda_state *state);

// cudnnHandle_t of the device; NULL where it cannot be had, which is noted. The first call takes
// memory, so it may not be recorded: whoever needs it asks for it where scratch is asked for.
void *v2s_cuda_dnn(const v2s_device *dev);
void v2s_cuda_dnn_close(v2s_cuda_state *state);

// Of convolutions (kernels/conv2d.cu). ARG: V2S_CUDA_CONV names none of their ways.
v2s_status v2s_conv2d_open(v2s_cuda_state *state);
void v2s_conv2d_close(v2s_cuda_state *state);

// Of the GRU (kernels/gru.cu). ARG: V2S_CUDA_GRU names none of its ways.
v2s_status v2s_gru_open(v2s_cuda_state *state);
void v2s_gru_close(v2s_cuda_state *state);

// out[n] += sum over m of x[m,n] for x [M,N] with ldx floats from row to row, in a fixed order;
// `partial` has v2s_column_sums_scratch(M, N) bytes.
size_t v2s_column_sums_scratch(size_t M, int N);
void v2s_column_sums(const v2s_device *dev, size_t M, int N, const float *x, int ldx, float *out,
                     float *partial);

#endif
