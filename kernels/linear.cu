// SPDX-License-Identifier: MIT
// Up to NARROW outputs the layer moves bytes: per row 4 C of x forward, 12 C of x and dx backward,
// for C * O multiply-adds. On an H200 (4.8 TB/s) C = 256, O = 4, M = 512 000 are 524 MB or 0.11 ms
// forward and 1.57 GB or 0.33 ms backward at best (counted, not measured). Kernels of our own read
// each of these once; more outputs go through cuBLAS.
#include "kernels/row_products.cuh"
#include "kernels/warp_sums.cuh"

enum { NARROW = 8 };

// ---- few outputs ------------------------------------------------------------------------------

// Rows that a warp takes at once: as many loads of 128 bytes are under way for each it has done.
enum { WARP_ROWS = 4, WARPS = 8 };

// y[m,o] of WARP_ROWS rows by one warp, whose lanes share the columns.
template <int O>
static __global__ void narrow_forward(int M, int C, int outputs, const float *x, const float *w,
                                      const float *bias, float *y) {
    int lane = (int)threadIdx.x % 32;
    size_t first = ((size_t)blockIdx.x * WARPS + threadIdx.x / 32) * WARP_ROWS;
    if (first >= (size_t)M)
        return;
    float sum[WARP_ROWS * O] = {};
    const float *row[WARP_ROWS];
#pragma unroll
    for (int r = 0; r < WARP_ROWS; r++)
        row[r] = x + min(first + r, (size_t)M - 1) * (size_t)C;
    for (int c = lane; c < C; c += 32) {
        float in[WARP_ROWS];
#pragma unroll
        for (int r = 0; r < WARP_ROWS; r++)
            in[r] = row[r][c];
#pragma unroll
        for (int o = 0; o < O; o++) {
            float weight = o < outputs ? w[o * C + c] : 0.0f;
#pragma unroll
            for (int r = 0; r < WARP_ROWS; r++)
                sum[r * O + o] += weight * in[r];
        }
    }
    v2s_scatter_sum<WARP_ROWS * O, 32>(sum);
    int at = v2s_scattered<WARP_ROWS * O>(lane), o = at % O;
    size_t m = first + at / O;
    if (lane < WARP_ROWS * O && o < outputs && m < (size_t)M)
        y[m * (size_t)outputs + o] = sum[0] + bias[o];
}

// Columns are threads; a block walks a slice of the rows and keeps its part of dw and dbias, which
// it writes to dw_part [slice][O,C] and db_part [slice][O].
enum { COLUMNS = 128 };
static const size_t slice_rows_min = 64, slices_max = 2048;

struct narrow_args {
    int M, C, O;
    const float *x, *w, *dy;
    float *dx, *dw_part, *db_part;
};

template <int O> static __global__ void narrow_backward(narrow_args a) {
    int c = (int)(blockIdx.y * COLUMNS + threadIdx.x);
    if (c >= a.C)
        return;
    size_t rows = ((size_t)a.M + gridDim.x - 1) / gridDim.x, first = blockIdx.x * rows;
    size_t end = min(first + rows, (size_t)a.M);
    float w[O], dw[O] = {}, db[O] = {};
#pragma unroll
    for (int o = 0; o < O; o++)
        w[o] = o < a.O ? a.w[o * a.C + c] : 0.0f;
#pragma unroll 4
    for (size_t m = first; m < end; m++) {
        float x = a.x[m * (size_t)a.C + c], dx = 0.0f;
#pragma unroll
        for (int o = 0; o < O; o++) {
            float dy = o < a.O ? a.dy[m * (size_t)a.O + o] : 0.0f;
            dw[o] += dy * x;
            db[o] += dy;
            dx += dy * w[o];
        }
        if (a.dx != NULL)
            a.dx[m * (size_t)a.C + c] += dx;
    }
#pragma unroll
    for (int o = 0; o < O; o++) {
        if (o >= a.O)
            continue;
        a.dw_part[((size_t)blockIdx.x * a.O + o) * a.C + c] = dw[o];
        if (c == 0)
            a.db_part[(size_t)blockIdx.x * a.O + o] = db[o];
    }
}

static size_t narrow_slices(int M) {
    size_t slices = ((size_t)M + slice_rows_min - 1) / slice_rows_min;
    return slices < slices_max ? slices : slices_max;
}

static size_t narrow_scratch(const v2s_linear_args *a) {
    size_t slices = narrow_slices(a->M), outputs = (size_t)a->O * (size_t)a->C;
    size_t parts = v2s_size_mul(slices, (outputs + (size_t)a->O) * sizeof(float));
    return v2s_scratch_round(parts + v2s_column_sums_scratch(slices, (int)outputs), 3);
}

