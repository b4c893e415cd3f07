// SPDX-License-Identifier: MIT
// As products: row (b,t) of the unfolded input holds the C * K inputs of output (b,t) in the order
// (c,k) of the weight, zero where they lie outside 0..T-1. It is made piece by piece, so that
// scratch stays bounded. Then
//
//   y = unfolded w^T + bias      dw = dy^T unfolded      dx = what dy w adds up to, gathered
//
// The unfolded rows are written and read once in device memory: 8 C K bytes per row for 2 O C K
// operations, on an H200 bound by memory below O of about 56 (counted, not measured).
#include "kernels/row_products.cuh"

// Unfolded rows that exist at a time; few in the emulation, so that its tests see several pieces.
#ifdef V2S_EMULATION
static const size_t unfolded_bytes = (size_t)16 << 10;
#else
static const size_t unfolded_bytes = (size_t)128 << 20;
#endif

static size_t rows_at_once(const v2s_conv1d_args *a) {
    size_t rows = unfolded_bytes / ((size_t)a->C * (size_t)a->K * sizeof(float));
    return rows > (size_t)a->K ? rows : (size_t)a->K;
}

static size_t all_rows(const v2s_conv1d_args *a) {
    return (size_t)a->B * (size_t)a->T;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

// out [rows, C*K], of rows first .. first + rows - 1 of the batch. Rows and items of a piece are
// few enough for 32 bits, whose divisions are cheap.
static __global__ void unfold_kernel(v2s_conv1d_args a, unsigned first, unsigned count,
                                     float *out) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned columns = (unsigned)(a.C * a.K), row = i / columns, column = i - row * columns;
    int c = (int)(column / (unsigned)a.K), k = (int)(column - (unsigned)(c * a.K));
    unsigned at = first + row;
    int shift = k - (a.K - 1) / 2, from = (int)(at % (unsigned)a.T) + shift;
    bool inside = from >= 0 && from < a.T;
    out[i] = inside ? a.x[((ptrdiff_t)at + shift) * a.C + c] : 0.0f;
}

static void unfold(const v2s_device *dev, const char *what, const v2s_conv1d_args *a, size_t first,
                   size_t rows, float *out) {
    size_t count = rows * (size_t)a->C * (size_t)a->K;
    v2s_launch(dev, what, unfold_kernel, v2s_blocks(count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK, 0, *a,
               (unsigned)first, (unsigned)count, out);
}

// dx of `count` numbers from row `first` on, from d(unfolded) [.., C*K], whose row 0 is row `start`
// of the batch: dx[b,t,c] += sum_k d[(b, t - k + half), (c,k)].
static __global__ void fold_kernel(v2s_conv1d_args a, unsigned first, unsigned count,
                                   unsigned start, const float *d, float *dx) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count)
        return;
    unsigned row = first + i / (unsigned)a.C;
    int c = (int)(i % (unsigned)a.C), t = (int)(row % (unsigned)a.T), half = (a.K - 1) / 2;
    size_t columns = (size_t)a.C * (size_t)a.K;
    float sum = 0.0f;
    for (int k = 0; k < a.K; k++) {
        int from = t - k + half;
        if (from >= 0 && from < a.T)
            sum += d[(size_t)((int)(row - start) + half - k) * columns + (size_t)(c * a.K + k)];
    }
    dx[(size_t)row * (size_t)a.C + c] += sum;
}

extern "C" size_t v2s_conv1d_scratch_cuda(const v2s_device *dev, const v2s_conv1d_args *a) {
    (void)dev;
    size_t rows = smaller(all_rows(a), rows_at_once(a));
    return v2s_scratch_round(rows * (size_t)a->C * (size_t)a->K * sizeof(float), 1);
}

