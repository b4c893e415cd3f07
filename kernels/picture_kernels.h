// SPDX-License-Identifier: MIT
// The kernels of kernels/picture_vector.h, once for every instruction set: picture_avx2.c and so on
// define PICTURE_VECTOR, the name of their table, and PICTURE_LANES, floats of a register (8 or
// 16), and include this. A block of 16 has kernels where it is one register.
#ifndef V2S_KERNELS_PICTURE_KERNELS_H
#define V2S_KERNELS_PICTURE_KERNELS_H

#include <string.h>

#include "kernels/picture_vector.h"

#define BLOCK 8
#define NAME(x) x##_8
#include "kernels/picture_block.h"
#undef NAME

#if PICTURE_LANES == 16
#define BLOCK 16
#define NAME(x) x##_16
#include "kernels/picture_block.h"
#undef NAME
#define OF_LANES(x) x##_16
#define BLOCK_16 &block_16
#else
#define OF_LANES(x) x##_8
#define BLOCK_16 NULL
#endif

// ---- batch normalisation ------------------------------------------------------------------------
// A step is one pattern of channels: PARTS registers. What is left of it at the end goes through
// the same step in a copy.

typedef OF_LANES(lanes) vn;
enum { PARTS = V2S_NORM_LANES / PICTURE_LANES };

#define STEP static inline __attribute__((always_inline)) void
#define load_part(from, p) OF_LANES(load)((from) + (p)*PICTURE_LANES)
#define store_part(to, p, value) OF_LANES(store)((to) + (p)*PICTURE_LANES, value)

typedef struct norm_registers {
    vn mean[PARTS], inv_std[PARTS], weight[PARTS], bias[PARTS];
    vn slope[PARTS], mean_dy[PARTS], mean_dy_h[PARTS]; // backward
} norm_registers;

STEP load_registers(const v2s_norm_pattern *from, norm_registers *r) {
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++) {
        r->mean[p] = load_part(from->mean, p);
        r->inv_std[p] = load_part(from->inv_std, p);
        r->weight[p] = load_part(from->weight, p);
        r->bias[p] = load_part(from->bias, p);
        r->slope[p] = r->weight[p] * r->inv_std[p];
        r->mean_dy[p] = load_part(from->mean_dy, p);
        r->mean_dy_h[p] = load_part(from->mean_dy_h, p);
    }
}

// Two sums of every lane of a pattern.
typedef struct norm_sums_of {
    vn first[PARTS], second[PARTS];
} norm_sums_of;

STEP store_sums(const norm_sums_of *s, float *first, float *second) {
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++) {
        store_part(first, p, s->first[p]);
        if (second != NULL)
            store_part(second, p, s->second[p]);
    }
}

STEP moments_step(const vn *mean, bool squares, const float *x, norm_sums_of *s) {
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++) {
        vn off = load_part(x, p) - mean[p];
        s->first[p] += off;
        if (squares)
            s->second[p] += off * off;
    }
}

STEP moments_all(size_t count, const float *x, const float *mean, float *sums, float *squares) {
    norm_sums_of s = {0};
    vn middle[PARTS];
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++)
        middle[p] = load_part(mean, p);
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES)
        moments_step(middle, squares != NULL, x + i, &s);
    if (i < count) { // the mean adds nothing
        float rest[V2S_NORM_LANES];
        memcpy(rest, mean, sizeof rest);
        memcpy(rest, x + i, (count - i) * sizeof *rest);
        moments_step(middle, squares != NULL, rest, &s);
    }
    store_sums(&s, sums, squares);
}

static void norm_moments(size_t count, const float *x, const float *mean, float *sums,
                         float *squares) {
    if (squares != NULL)
        moments_all(count, x, mean, sums, squares);
    else
        moments_all(count, x, mean, sums, NULL);
}

STEP apply_step(const norm_registers *r, bool relu, const float *x, float *y) {
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++) {
        vn h = (load_part(x, p) - r->mean[p]) * r->inv_std[p];
        vn value = r->weight[p] * h + r->bias[p];
        if (relu) // keeps what is not a number
            value = OF_LANES(choose)(value <= 0, OF_LANES(zero)(), value);
        store_part(y, p, value);
    }
}

