// SPDX-License-Identifier: MIT
// The emulated cuBLAS, cuFFT and NCCL against their definitions.
#include <complex>
#include <criterion/criterion.h>
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <cufft.h>
#include <math.h>
#include <nccl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

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

static std::vector<float> noise(size_t count, unsigned seed) {
    std::vector<float> x(count);
    for (float &v : x) {
        seed = seed * 1664525u + 1013904223u;
        v = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return x;
}

static double entry(const std::vector<float> &x, bool transposed, int ld, int row, int column) {
    return transposed ? x[(size_t)(row * ld + column)] : x[(size_t)(column * ld + row)];
}

Test(emulation_cublas, products_follow_the_definition_in_all_four_orders) {
    const int m = 7, n = 5, k = 9, lda = 11, ldb = 10, ldc = 8;
    std::vector<float> a = noise(lda * 9, 1), b = noise(ldb * 9, 2), c = noise(ldc * n, 3);
    float *da = device(a), *db = device(b), alpha = 0.5f, beta = -2.0f;
    cublasHandle_t handle;
    cr_assert_eq(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    for (int order = 0; order < 4; order++) {
        bool ta = order & 1, tb = order & 2;
        float *dc = device(c);
        cr_assert_eq(cublasSgemm(handle, ta ? CUBLAS_OP_T : CUBLAS_OP_N,
                                 tb ? CUBLAS_OP_T : CUBLAS_OP_N, m, n, k, &alpha, da, lda, db, ldb,
                                 &beta, dc, ldc),
                     CUBLAS_STATUS_SUCCESS);
        std::vector<float> out = host(dc, c.size());
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                double sum = 0.0;
                for (int l = 0; l < k; l++)
                    sum += entry(a, ta, lda, i, l) * entry(b, tb, ldb, l, j);
                double expected = alpha * sum + beta * c[(size_t)(j * ldc + i)];
                cr_expect_float_eq(out[(size_t)(j * ldc + i)], expected, 1e-6);
            }
        cr_expect_eq(out[m], c[m]); // beyond the rows
    }
    cr_expect_eq(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &alpha, da, m - 1, db, ldb,
                             &beta, da, ldc),
                 CUBLAS_STATUS_INVALID_VALUE);
    cublasDestroy(handle);
}

Test(emulation_cublas, zero_beta_does_not_read) {
    float one = 1.0f, zero = 0.0f, *d, *x = device(std::vector<float>{2.0f});
    cublasHandle_t handle;
    cr_assert_eq(cudaMalloc(&d, 4), cudaSuccess); // NaN
    cr_assert_eq(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    cr_assert_eq(
        cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, x, 1, x, 1, &zero, d, 1),
        CUBLAS_STATUS_SUCCESS);
    cr_expect_eq(host(d, 1)[0], 4.0f);
    cublasDestroy(handle);
}

Test(emulation_cublas, batches_of_bfloat16_and_tf32_round_their_factors) {
    const int batches = 3;
    float alpha = 1.0f, beta = 0.0f, x = 1.0f + 1.0f / 4096.0f;
    std::vector<__nv_bfloat16> b16(batches);
    for (int i = 0; i < batches; i++)
        b16[(size_t)i] = __float2bfloat16((float)i + 1.0f);
    __nv_bfloat16 *d16 = device(b16);
    float *dx = device(std::vector<float>{x}), *out = device(std::vector<float>(batches));
    cublasHandle_t handle;
    cr_assert_eq(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    cr_assert_eq(cublasGemmStridedBatchedEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &alpha, d16,
                                            CUDA_R_16BF, 1, 1, d16, CUDA_R_16BF, 1, 1, &beta, out,
                                            CUDA_R_32F, 1, 1, batches, CUBLAS_COMPUTE_32F,
                                            CUBLAS_GEMM_DEFAULT),
                 CUBLAS_STATUS_SUCCESS);
    std::vector<float> y = host(out, batches);
    cr_expect(y[0] == 1.0f && y[1] == 4.0f && y[2] == 9.0f);
    cr_assert_eq(
        cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &alpha, dx, 1, dx, 1, &beta, out, 1),
        CUBLAS_STATUS_SUCCESS);
    cr_expect_float_eq(host(out, 1)[0], x * x, 1e-7);
    cr_assert_eq(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
    cr_assert_eq(
        cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &alpha, dx, 1, dx, 1, &beta, out, 1),
        CUBLAS_STATUS_SUCCESS);
    cr_expect_eq(host(out, 1)[0], 1.0f);
    cublasDestroy(handle);
}

// A product of ones of size 1 by 1.
static cublasStatus_t multiply_ones(cublasHandle_t handle, const float *in, float *out) {
    float one = 1.0f, zero = 0.0f;
    return cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, in, 1, in, 1, &zero, out,
                       1);
}

