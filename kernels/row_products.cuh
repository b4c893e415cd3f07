// SPDX-License-Identifier: MIT
// Products over the rows of a batch, which the layers of the CUDA module share.
//
// v2s_row_product is the gradient of a weight, out += A^T B with few outputs and very many rows to
// sum over: the rows are cut into slices, a strided batch of products writes one partial result per
// slice, and the partial results are added in a fixed order. So all multiprocessors have work, two
// runs agree bit for bit, and the rounding error grows with the slice, not with the rows.
#ifndef V2S_KERNELS_ROW_PRODUCTS_CUH
#define V2S_KERNELS_ROW_PRODUCTS_CUH

#include "kernels/cuda.cuh"

// y[m,n] = row[n] for y [M,N]: bias, before a product is added.
void v2s_fill_rows(const v2s_device *dev, const char *what, size_t M, int N, const float *row,
                   float *y);

struct v2s_row_sum {
    size_t rows; // that are summed over; 0 adds nothing
    int M, N;
    const float *a; // [rows,M], lda floats from row to row
    const float *b; // [rows,N], ldb floats from row to row
    int lda, ldb;
    int rotate; // row m of the product is added to row (m + M - rotate) % M of out
    float *out; // [M,N]
};

// Bytes of `partial` that v2s_row_product takes for these sizes; not less for fewer rows.
size_t v2s_row_product_scratch(const v2s_device *dev, size_t rows, int M, int N);
void v2s_row_product(const v2s_device *dev, const char *what, const v2s_row_sum *s,
                     v2s_arena *scratch);

#endif
