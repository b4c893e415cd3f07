// SPDX-License-Identifier: MIT
// Matrix products: C = alpha op(A) op(B) + beta C, column-major, summed in float and in order, so
// that errors grow with the sum as those of a device do.
//
// Where TF32 is allowed the factors are rounded to TF32 (10 bits of fraction) first, so that its
// error has the right size.
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <string.h>

#include "emulation.h"

struct cublasContext {
    cudaStream_t stream = nullptr;
    cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
    cublasMath_t math = CUBLAS_DEFAULT_MATH;
    void *workspace = nullptr;
    size_t workspace_size = 0;
    bool used = false;
};

using namespace v2s_emulation;

namespace {

struct factor {
    const void *data;
    cudaDataType type;
    bool transposed;
    int rows, columns; // of op(.)
    int ld;
    long long stride;
    float at(long long batch, int row, int column, bool tf32) const {
        size_t i =
            (size_t)(batch * stride) + (transposed ? (size_t)row * (size_t)ld + (size_t)column
                                                   : (size_t)column * (size_t)ld + (size_t)row);
        if (type == CUDA_R_16BF)
            return (float)((const __nv_bfloat16 *)data)[i];
        float value = ((const float *)data)[i];
        if (!tf32)
            return value;
        return __uint_as_float((__float_as_uint(value) + 0x1000u) & ~0x1fffu);
    }
};

struct product {
    int m, n, k, batches;
    factor a, b;
    void *c;
    cudaDataType c_type;
    int ldc;
    long long c_stride;
    float alpha, beta;
    const float *alpha_device, *beta_device; // NULL: the numbers above
    bool tf32;
};

float load(const product &p, size_t i) {
    return p.c_type == CUDA_R_16BF ? (float)((__nv_bfloat16 *)p.c)[i] : ((float *)p.c)[i];
}

void store(const product &p, size_t i, double value) {
    if (p.c_type == CUDA_R_16BF)
        ((__nv_bfloat16 *)p.c)[i] = __float2bfloat16((float)value);
    else
        ((float *)p.c)[i] = (float)value;
}

void run(const product &p) {
    double alpha = p.alpha_device ? *p.alpha_device : p.alpha;
    double beta = p.beta_device ? *p.beta_device : p.beta;
    std::vector<float> a((size_t)p.m * (size_t)p.k), sum((size_t)p.m);
    for (int batch = 0; batch < p.batches; batch++) {
        for (int l = 0; l < p.k; l++)
            for (int i = 0; i < p.m; i++)
                a[(size_t)l * (size_t)p.m + (size_t)i] = p.a.at(batch, i, l, p.tf32);
        for (int j = 0; j < p.n; j++) {
            memset(sum.data(), 0, sum.size() * sizeof(float));
            for (int l = 0; l < p.k; l++) {
                float factor_b = p.b.at(batch, l, j, p.tf32);
                const float *column = &a[(size_t)l * (size_t)p.m];
                for (int i = 0; i < p.m; i++)
                    sum[(size_t)i] += column[i] * factor_b;
            }
            size_t at = (size_t)(batch * p.c_stride) + (size_t)j * (size_t)p.ldc;
            for (int i = 0; i < p.m; i++, at++)
                store(p, at, alpha * sum[(size_t)i] + (beta == 0.0 ? 0.0 : beta * load(p, at)));
        }
    }
}

bool precision_ok(const product &p, cublasComputeType_t compute) {
    bool known = compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
                 compute == CUBLAS_COMPUTE_32F_FAST_TF32 || compute == CUBLAS_COMPUTE_32F_FAST_16BF;
    if (!known || p.a.type != p.b.type)
        return false;
    if (p.a.type == CUDA_R_32F)
        return p.c_type == CUDA_R_32F;
    return p.a.type == CUDA_R_16BF && compute == CUBLAS_COMPUTE_32F &&
           (p.c_type == CUDA_R_16BF || p.c_type == CUDA_R_32F);
}

bool shape_ok(const factor &f) {
    int lines = f.transposed ? f.columns : f.rows;
    return f.ld >= (lines > 1 ? lines : 1);
}

// A matrix has to lie where a device can read it.
void check_place(const char *name, const void *data, cudaDataType type, long long rows,
                 long long columns, long long ld, long long stride, int batches) {
    size_t item = type == CUDA_R_16BF ? 2 : 4;
    size_t bytes = (size_t)(stride * (batches - 1) + (columns - 1) * ld + rows) * item;
    if (place_of(data) == PAGEABLE)
        report("cuBLAS: %s (%p) is ordinary host memory", name, data);
    if (!range_ok(data, bytes))
        report("cuBLAS: %s reaches beyond its device memory (%zu bytes from %p)", name, bytes,
               data);
}

cublasStatus_t multiply(cublasHandle_t handle, product p, const void *alpha, const void *beta,
                        cublasComputeType_t compute) {
    if (!handle)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    if (p.m < 0 || p.n < 0 || p.k < 0 || p.batches < 0 || !shape_ok(p.a) || !shape_ok(p.b) ||
        p.ldc < (p.m > 1 ? p.m : 1) || !alpha || !beta)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (!precision_ok(p, compute))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (p.m == 0 || p.n == 0 || p.batches == 0)
        return CUBLAS_STATUS_SUCCESS;
    if (handle->pointers == CUBLAS_POINTER_MODE_DEVICE) {
        p.alpha_device = (const float *)alpha;
        p.beta_device = (const float *)beta;
    } else {
        p.alpha = *(const float *)alpha;
        p.beta = *(const float *)beta;
    }
    p.tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
             (compute == CUBLAS_COMPUTE_32F && handle->math == CUBLAS_TF32_TENSOR_OP_MATH);
    if (p.k > 0) {
        bool ta = p.a.transposed, tb = p.b.transposed;
        check_place("A", p.a.data, p.a.type, ta ? p.k : p.m, ta ? p.m : p.k, p.a.ld, p.a.stride,
                    p.batches);
        check_place("B", p.b.data, p.b.type, tb ? p.n : p.k, tb ? p.k : p.n, p.b.ld, p.b.stride,
                    p.batches);
    }
    check_place("C", p.c, p.c_type, p.m, p.n, p.ldc, p.c_stride, p.batches);
    if (first_use_spoils_capture(handle->used, handle->stream))
        return CUBLAS_STATUS_EXECUTION_FAILED;
    // A product may write into its workspace: whatever lies at its start is lost.
    void *workspace = handle->workspace;
    size_t lost = handle->workspace_size < 4096 ? handle->workspace_size : 4096;
    cudaError_t error = enqueue(handle->stream, [p, workspace, lost]() {
        if (lost)
            memset(workspace, 0xFF, lost);
        run(p);
    });
    return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

} // namespace

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new cublasContext;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    if (!handle)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion(cublasHandle_t, int *version) {
    *version = 130100;
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusName(cublasStatus_t status) {
    switch (status) {
#define V2S_NAME(name, value)                                                                      \
    case name:                                                                                     \
        return #name;
        V2S_EMULATED_CUBLAS_STATUS(V2S_NAME)
#undef V2S_NAME
    }
    return "unknown";
}

const char *cublasGetStatusString(cublasStatus_t status) {
    return cublasGetStatusName(status);
}

// Takes the workspace away, as the library does.
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    handle->workspace = nullptr;
    handle->workspace_size = 0;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t *stream) {
    *stream = handle->stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t size) {
    locked guard;
    if ((size_t)workspace % 256 || !range_ok(workspace, size))
        return CUBLAS_STATUS_INVALID_VALUE;
    handle->workspace = workspace;
    handle->workspace_size = size;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode) {
    handle->pointers = mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
    handle->math = mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t *mode) {
    *mode = handle->math;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t, cublasAtomicsMode_t) {
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
    const void *alpha, const void *A, cudaDataType Atype, int lda, long long strideA, const void *B,
    cudaDataType Btype, int ldb, long long strideB, const void *beta, void *C, cudaDataType Ctype,
    int ldc, long long strideC, int batchCount, cublasComputeType_t computeType, cublasGemmAlgo_t) {
    locked guard;
    product p = {};
    p.m = m;
    p.n = n;
    p.k = k;
    p.batches = batchCount;
    p.a = factor{A, Atype, transa != CUBLAS_OP_N, m, k, lda, strideA};
    p.b = factor{B, Btype, transb != CUBLAS_OP_N, k, n, ldb, strideB};
    p.c = C;
    p.c_type = Ctype;
    p.ldc = ldc;
    p.c_stride = strideC;
    return multiply(handle, p, alpha, beta, computeType);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa,
                            cublasOperation_t transb, int m, int n, int k, const void *alpha,
                            const void *A, cudaDataType Atype, int lda, const void *B,
                            cudaDataType Btype, int ldb, const void *beta, void *C,
                            cudaDataType Ctype, int ldc, cublasComputeType_t computeType,
                            cublasGemmAlgo_t algo) {
    return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, A, Atype, lda, 0, B,
                                      Btype, ldb, 0, beta, C, Ctype, ldc, 0, 1, computeType, algo);
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa,
                                         cublasOperation_t transb, int m, int n, int k,
                                         const float *alpha, const float *A, int lda,
                                         long long strideA, const float *B, int ldb,
                                         long long strideB, const float *beta, float *C, int ldc,
                                         long long strideC, int batchCount) {
    return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, A, CUDA_R_32F, lda,
                                      strideA, B, CUDA_R_32F, ldb, strideB, beta, C, CUDA_R_32F,
                                      ldc, strideC, batchCount, CUBLAS_COMPUTE_32F,
                                      CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t transa,
                           cublasOperation_t transb, int m, int n, int k, const float *alpha,
                           const float *A, int lda, const float *B, int ldb, const float *beta,
                           float *C, int ldc) {
    return cublasSgemmStridedBatched(handle, transa, transb, m, n, k, alpha, A, lda, 0, B, ldb, 0,
                                     beta, C, ldc, 0, 1);
}
