// SPDX-License-Identifier: MIT
// Vector kernels of the operations on pictures: one thread's share of a picture that lies in blocks
// of channels (kernels/picture.h). What shares the work out is <op>_vector.c; pictures in no blocks
// go by the definitions, but for batch_norm, whose kernels take any block that divides
// V2S_NORM_LANES.
#ifndef V2S_KERNELS_PICTURE_VECTOR_H
#define V2S_KERNELS_PICTURE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v2s_device;

enum {
    V2S_NORM_LANES = 16,        // period of the patterns of channels below
    V2S_TEAM_FLOATS = 1 << 16,  // work from which on threads are worth their while
    V2S_UPSAMPLE_COLUMNS = 128, // whose places are computed at a time
};

// ---- convolutions between a picture of many channels and one of one channel --------------------

typedef struct v2s_thin_args {
    int H, W, KH, KW;
    int blocks;        // of the channels of `many`
    const float *many; // sums: [blocks,H,W,block]; taps: one block, [H,W,block]
    const float *w;    // sums: [blocks,KH*KW,block]
    const float *one;  // taps: [H+KH-1,W+KW-1], zeros around the picture
    float bias;        // sums
    bool add;          // sums: to y
    float *y;          // sums: [H,W]
    double *sums;      // taps: [KH*KW,block], added to
} v2s_thin_args;

// ---- places of bilinear changes of size --------------------------------------------------------

typedef struct v2s_place {
    int first, second;
    float share; // of the second
} v2s_place;

// Place of number i of `outputs` on an axis of `count` (kernels/upsample2d.h).
v2s_place v2s_place_of(int i, int count, int outputs);

typedef struct v2s_upsample_row {
    int columns;            // up to V2S_UPSAMPLE_COLUMNS
    const v2s_place *place; // [columns] on the axis of columns
    float share;            // of the row below
    const float *top, *below;
    float *y;             // [columns,block]
    const float *dy;      // [columns,block]
    float *dtop, *dbelow; // added to; may be the same
} v2s_upsample_row;

// ---- one block of channels ----------------------------------------------------------------------

typedef struct v2s_block_vector {
    int block;
    // y[i,j] = bias + sum over channels and taps, or += ; rows begin .. end-1.
    void (*thin_sums)(const v2s_thin_args *a, int begin, int end);
    // sums[k,l] += sum_ij many[i,j,l] * one[i+ki,j+kj], in float within a row.
    void (*thin_taps)(const v2s_thin_args *a);
    // sums[l] += sum of many[i,l] over `pixels`
    void (*sum_pixels)(size_t pixels, const float *many, double *sums);
    // One row of W/2 outputs from two rows of W; index may be NULL.
    void (*pool_row)(int W, const float *x, float *y, uint8_t *index);
    void (*unpool_row)(int W, const float *dy, const uint8_t *index, float *dx);
    void (*upsample_row)(const v2s_upsample_row *r);
    void (*downsample_row)(const v2s_upsample_row *r); // its transpose
    // `pixels` of one block to rows that are C apart, and back.
    void (*to_rows)(size_t pixels, size_t C, bool add, const float *from, float *to);
    void (*from_rows)(size_t pixels, size_t C, bool add, const float *from, float *to);
} v2s_block_vector;

// ---- batch normalisation: lane i of a pattern belongs to channel i % block ----------------------

typedef struct v2s_norm_pattern {
    float mean[V2S_NORM_LANES], inv_std[V2S_NORM_LANES];
    float weight[V2S_NORM_LANES], bias[V2S_NORM_LANES];
    float mean_dy[V2S_NORM_LANES], mean_dy_h[V2S_NORM_LANES]; // backward
} v2s_norm_pattern;

typedef struct v2s_picture_vector {
    const v2s_block_vector *block8, *block16; // NULL: none
    // sums[i] = sum of x[k] - mean[i] over k with k % V2S_NORM_LANES == i, squares[i] likewise of
    // (x[k] - mean[i])^2 (NULL: not wanted); in float, so for some thousands of numbers.
    void (*norm_moments)(size_t count, const float *x, const float *mean, float *sums,
                         float *squares);
    void (*norm_apply)(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                       float *y);
    // sums of dy and of dy h, as norm_moments
    void (*norm_sums)(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                      const float *dy, float *sum_dy, float *sum_dy_h);
    // dx += weight inv_std (dy - mean_dy - h mean_dy_h)
    void (*norm_back)(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                      const float *dy, float *dx);
} v2s_picture_vector;

extern const v2s_picture_vector v2s_picture_avx2;
extern const v2s_picture_vector v2s_picture_avx512;

// The kernels of a block of 8 or 16; NULL: none, the definition has to do it.
const v2s_block_vector *v2s_block_vector_of(const struct v2s_device *dev, int block);

// Threads worth using on `floats` numbers.
int v2s_picture_threads(const struct v2s_device *dev, size_t floats);

#endif
