// SPDX-License-Identifier: MIT
#include "kernels/gemm_avx2.h"

// 6 rows x 2 registers of columns: 12 sums, 2 weights, 1 input of 16 registers.
enum { ROWS = 6, VECTORS = 2, PANEL = 8 * VECTORS };

// `rows` is a constant at every call, so that the sums stay in registers.
static inline __attribute__((always_inline)) void
block(const v2s_gemm_args *a, int rows, const float *x, const float *w, float *y, int columns) {
    __m256 sum[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            sum[m][v] = _mm256_load_ps(w + 8 * v);
    for (int k = 0; k < a->K; k++) {
        w += PANEL;
        __m256 w0 = _mm256_load_ps(w), w1 = _mm256_load_ps(w + 8);
#pragma GCC unroll 6
        for (int m = 0; m < rows; m++) {
            __m256 input = _mm256_set1_ps(x[m * a->ldx + k]);
            sum[m][0] = _mm256_fmadd_ps(input, w0, sum[m][0]);
            sum[m][1] = _mm256_fmadd_ps(input, w1, sum[m][1]);
        }
    }
    if (columns >= PANEL) { // a store with a mask takes as long as a dozen products
#pragma GCC unroll 6
        for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; v++)
                _mm256_storeu_ps(y + m * a->ldy + 8 * v, sum[m][v]);
        return;
    }
#pragma GCC unroll 6
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; v++)
            _mm256_maskstore_ps(y + m * a->ldy + 8 * v, v2s_first_lanes_avx2(columns - 8 * v),
                                sum[m][v]);
}

static void panel(const v2s_gemm_args *a, const float *w, float *y, int columns) {
    int m = 0;
    for (; m + ROWS <= a->M; m += ROWS)
        block(a, ROWS, a->x + m * a->ldx, w, y + m * a->ldy, columns);
    for (; m < a->M; m++)
        block(a, 1, a->x + m * a->ldx, w, y + m * a->ldy, columns);
}

void v2s_gemm_avx2(const v2s_gemm_args *a) {
    size_t size = ((size_t)a->K + 1) * PANEL;
    const float *w = a->w;
    for (int n = 0; n < a->N; n += PANEL, w += size)
        panel(a, w, a->y + n, a->N - n);
}

static inline float sum_lanes(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

enum { DOT_ROWS = 2, DOT_COLUMNS = 4 };

static inline __attribute__((always_inline)) void dot_block(const v2s_gemm_args *a, int rows,
                                                            int columns, int m, int n) {
    __m256 sum[DOT_ROWS][DOT_COLUMNS];
#pragma GCC unroll 2
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            sum[i][j] = _mm256_setzero_ps();
    for (int k = 0; k < a->K; k += 8) {
        __m256i mask = v2s_first_lanes_avx2(a->K - k);
        __m256 weight[DOT_COLUMNS];
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            weight[j] = _mm256_maskload_ps(a->w + (size_t)(n + j) * a->K + k, mask);
#pragma GCC unroll 2
        for (int i = 0; i < rows; i++) {
            __m256 input = _mm256_maskload_ps(a->x + (m + i) * a->ldx + k, mask);
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++)
                sum[i][j] = _mm256_fmadd_ps(input, weight[j], sum[i][j]);
        }
    }
#pragma GCC unroll 2
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            a->y[(m + i) * a->ldy + n + j] = a->bias[n + j] + sum_lanes(sum[i][j]);
}

void v2s_dot_avx2(const v2s_gemm_args *a) {
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
