// SPDX-License-Identifier: MIT
// A row belongs to 4 or 32 threads or to a block, by its length. It is read three times forward,
// twice from the caches as long as it fits there. Bound by memory: 8 bytes per number forward, 16
// backward (counted).
#include "kernels/group_sums.cuh"

enum { ROW_BLOCK = 256 };

template <int THREADS> static __device__ __forceinline__ size_t row_of_thread() {
    return (size_t)blockIdx.x * (ROW_BLOCK / THREADS) + threadIdx.x / THREADS;
}

template <int THREADS> static __global__ void forward_kernel(v2s_softmax_args a) {
    size_t row = row_of_thread<THREADS>(), start = row * (size_t)a.N;
    int lane = (int)threadIdx.x % THREADS, N = row < (size_t)a.M ? a.N : 0;
    const float *x = a.x + start;
    float *y = a.y + start, largest = -INFINITY;
    for (int n = lane; n < N; n += THREADS)
        largest = fmaxf(largest, x[n]); // what is not a number shows in exp below
    largest = v2s_group_join<THREADS>(largest, v2s_larger());
    double sum = 0.0;
    for (int n = lane; n < N; n += THREADS)
        sum += expf(x[n] - largest);
    float share = (float)(1.0 / v2s_group_join<THREADS>(sum, v2s_add()));
    for (int n = lane; n < N; n += THREADS)
        y[n] = expf(x[n] - largest) * share; // y may be x
}

template <int THREADS> static __global__ void backward_kernel(v2s_softmax_args a) {
    size_t row = row_of_thread<THREADS>(), start = row * (size_t)a.N;
    int lane = (int)threadIdx.x % THREADS, N = row < (size_t)a.M ? a.N : 0;
    const float *y = a.y + start, *dy = a.dy + start;
    double sum = 0.0;
    for (int n = lane; n < N; n += THREADS)
        sum += (double)dy[n] * y[n];
    float mean = (float)v2s_group_join<THREADS>(sum, v2s_add());
    for (int n = lane; n < N; n += THREADS)
        a.dx[start + n] += y[n] * (dy[n] - mean);
}

// Threads per row: short rows share a warp.
static int threads_of(int N) {
    return N <= 16 ? 4 : N <= 1024 ? 32 : ROW_BLOCK;
}

static dim3 grid_of(const v2s_softmax_args *a) {
    return v2s_blocks((size_t)a->M, ROW_BLOCK / threads_of(a->N));
}

extern "C" void v2s_softmax_forward_cuda(const v2s_device *dev, const v2s_softmax_args *a,
                                         v2s_arena *scratch) {
    (void)scratch;
    int threads = threads_of(a->N);
    v2s_launch(dev, "softmax_forward",
               threads == 4    ? forward_kernel<4>
               : threads == 32 ? forward_kernel<32>
                               : forward_kernel<ROW_BLOCK>,
               grid_of(a), ROW_BLOCK, 0, *a);
}

extern "C" void v2s_softmax_backward_cuda(const v2s_device *dev, const v2s_softmax_args *a,
                                          v2s_arena *scratch) {
    (void)scratch;
    int threads = threads_of(a->N);
    v2s_launch(dev, "softmax_backward",
               threads == 4    ? backward_kernel<4>
               : threads == 32 ? backward_kernel<32>
                               : backward_kernel<ROW_BLOCK>,
               grid_of(a), ROW_BLOCK, 0, *a);
}