extern "C" void v2s_conv1d_forward_cuda(const v2s_device *dev, const v2s_conv1d_args *a,
                                        v2s_arena *scratch) {
    size_t mark = scratch->used, all = all_rows(a), most = smaller(all, rows_at_once(a));
    int columns = a->C * a->K;
    float *unfolded = (float *)v2s_arena_take(scratch, most * (size_t)columns, sizeof(float));
    v2s_fill_rows(dev, "conv1d_forward", all, a->O, a->bias, a->y);
    for (size_t first = 0; first < all; first += most) {
        size_t rows = smaller(most, all - first);
        unfold(dev, "conv1d_forward", a, first, rows, unfolded);
        v2s_product p = {};
        p.M = (int)rows;
        p.N = p.ldc = a->O;
        p.K = p.lda = p.ldb = columns;
        p.transpose_b = true;
        p.alpha = p.beta = 1.0f;
        p.a = unfolded;
        p.b = a->w;
        p.c = a->y + first * (size_t)a->O;
        v2s_cuda_product(dev, "conv1d_forward", &p);
    }
    v2s_arena_rewind(scratch, mark);
}

extern "C" size_t v2s_conv1d_backward_scratch_cuda(const v2s_device *dev,
                                                   const v2s_conv1d_backward_args *g) {
    const v2s_conv1d_args *a = &g->of;
    size_t rows = smaller(all_rows(a), rows_at_once(a)), columns = (size_t)a->C * (size_t)a->K;
    size_t unfolded = (rows + (size_t)a->K) * columns * sizeof(float);
    size_t product = v2s_row_product_scratch(dev, rows, a->O, (int)columns);
    size_t bias = v2s_scratch_round(v2s_column_sums_scratch(all_rows(a), a->O), 1);
    return v2s_scratch_round(unfolded, 1) + (product > bias ? product : bias);
}

// dx of `rows` rows from `first` on; d(unfolded) is needed of half a kernel more on both sides.
static void input_gradient(const v2s_device *dev, const v2s_conv1d_backward_args *g, size_t first,
                           size_t rows, float *unfolded) {
    const v2s_conv1d_args *a = &g->of;
    size_t half = (size_t)(a->K - 1) / 2, start = first > half ? first - half : 0;
    size_t end = smaller(first + rows + half, all_rows(a));
    v2s_product p = {};
    p.M = (int)(end - start);
    p.N = p.ldb = p.ldc = a->C * a->K;
    p.K = p.lda = a->O;
    p.alpha = 1.0f;
    p.a = g->dy + start * (size_t)a->O;
    p.b = a->w;
    p.c = unfolded;
    v2s_cuda_product(dev, "conv1d_backward", &p);
    v2s_launch(dev, "conv1d_backward", fold_kernel, v2s_blocks(rows * (size_t)a->C, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, *a, (unsigned)first, (unsigned)(rows * (size_t)a->C),
               (unsigned)start, (const float *)unfolded, g->dx);
}

extern "C" void v2s_conv1d_backward_cuda(const v2s_device *dev, const v2s_conv1d_backward_args *g,
                                         v2s_arena *scratch) {
    const v2s_conv1d_args *a = &g->of;
    size_t mark = scratch->used, all = all_rows(a), most = smaller(all, rows_at_once(a));
    int columns = a->C * a->K;
    float *unfolded =
        (float *)v2s_arena_take(scratch, (most + (size_t)a->K) * (size_t)columns, sizeof(float));
    for (size_t first = 0; first < all; first += most) {
        size_t rows = smaller(most, all - first);
        const float *dy = g->dy + first * (size_t)a->O;
        unfold(dev, "conv1d_backward", a, first, rows, unfolded);
        v2s_row_sum s = {rows, a->O, columns, dy, unfolded, a->O, columns, 0, g->dw};
        v2s_row_product(dev, "conv1d_backward", &s, scratch);
        if (g->dx != NULL)
            input_gradient(dev, g, first, rows, unfolded);
    }
    float *partial = (float *)v2s_arena_take(scratch, v2s_column_sums_scratch(all, a->O), 1);
    v2s_column_sums(dev, all, a->O, g->dy, a->O, g->dbias, partial);
    v2s_arena_rewind(scratch, mark);
}
