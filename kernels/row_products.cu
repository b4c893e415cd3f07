// SPDX-License-Identifier: MIT
#include "kernels/row_products.cuh"

#include <limits.h>

static __global__ void fill_kernel(size_t M, int N, const float *row, float *y) {
    int n = (int)(blockIdx.y * blockDim.x + threadIdx.x);
    if (n >= N)
        return;
    float value = row[n];
    for (size_t m = blockIdx.x; m < M; m += gridDim.x)
        y[m * (size_t)N + n] = value;
}

// Rows that one block fills, so that the bias is read seldom.
enum { FILL_THREADS = 128, FILL_ROWS = 16 };

void v2s_fill_rows(const v2s_device *dev, const char *what, size_t M, int N, const float *row,
                   float *y) {
    dim3 grid((unsigned)((M + FILL_ROWS - 1) / FILL_ROWS),
              (unsigned)(N + FILL_THREADS - 1) / FILL_THREADS);
    v2s_launch(dev, what, fill_kernel, grid, FILL_THREADS, 0, M, N, row, y);
}

// A slice is long enough that its product costs more than adding its result does; there are as
// many as give every multiprocessor a tile or two of cuBLAS.
static const size_t slice_rows_min = 256, tile = 128, slices_max = 256;

static size_t slices_of(const v2s_device *dev, size_t rows, int M, int N) {
    size_t tiles = ((size_t)M + tile - 1) / tile * (((size_t)N + tile - 1) / tile);
    size_t want = (2 * (size_t)dev->cuda->multiprocessors + tiles - 1) / tiles;
    size_t most = (rows + slice_rows_min - 1) / slice_rows_min;
    want = want < most ? want : most;
    return want < 1 ? 1 : want < slices_max ? want : slices_max;
}

size_t v2s_row_product_scratch(const v2s_device *dev, size_t rows, int M, int N) {
    size_t slices = slices_of(dev, rows, M, N);
    size_t results = v2s_size_mul(slices, v2s_size_mul((size_t)M * (size_t)N, sizeof(float)));
    return v2s_scratch_round(results + v2s_column_sums_scratch(slices, M * N), 2);
}

// Results of `count` slices of `rows` rows, the first of which is `first`.
static void slice_products(const v2s_device *dev, const char *what, const v2s_row_sum *s,
                           size_t first, size_t rows, size_t count, float *results) {
    v2s_product p = {};
    p.M = s->M;
    p.N = s->N;
    p.K = (int)rows;
    p.transpose_a = true;
    p.alpha = 1.0f;
    p.a = s->a + first * (size_t)s->lda;
    p.b = s->b + first * (size_t)s->ldb;
    p.c = results;
    p.lda = s->lda;
    p.ldb = s->ldb;
    p.ldc = s->N;
    p.batch = (int)count;
    p.stride_a = (long long)rows * s->lda;
    p.stride_b = (long long)rows * s->ldb;
    p.stride_c = (long long)s->M * s->N;
    v2s_cuda_product(dev, what, &p);
}

void v2s_row_product(const v2s_device *dev, const char *what, const v2s_row_sum *s,
                     v2s_arena *scratch) {
    if (s->rows == 0 || s->M == 0 || s->N == 0)
        return;
    size_t mark = scratch->used, outputs = (size_t)s->M * (size_t)s->N;
    size_t slices = slices_of(dev, s->rows, s->M, s->N);
    size_t rows = (s->rows + slices - 1) / slices;
    slices = (s->rows + rows - 1) / rows;
    float *results = (float *)v2s_arena_take(scratch, slices * outputs, sizeof(float));
    float *partial =
        (float *)v2s_arena_take(scratch, v2s_column_sums_scratch(slices, (int)outputs), 1);
    size_t whole = s->rows / rows, done = whole * rows;
    slice_products(dev, what, s, 0, rows, whole, results);
    if (done < s->rows)
        slice_products(dev, what, s, done, s->rows - done, 1, results + whole * outputs);
    // The first `rotate` rows of every result belong behind the others.
    int before = s->rotate * s->N, after = (int)outputs - before;
    v2s_column_sums(dev, slices, after, results + before, (int)outputs, s->out, partial);
    if (before > 0)
        v2s_column_sums(dev, slices, before, results, (int)outputs, s->out + after, partial);
    v2s_arena_rewind(scratch, mark);
}