STEP apply_all(size_t count, const v2s_norm_pattern *pattern, bool relu, const float *x, float *y) {
    norm_registers r;
    load_registers(pattern, &r);
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES)
        apply_step(&r, relu, x + i, y + i);
    if (i < count) {
        float rest[V2S_NORM_LANES] = {0};
        memcpy(rest, x + i, (count - i) * sizeof *rest);
        apply_step(&r, relu, rest, rest);
        memcpy(y + i, rest, (count - i) * sizeof *rest);
    }
}

static void norm_apply(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                       float *y) {
    if (relu)
        apply_all(count, p, true, x, y);
    else
        apply_all(count, p, false, x, y);
}

// h, and dy as it gets through relu: not where y is 0.
STEP pass(const norm_registers *r, int p, bool relu, const float *x, const float *dy, vn *h,
          vn *change) {
    *h = (load_part(x, p) - r->mean[p]) * r->inv_std[p];
    *change = load_part(dy, p);
    if (relu)
        *change = OF_LANES(choose)(r->weight[p] * *h + r->bias[p] <= 0, OF_LANES(zero)(), *change);
}

STEP sums_step(const norm_registers *r, bool relu, const float *x, const float *dy,
               norm_sums_of *s) {
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++) {
        vn h, change;
        pass(r, p, relu, x, dy, &h, &change);
        s->first[p] += change;
        s->second[p] += change * h;
    }
}

STEP sums_all(size_t count, const v2s_norm_pattern *pattern, bool relu, const float *x,
              const float *dy, float *sum_dy, float *sum_dy_h) {
    norm_registers r;
    norm_sums_of s = {0};
    load_registers(pattern, &r);
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES)
        sums_step(&r, relu, x + i, dy + i, &s);
    if (i < count) { // no dy adds nothing
        float rest[V2S_NORM_LANES] = {0}, rest_dy[V2S_NORM_LANES] = {0};
        memcpy(rest, x + i, (count - i) * sizeof *rest);
        memcpy(rest_dy, dy + i, (count - i) * sizeof *rest);
        sums_step(&r, relu, rest, rest_dy, &s);
    }
    store_sums(&s, sum_dy, sum_dy_h);
}

static void norm_sums(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                      const float *dy, float *sum_dy, float *sum_dy_h) {
    if (relu)
        sums_all(count, p, true, x, dy, sum_dy, sum_dy_h);
    else
        sums_all(count, p, false, x, dy, sum_dy, sum_dy_h);
}

STEP back_step(const norm_registers *r, bool relu, const float *x, const float *dy, float *dx) {
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++) {
        vn h, change;
        pass(r, p, relu, x, dy, &h, &change);
        change = change - r->mean_dy[p] - h * r->mean_dy_h[p];
        store_part(dx, p, load_part(dx, p) + r->slope[p] * change);
    }
}

STEP back_all(size_t count, const v2s_norm_pattern *pattern, bool relu, const float *x,
              const float *dy, float *dx) {
    norm_registers r;
    load_registers(pattern, &r);
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES)
        back_step(&r, relu, x + i, dy + i, dx + i);
    if (i < count) {
        size_t bytes = (count - i) * sizeof *x;
        float rest[3][V2S_NORM_LANES] = {{0}};
        memcpy(rest[0], x + i, bytes);
        memcpy(rest[1], dy + i, bytes);
        memcpy(rest[2], dx + i, bytes);
        back_step(&r, relu, rest[0], rest[1], rest[2]);
        memcpy(dx + i, rest[2], bytes);
    }
}

static void norm_back(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                      const float *dy, float *dx) {
    if (relu)
        back_all(count, p, true, x, dy, dx);
    else
        back_all(count, p, false, x, dy, dx);
}

const v2s_picture_vector PICTURE_VECTOR = {
    .block8 = &block_8,
    .block16 = BLOCK_16,
    .norm_moments = norm_moments,
    .norm_apply = norm_apply,
    .norm_sums = norm_sums,
    .norm_back = norm_back,
};

#endif
