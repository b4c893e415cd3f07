// SPDX-License-Identifier: MIT
// Matrix products through cuBLAS, and sums of columns.
#include "kernels/cuda.cuh"

#include <cublas_v2.h>
#include <stdio.h>

// What cuBLAS asks for on capability 9.0; given by us, so that recordings take no memory.
static const size_t workspace_bytes = 32u << 20;

static v2s_status blas_status(cublasStatus_t status) {
    if (status == CUBLAS_STATUS_SUCCESS)
        return V2S_OK;
    return V2S_FAIL(status == CUBLAS_STATUS_ALLOC_FAILED ? V2S_NOMEM : V2S_CUDA, "cuBLAS: %s",
                    cublasGetStatusString(status));
}

v2s_status v2s_cuda_blas_open(v2s_cuda_state *state) {
    cublasHandle_t blas = NULL;
    V2S_TRY(blas_status(cublasCreate(&blas)));
    state->blas = blas;
    cudaError_t error = cudaMalloc(&state->blas_workspace, workspace_bytes);
    if (error == cudaErrorMemoryAllocation)
        return v2s_cuda_no_memory("cuBLAS", workspace_bytes);
    V2S_TRY(v2s_cuda_status("cuBLAS workspace", error));
    V2S_TRY(blas_status(cublasSetStream(blas, state->stream)));
    return blas_status(cublasSetWorkspace(blas, state->blas_workspace, workspace_bytes));
}

void v2s_cuda_blas_close(v2s_cuda_state *state) {
    if (state->blas != NULL)
        cublasDestroy((cublasHandle_t)state->blas);
    if (state->blas_workspace != NULL)
        cudaFree(state->blas_workspace);
    state->blas = state->blas_workspace = NULL;
}

static cublasComputeType_t compute_type(const v2s_device *dev) {
    switch (dev->precision) {
    case V2S_PRECISION_TF32:
        return CUBLAS_COMPUTE_32F_FAST_TF32;
    case V2S_PRECISION_BF16:
        return CUBLAS_COMPUTE_32F_FAST_16BF;
    case V2S_PRECISION_F32:
        break;
    }
    return CUBLAS_COMPUTE_32F;
}

// A row-major matrix is a column-major one transposed: C' = op(B)' op(A)'.
void v2s_cuda_product(const v2s_device *dev, const char *what, const v2s_product *p) {
    if (p->M == 0 || p->N == 0)
        return;
    int batch = p->batch > 1 ? p->batch : 1;
    cublasStatus_t status = cublasGemmStridedBatchedEx(
        (cublasHandle_t)dev->cuda->blas, p->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
        p->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, p->N, p->M, p->K, &p->alpha, p->b, CUDA_R_32F,
        p->ldb, p->stride_b, p->a, CUDA_R_32F, p->lda, p->stride_a, &p->beta, p->c, CUDA_R_32F,
        p->ldc, p->stride_c, batch, compute_type(dev), CUBLAS_GEMM_DEFAULT);
    if (status == CUBLAS_STATUS_SUCCESS)
        return;
    char text[V2S_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "cuBLAS: %s: %s", what, cublasGetStatusString(status));
    v2s_cuda_note_text(dev, V2S_CUDA, text);
}

// ---- sums of columns --------------------------------------------------------------------------

// A block sums 32 columns over a slice of rows: 8 warps read whole lines, then meet.
enum { LANES = 32, WARPS = 8, SLICES_MAX = 256, ROWS_MIN = 64 };

static int slices_of(size_t M) {
    size_t slices = (M + ROWS_MIN - 1) / ROWS_MIN;
    return slices < 1 ? 1 : slices < SLICES_MAX ? (int)slices : SLICES_MAX;
}

// partial[slice][n] = sum of the slice's rows.
static __global__ void slice_kernel(size_t M, int N, const float *x, int ldx, float *partial) {
    __shared__ float sums[WARPS][LANES];
    int lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    int n = blockIdx.x * LANES + lane;
    size_t rows = (M + gridDim.y - 1) / gridDim.y, first = blockIdx.y * rows;
    size_t end = first + rows < M ? first + rows : M;
    float sum = 0.0f;
    for (size_t m = first + warp; n < N && m < end; m += WARPS)
        sum += x[m * (size_t)ldx + n];
    sums[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || n >= N)
        return;
    for (int i = 1; i < WARPS; i++)
        sum += sums[i][lane];
    partial[(size_t)blockIdx.y * N + n] = sum;
}

static __global__ void join_kernel(int slices, int N, const float *partial, float *out) {
    int n = (int)v2s_item();
    if (n >= N)
        return;
    float sum = 0.0f;
    for (int i = 0; i < slices; i++)
        sum += partial[(size_t)i * N + n];
    out[n] += sum;
}

size_t v2s_column_sums_scratch(size_t M, int N) {
    return v2s_size_mul((size_t)slices_of(M) * (size_t)N, sizeof(float));
}

void v2s_column_sums(const v2s_device *dev, size_t M, int N, const float *x, int ldx, float *out,
                     float *partial) {
    if (M == 0)
        return;
    dim3 grid((unsigned)(N + LANES - 1) / LANES, (unsigned)slices_of(M));
    v2s_launch(dev, "column sums", slice_kernel, grid, LANES * WARPS, 0, M, N, x, ldx, partial);
    v2s_launch(dev, "column sums", join_kernel, v2s_blocks((size_t)N, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, slices_of(M), N, (const float *)partial, out);
}