Test(emulation_cublas, first_use_of_a_handle_cannot_be_captured) {
    float *in = device(std::vector<float>{1.0f}), *out = device(std::vector<float>{0.0f});
    cudaStream_t s;
    cudaGraph_t graph;
    cublasHandle_t handle;
    cr_assert_eq(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    cr_assert_eq(cudaStreamCreate(&s), cudaSuccess);
    cublasSetStream(handle, s);
    cr_assert_eq(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    cr_expect_eq(multiply_ones(handle, in, out), CUBLAS_STATUS_EXECUTION_FAILED);
    cr_expect_eq(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
    cr_expect_eq(multiply_ones(handle, in, out), CUBLAS_STATUS_SUCCESS);
    cr_assert_eq(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    cr_expect_eq(multiply_ones(handle, in, out), CUBLAS_STATUS_SUCCESS);
    cr_assert_eq(cudaStreamEndCapture(s, &graph), cudaSuccess);
    cr_expect_eq(cudaGraphDestroy(graph), cudaSuccess);
    cublasDestroy(handle);
}

// What lies in the workspace stays: it is not the handle's any more.
Test(emulation_cublas, a_new_stream_takes_the_workspace_away) {
    float *in = device(std::vector<float>{1.0f}), *out = device(std::vector<float>{0.0f});
    float *space = device(std::vector<float>(1024, 3.0f));
    cublasHandle_t handle;
    cr_assert_eq(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    cr_assert_eq(cublasSetWorkspace(handle, space, 4096), CUBLAS_STATUS_SUCCESS);
    cublasSetStream(handle, nullptr);
    cr_expect_eq(multiply_ones(handle, in, out), CUBLAS_STATUS_SUCCESS);
    cr_expect_eq(host(space, 1)[0], 3.0f);
    cr_assert_eq(cublasSetWorkspace(handle, space, 4096), CUBLAS_STATUS_SUCCESS);
    cr_expect_eq(multiply_ones(handle, in, out), CUBLAS_STATUS_SUCCESS);
    cr_expect(isnan(host(space, 1)[0]));
    cublasDestroy(handle);
}

typedef std::complex<double> complex;

static std::vector<complex> definition(const std::vector<complex> &x, double sign) {
    size_t n = x.size();
    std::vector<complex> y(n);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n; i++)
            y[k] += x[i] * std::polar(1.0, sign * 2.0 * M_PI * (double)(i * k % n) / (double)n);
    return y;
}

Test(emulation_cufft, real_transforms_follow_the_definition_with_strides) {
    for (int n : {1, 2, 8, 12, 30, 49, 64, 97, 480}) {
        const int batch = 3, distance = n + 5, half = n / 2 + 1;
        std::vector<float> x = noise((size_t)(batch * distance), (unsigned)n);
        float *dx = device(x);
        cufftComplex *dy = device(std::vector<cufftComplex>((size_t)(batch * half * 2)));
        cufftHandle forward, backward;
        int size = n, in_embed = distance, out_embed = 2 * half;
        cr_assert_eq(cufftPlanMany(&forward, 1, &size, &in_embed, 1, distance, &out_embed, 2,
                                   2 * half, CUFFT_R2C, batch),
                     CUFFT_SUCCESS);
        cr_assert_eq(cufftPlanMany(&backward, 1, &size, &out_embed, 2, 2 * half, &in_embed, 1,
                                   distance, CUFFT_C2R, batch),
                     CUFFT_SUCCESS);
        cr_assert_eq(cufftExecR2C(forward, dx, dy), CUFFT_SUCCESS);
        std::vector<cufftComplex> y = host(dy, (size_t)(batch * half * 2));
        for (int b = 0; b < batch; b++) {
            std::vector<complex> row((size_t)n);
            for (int i = 0; i < n; i++)
                row[(size_t)i] = x[(size_t)(b * distance + i)];
            std::vector<complex> expected = definition(row, -1.0);
            for (int k = 0; k < half; k++) {
                cufftComplex v = y[(size_t)(b * 2 * half + 2 * k)];
                cr_expect_float_eq(v.x, expected[(size_t)k].real(), 1e-4, "n %d", n);
                cr_expect_float_eq(v.y, expected[(size_t)k].imag(), 1e-4, "n %d", n);
            }
        }
        y[0].y = 100.0f; // ignored
        cr_assert_eq(cudaMemcpy(dy, y.data(), y.size() * sizeof y[0], cudaMemcpyHostToDevice),
                     cudaSuccess);
        cr_assert_eq(cufftExecC2R(backward, dy, dx), CUFFT_SUCCESS);
        std::vector<float> back = host(dx, x.size());
        for (int i = 0; i < n; i++)
            cr_expect_float_eq(back[(size_t)i] / (float)n, x[(size_t)i], 1e-5, "n %d", n);
        cr_expect_eq(back[(size_t)n], x[(size_t)n]); // between the rows
        cr_expect_eq(cufftDestroy(forward), CUFFT_SUCCESS);
        cr_expect_eq(cufftDestroy(backward), CUFFT_SUCCESS);
    }
}

Test(emulation_cufft, complex_transforms_follow_the_definition) {
    const int n = 20;
    std::vector<float> x = noise(2 * n, 5);
    std::vector<complex> z(n);
    std::vector<cufftComplex> v(n);
    for (size_t i = 0; i < n; i++) {
        z[i] = complex(x[2 * i], x[2 * i + 1]);
        v[i] = cufftComplex{x[2 * i], x[2 * i + 1]};
    }
    cufftHandle plan;
    cr_assert_eq(cufftPlan1d(&plan, n, CUFFT_C2C, 1), CUFFT_SUCCESS);
    for (int direction : {CUFFT_FORWARD, CUFFT_INVERSE}) {
        cufftComplex *d = device(v);
        cr_assert_eq(cufftExecC2C(plan, d, d, direction), CUFFT_SUCCESS);
        std::vector<cufftComplex> y = host(d, n);
        std::vector<complex> expected = definition(z, direction);
        for (size_t k = 0; k < n; k++) {
            cr_expect_float_eq(y[k].x, expected[k].real(), 1e-5);
            cr_expect_float_eq(y[k].y, expected[k].imag(), 1e-5);
        }
    }
    cufftDestroy(plan);
}

Test(emulation_cufft, a_plan_without_its_own_memory_needs_a_work_area) {
    cufftHandle plan;
    size_t size = 0;
    cufftComplex *d = device(std::vector<cufftComplex>(16));
    void *area;
    cr_assert_eq(cufftCreate(&plan), CUFFT_SUCCESS);
    cr_assert_eq(cufftSetAutoAllocation(plan, 0), CUFFT_SUCCESS);
    cr_assert_eq(cufftMakePlan1d(plan, 16, CUFFT_C2C, 1, &size), CUFFT_SUCCESS);
    cr_expect_eq(cufftExecC2C(plan, d, d, CUFFT_FORWARD), CUFFT_EXEC_FAILED);
    cr_assert_eq(cudaMalloc(&area, size), cudaSuccess);
    cr_assert_eq(cufftSetWorkArea(plan, area), CUFFT_SUCCESS);
    cr_expect_eq(cufftExecC2C(plan, d, d, CUFFT_FORWARD), CUFFT_SUCCESS);
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess);
    cufftDestroy(plan);
}

// One process of an all-reduce and a broadcast; the number of wrong items.
static int take_part(int rank, int ranks, const ncclUniqueId &id) {
    const size_t count = 300000; // more than one slot
    std::vector<float> x(count);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(i % 100) * (float)(rank + 1);
    float *d = device(x);
    double *one = device(std::vector<double>{rank == 1 ? 5.0 : 0.0});
    ncclComm_t comm;
    if (ncclCommInitRank(&comm, ranks, id, rank) != ncclSuccess)
        return -1;
    ncclAllReduce(d, d, count, ncclFloat, ncclSum, comm, 0);
    ncclBroadcast(one, one, 1, ncclDouble, 1, comm, 0);
    std::vector<float> y = host(d, count);
    int wrong = host(one, 1)[0] != 5.0;
    for (size_t i = 0; i < count; i++)
        wrong += y[i] != (float)(i % 100) * (float)(ranks * (ranks + 1) / 2);
    ncclCommDestroy(comm);
    return wrong;
}

Test(emulation_nccl, processes_reduce_and_broadcast) {
    const int ranks = 3;
    ncclUniqueId id;
    pid_t children[ranks];
    cr_assert_eq(ncclGetUniqueId(&id), ncclSuccess);
    for (int r = 1; r < ranks; r++) {
        children[r] = fork();
        if (children[r] == 0)
            _exit(take_part(r, ranks, id) == 0 ? 0 : 1);
    }
    cr_expect_eq(take_part(0, ranks, id), 0);
    for (int r = 1; r < ranks; r++) {
        int status = -1;
        waitpid(children[r], &status, 0);
        cr_expect_eq(status, 0);
    }
}

Test(emulation_nccl, a_single_rank_copies) {
    ncclUniqueId id;
    ncclComm_t comm;
    float *x = device(std::vector<float>{3.0f}), *y = device(std::vector<float>{0.0f});
    cr_assert_eq(ncclGetUniqueId(&id), ncclSuccess);
    cr_assert_eq(ncclCommInitRank(&comm, 1, id, 0), ncclSuccess);
    cr_assert_eq(ncclAllReduce(x, y, 1, ncclFloat, ncclMax, comm, 0), ncclSuccess);
    cr_expect_eq(host(y, 1)[0], 3.0f);
    cr_expect_eq(ncclAllReduce(x, y, 1000, ncclFloat, ncclSum, comm, 0), ncclInvalidArgument);
    cr_expect_eq(ncclCommDestroy(comm), ncclSuccess);
}
