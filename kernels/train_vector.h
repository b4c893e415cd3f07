// SPDX-License-Identifier: MIT
// Kernels of training that an instruction set brings (kernels/train_kernels.h), and what the
// backward operations share around them. Private to kernels/*_vector.c.
//
// Three layouts, with `lanes` floats to a register:
//   tiles    S rows of M numbers, for kernels that read them one by one:
//            [tile of lanes columns][S][lanes], columns past M zero
//   panels   K rows of N numbers, for kernels that read them as vectors: panels of up to
//            V2S_PANEL_VECTORS registers, [panel][K][registers * lanes], columns past N zero.
//            The panel whose first register is v starts at v * lanes * K.
//   states   rows of Hp numbers, Hp a multiple of lanes
#ifndef V2S_KERNELS_TRAIN_VECTOR_H
#define V2S_KERNELS_TRAIN_VECTOR_H

#include "kernels/base/arena.h"
#include "kernels/vector.h"

struct v2s_device;

enum { V2S_PANEL_VECTORS = 3, V2S_TRAIN_ROWS_MAX = 8, V2S_TRAIN_BLOCK = 96 };

// Registers of the panel that begins where `left` registers are left: 3, or 2 and 2 of 4.
static inline int v2s_panel_vectors(int left) {
    return left == 4 ? 2 : left < V2S_PANEL_VECTORS ? left : V2S_PANEL_VECTORS;
}

// y[m][n] (+)= sum_k a[m,k] w[k,n], m = 0..M-1, n = 0..N-1
typedef struct v2s_product_args {
    int M, N, K;
    const float *a; // tiles; row m is lanes * m on in each tile
    size_t tile;    // floats from tile to tile
    const float *w; // panels of the K rows padded to whole tiles with zeros
    float *const *y;
    bool add; // to what is there
} v2s_product_args;

// acc[m,n] += sum_s a[s,m] b[s,n]
typedef struct v2s_outer_args {
    int S, M, N;
    const float *a; // tiles
    size_t tile;
    const float *b; // panels of S rows
    float *acc;     // panels of M rows (M padded to whole tiles)
} v2s_outer_args;

// `steps` steps of `rows` rows of one direction, in walking order; row r of step i has the index
// s = i * rows + r.
typedef struct v2s_train_steps_args {
    int steps, rows, H, Hp;
    const float *w_hh;      // [tile of units][k][r,z,n][lanes]
    const float *b_hn;      // [Hp]
    const float *const *gi; // [s] -> [3*Hp]: W_i x + b_i, and b_hr, b_hz too
    float *const *y;        // [s] -> [H]
    float *const *saved;    // [s] -> [r,z,n,q][Hp]
    float *h[2];            // [rows][Hp] the state is in h[0], before and after; h[1] is work
} v2s_train_steps_args;

// The way back of the same steps: index s counts from the last step of the walk.
typedef struct v2s_back_steps_args {
    int steps, rows, H, Hp;
    const float *w_hh;            // panels of [3*Hp rows r,z,n] x [H]
    const float *const *dy;       // [s] -> [H]
    const float *const *h_before; // [s] -> [H]: state from which the step started
    const float *const *saved;    // [s] -> [r,z,n,q][Hp]
    float *dh;                    // [rows][Hp] in and out
    float *da;                    // tiles of [n,r,z,q][Hp] columns, steps * rows rows
} v2s_back_steps_args;

typedef struct v2s_train_vector {
    void (*product)(const v2s_product_args *a);
    void (*outer)(const v2s_outer_args *a);
    void (*sum_rows)(const float *tiles, int columns, int S, float *sums); // sums[m] += sum_s
    void (*forward_steps)(const v2s_train_steps_args *a);
    void (*back_steps)(const v2s_back_steps_args *a);
} v2s_train_vector;

extern const v2s_train_vector v2s_train_avx2;
extern const v2s_train_vector v2s_train_avx512;

// Copies S rows of N numbers to panels. K: rows that the panels have room for.
void v2s_pack_panels(int lanes, const float *const *rows, int S, int N, int K, float *panels);

// Copies S rows of M numbers, row s at x + s * ldx, to tiles.
void v2s_pack_tiles(int lanes, const float *x, size_t ldx, int S, int M, float *tiles);

// dw[m * ldw + n * step] += acc[row + m, n] of panels of `rows_padded` rows, m < M, n < N.
void v2s_add_panels(int lanes, const float *acc, int rows_padded, int row, int M, int N, float *dw);

// Gradients of an affine map over many rows, as sums of blocks: dw += dy^T x, dbias += sums of dy.
// Rows are cut into parts whose number depends on the rows only, so that the result does not
// depend on the number of threads.
typedef struct v2s_affine_job {
    int rows, M, N;  // M columns of dy, N of x
    const float *dy; // [rows,M]
    void *ctx;       // for fetch
    // Lets row pointers to rows first .. first + S - 1 of x be valid until the next call with the
    // same `work`, of work_floats floats.
    void (*fetch)(void *ctx, int first, int S, float *work, const float **row);
    size_t work_floats;
    const float *w; // panels of [M rows padded to tiles] x [N]; NULL: no dx
    float *dx;      // [rows,N], added to
    float *dw;      // [M,N], added to
    float *dbias;   // [M], added to
} v2s_affine_job;

size_t v2s_affine_scratch(const struct v2s_device *dev, const v2s_affine_job *job);
void v2s_affine_backward(const struct v2s_device *dev, const v2s_affine_job *job,
                         v2s_arena *scratch);

#endif
