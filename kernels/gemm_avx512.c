// SPDX-License-Identifier: MIT
#include <immintrin.h>

#include "kernels/gemm_avx512.h"

// 6 rows x 4 registers of columns: 24 sums, 4 weights, 1 input live in the 32 registers.
enum { ROWS = 6, VECTORS = 4, PANEL = 16 * VECTORS };

static inline __mmask16 first_lanes(int n) {
    return n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

// `rows` is a constant at every call, so that the sums stay in registers.
static inline __attribute__((always_inline)) void
block(const v2s_gemm_args *a, int rows, const float *x, const float *w, float *y, int columns) {
    __m512 sum[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            sum[m][v] = _mm512_load_ps(w + 16 * v);
    for (int k = 0; k < a->K; k++) {
        w += PANEL;
        __m512 weight[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            weight[v] = _mm512_load_ps(w + 16 * v);
#pragma GCC unroll 6
        for (int m = 0; m < rows; m++) {
            __m512 input = _mm512_set1_ps(x[m * a->ldx + k]);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                sum[m][v] = _mm512_fmadd_ps(input, weight[v], sum[m][v]);
        }
    }
#pragma GCC unroll 6
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            _mm512_mask_storeu_ps(y + m * a->ldy + 16 * v, first_lanes(columns - 16 * v),
                                  sum[m][v]);
}

static void panel(const v2s_gemm_args *a, const float *w, float *y, int columns) {
    int m = 0;
    for (; m + ROWS <= a->M; m += ROWS)
        block(a, ROWS, a->x + m * a->ldx, w, y + m * a->ldy, columns);
    for (; m < a->M; m++)
        block(a, 1, a->x + m * a->ldx, w, y + m * a->ldy, columns);
}

void v2s_gemm_avx512(const v2s_gemm_args *a) {
    size_t size = ((size_t)a->K + 1) * PANEL;
    const float *w = a->w;
    for (int n = 0; n < a->N; n += PANEL, w += size)
        panel(a, w, a->y + n, a->N - n);
}

enum { DOT_ROWS = 4, DOT_COLUMNS = 4 };

static inline __attribute__((always_inline)) void dot_block(const v2s_gemm_args *a, int rows,
                                                            int columns, int m, int n) {
    __m512 sum[DOT_ROWS][DOT_COLUMNS];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            sum[i][j] = _mm512_setzero_ps();
    for (int k = 0; k < a->K; k += 16) {
        __mmask16 mask = first_lanes(a->K - k);
        __m512 weight[DOT_COLUMNS];
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            weight[j] = _mm512_maskz_loadu_ps(mask, a->w + (size_t)(n + j) * a->K + k);
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            __m512 input = _mm512_maskz_loadu_ps(mask, a->x + (m + i) * a->ldx + k);
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++)
                sum[i][j] = _mm512_fmadd_ps(input, weight[j], sum[i][j]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            a->y[(m + i) * a->ldy + n + j] = a->bias[n + j] + _mm512_reduce_add_ps(sum[i][j]);
}

void v2s_dot_avx512(const v2s_gemm_args *a) {
    int n = 0;
    for (; n + DOT_COLUMNS <= a->N; n += DOT_COLUMNS) {
        int m = 0;
        for (; m + DOT_ROWS <= a->M; m += DOT_ROWS)
            dot_block(a, DOT_ROWS, DOT_COLUMNS, m, n);
        for (; m < a->M; m++)
            dot_block(a, 1, DOT_COLUMNS, m, n);
    }
    for (; n < a->N; n++)
        for (int m = 0; m < a->M; m++)
            dot_block(a, 1, 1, m, n);
}
