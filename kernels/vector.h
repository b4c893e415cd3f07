// SPDX-License-Identifier: MIT
// What an instruction set has to bring: a few small kernels. Packing, blocking, edges and threads
// are shared by all of them (<op>_vector.c).
//
// Packed matrix: W^T in panels of `panel` columns, for streaming: for each panel first the row of
// biases, then K rows of `panel` weights, zeros where N is not a multiple.
#ifndef V2S_KERNELS_VECTOR_H
#define V2S_KERNELS_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// y[m,n] = sum_k w[k,n] * x[m*ldx + k] + bias[n], m = 0..M-1, n = 0..N-1
typedef struct v2s_gemm_args {
    int M, N, K;
    const float *x; // row m starts at x + m*ldx; rows may overlap (a convolution's do)
    size_t ldx;
    const float *w;    // packed (gemm) or [N,K] (dot)
    const float *bias; // dot only: [N]
    float *y;          // row m starts at y + m*ldy; exactly N columns are written
    size_t ldy;
} v2s_gemm_args;

// One row of a run of GRU steps. Units are padded with zeros to Hp, a multiple of `lanes`; the
// padded units stay zero.
typedef struct v2s_gru_row {
    const float *gi; // [T,3*Hp]: W_i x + b_i, and b_hr, b_hz too
    float *h;        // [Hp] state, in and out
    float *h_new;    // [Hp] work
    float *work;     // [Hp] more work
    float *y;        // row t starts at y + t*ldy, H columns; NULL where it is not wanted
} v2s_gru_row;

enum { V2S_GRU_ROWS_MAX = 2 };

// Steps of one direction, of one row or of two that share every weight that is loaded.
typedef struct v2s_gru_steps_args {
    int T, H, Hp, rows;
    bool reverse;      // walk t = T-1 .. 0
    const void *w_hh;  // packed in tiles of units: [tile][k][3][tile's units]
    const float *b_hn; // [Hp]
    size_t ldy;
    v2s_gru_row row[V2S_GRU_ROWS_MAX];
} v2s_gru_steps_args;

typedef struct v2s_vector {
    int lanes;      // floats in a register
    int panel;      // columns of a gemm panel
    int tile_units; // units of a full GRU tile; a last tile has the rest, in steps of `lanes`
    bool pairs;     // W_hh is packed in BF16, two k side by side: [tile][k/2][3][unit][2]
    void (*gemm)(const v2s_gemm_args *a); // packed w
    void (*dot)(const v2s_gemm_args *a);  // plain w, for a small N
    void (*gru_steps)(const v2s_gru_steps_args *a);
    const struct v2s_train_vector *train; // of the same `lanes`
    const struct v2s_picture_vector *picture;
    const struct v2s_attention_vector *attention;
} v2s_vector;

extern const v2s_vector v2s_vector_avx2;
extern const v2s_vector v2s_vector_avx512;
extern const v2s_vector v2s_vector_avx512bf16;

static inline int v2s_round_up(int n, int step) {
    return (n + step - 1) / step * step;
}

// Floats of a packed [N,K] matrix, and where element (n,k) lies in it; k = -1 is the bias row.
size_t v2s_gemm_packed_floats(const v2s_vector *v, int N, int K);
float *v2s_gemm_packed_at(const v2s_vector *v, float *packed, int K, int n, int k);

#endif
