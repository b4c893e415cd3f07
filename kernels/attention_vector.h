// SPDX-License-Identifier: MIT
// What an instruction set brings to attention (kernels/attention_kernels.h), and the layouts that
// it reads. Private to kernels/attention_*.c.
//
// Operands are packed so that a product reads registers from front to back, with `lanes` floats to
// a register and panels of two registers:
//   keys     X^T of rows x [n,C]: [panel of 2 lanes rows][C][2 lanes], rows past n zero
//   columns  rows x [n,C]: [panel of columns][n][columns of the panel], columns past C zero; a
//            last panel of up to `lanes` columns is one register wide. The panel that starts with
//            register v starts at v * lanes * n.
// Scores are kept in units of log2: keys packed for them carry scale * log2(e), so that P is a
// power of two.
#ifndef V2S_KERNELS_ATTENTION_VECTOR_H
#define V2S_KERNELS_ATTENTION_VECTOR_H

#include "kernels/attention.h"

// Keys of a tile: their scores are a line of L2 that is read once per panel of columns. A tile of
// the backward pass is kept together with its own gradients, and is smaller. Multiples of every
// panel and of every number of rows.
enum { V2S_ATTENTION_KEYS = 256, V2S_ATTENTION_BACK_KEYS = 192 };

// Most queries at once: the same, for the scores' other side. Multiples of every number of rows.
enum { V2S_ATTENTION_QUERIES = 96, V2S_ATTENTION_BACK_QUERIES = 48 };

// Distance of rows of scores: not a multiple of 4096 bytes / 8.
enum { V2S_ATTENTION_GAP = 16 };

// Rows [n,C], of which a product takes `rows` at a time: where fewer are left, it reads `tail`, a
// copy of the last n % rows ones with zeros behind.
typedef struct v2s_attention_rows {
    const float *at, *tail;
    int n, columns;
} v2s_attention_rows;

// Queries first .. first + count - 1 of an item, against all of its keys.
typedef struct v2s_attention_block {
    int first, count;
    int Nk, E;
    v2s_attention_rows q;
    const float *k; // keys, times scale * log2(e)
    const float *v; // columns
    float *o;       // [count,E]
    float *lse;     // [count] or NULL
    float *p;       // work: [queries][KEYS + GAP]
    float *sums;    // work: columns of `queries` rows
} v2s_attention_block;

// Keys of an item from `first` on, against all of its queries.
typedef struct v2s_attention_back {
    int count, D, E;
    v2s_attention_rows q, d_o;
    const float *q_columns, *do_columns;
    const float *lse, *delta; // [Nq]
    const float *k;           // keys, times scale * log2(e)
    const float *k_columns;
    const float *v; // keys
    float *p, *ds;  // work: [BACK_QUERIES][BACK_KEYS + GAP]
    float *dk, *dv; // out: columns of BACK_KEYS rows, dk without its scale
    float *dq;      // columns of Nq rows, rounded up to `rows`: added to, without its scale
} v2s_attention_back;

typedef struct v2s_attention_vector {
    int lanes, rows;
    void (*forward)(const v2s_attention_block *b);
    void (*backward)(const v2s_attention_back *b);
} v2s_attention_vector;

extern const v2s_attention_vector v2s_attention_avx2;
extern const v2s_attention_vector v2s_attention_avx512;

#endif