static void backward_narrow(const v2s_device *dev, const v2s_linear_backward_args *g,
                            v2s_arena *scratch) {
    const v2s_linear_args *a = &g->of;
    size_t mark = scratch->used, slices = narrow_slices(a->M);
    int outputs = a->O * a->C;
    float *dw_part = (float *)v2s_arena_take(scratch, slices * (size_t)outputs, sizeof(float));
    float *db_part = (float *)v2s_arena_take(scratch, slices * (size_t)a->O, sizeof(float));
    float *partial = (float *)v2s_arena_take(scratch, v2s_column_sums_scratch(slices, outputs), 1);
    narrow_args n = {a->M, a->C, a->O, a->x, a->w, g->dy, g->dx, dw_part, db_part};
    dim3 grid((unsigned)slices, (unsigned)(a->C + COLUMNS - 1) / COLUMNS);
    v2s_launch(dev, "linear_backward", a->O <= 4 ? narrow_backward<4> : narrow_backward<NARROW>,
               grid, COLUMNS, 0, n);
    v2s_column_sums(dev, slices, outputs, dw_part, outputs, g->dw, partial);
    v2s_column_sums(dev, slices, a->O, db_part, a->O, g->dbias, partial);
    v2s_arena_rewind(scratch, mark);
}

// ---- the operation ----------------------------------------------------------------------------

// C = A op(B) + C for rows of a batch: A [M,K], C [M,N].
static void add_product(const v2s_device *dev, const char *what, int M, int N, int K,
                        const float *a, const float *b, bool transpose_b, float *c) {
    v2s_product p = {};
    p.M = M;
    p.N = N;
    p.K = K;
    p.transpose_b = transpose_b;
    p.alpha = p.beta = 1.0f;
    p.a = a;
    p.b = b;
    p.c = c;
    p.lda = K;
    p.ldb = transpose_b ? K : N;
    p.ldc = N;
    v2s_cuda_product(dev, what, &p);
}

extern "C" size_t v2s_linear_scratch_cuda(const v2s_device *dev, const v2s_linear_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

extern "C" void v2s_linear_forward_cuda(const v2s_device *dev, const v2s_linear_args *a,
                                        v2s_arena *scratch) {
    (void)scratch;
    if (a->O <= NARROW) {
        v2s_launch(dev, "linear_forward", a->O <= 4 ? narrow_forward<4> : narrow_forward<NARROW>,
                   v2s_blocks((size_t)a->M, WARPS * WARP_ROWS), 32 * WARPS, 0, a->M, a->C, a->O,
                   a->x, a->w, a->bias, a->y);
        return;
    }
    v2s_fill_rows(dev, "linear_forward", (size_t)a->M, a->O, a->bias, a->y);
    add_product(dev, "linear_forward", a->M, a->O, a->C, a->x, a->w, true, a->y);
}

extern "C" size_t v2s_linear_backward_scratch_cuda(const v2s_device *dev,
                                                   const v2s_linear_backward_args *g) {
    const v2s_linear_args *a = &g->of;
    if (a->O <= NARROW)
        return narrow_scratch(a);
    size_t product = v2s_row_product_scratch(dev, (size_t)a->M, a->O, a->C);
    size_t bias = v2s_scratch_round(v2s_column_sums_scratch((size_t)a->M, a->O), 1);
    return product > bias ? product : bias;
}

extern "C" void v2s_linear_backward_cuda(const v2s_device *dev, const v2s_linear_backward_args *g,
                                         v2s_arena *scratch) {
    const v2s_linear_args *a = &g->of;
    size_t mark = scratch->used;
    if (a->O <= NARROW) {
        backward_narrow(dev, g, scratch);
        return;
    }
    if (g->dx != NULL)
        add_product(dev, "linear_backward", a->M, a->C, a->O, g->dy, a->w, false, g->dx);
    v2s_row_sum s = {(size_t)a->M, a->O, a->C, g->dy, a->x, a->O, a->C, 0, g->dw};
    v2s_row_product(dev, "linear_backward", &s, scratch);
    float *partial =
        (float *)v2s_arena_take(scratch, v2s_column_sums_scratch((size_t)a->M, a->O), 1);
    v2s_column_sums(dev, (size_t)a->M, a->O, g->dy, a->O, g->dbias, partial);
    v2s_arena_rewind(scratch, mark);
}
