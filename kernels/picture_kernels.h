// SPDX-License-Identifier: MIT
// The kernels of kernels/picture_vector.h, once for every instruction set: picture_avx2.c and so on
// define PICTURE_VECTOR, the name of their table, and include this.
#ifndef V2S_KERNELS_PICTURE_KERNELS_H
#define V2S_KERNELS_PICTURE_KERNELS_H

#include <string.h>

#include "kernels/picture_vector.h"

#define BLOCK 8
#define NAME(x) x##_8
#include "kernels/picture_block.h"
#undef NAME

#define BLOCK 16
#define NAME(x) x##_16
#include "kernels/picture_block.h"
#undef NAME

// ---- batch normalisation ------------------------------------------------------------------------

// One pattern of channels.
typedef lanes_16 vn;
typedef masks_16 vm;

// The first `count` numbers, zeros behind them.
static inline vn load_some(const float *from, size_t count) {
    float all[V2S_NORM_LANES] = {0};
    memcpy(all, from, count * sizeof *all);
    return load_16(all);
}

static inline void store_some(float *to, size_t count, vn value) {
    float all[V2S_NORM_LANES];
    store_16(all, value);
    memcpy(to, all, count * sizeof *all);
}

// The first `count` numbers, zeros behind them.
static inline vn keep_some(vn value, size_t count) {
    float all[V2S_NORM_LANES];
    store_16(all, value);
    return load_some(all, count);
}

static inline void moments_all(size_t count, const float *x, const float *mean, float *sums,
                               float *squares) {
    vn middle = load_16(mean), sum = zero_16(), square = zero_16(), off;
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES) {
        off = load_16(x + i) - middle;
        sum += off;
        if (squares != NULL)
            square += off * off;
    }
    if (i < count) {
        off = keep_some(load_some(x + i, count - i) - middle, count - i);
        sum += off;
        square += off * off;
    }
    store_16(sums, sum);
    if (squares != NULL)
        store_16(squares, square);
}

static void norm_moments(size_t count, const float *x, const float *mean, float *sums,
                         float *squares) {
    if (squares != NULL)
        moments_all(count, x, mean, sums, squares);
    else
        moments_all(count, x, mean, sums, NULL);
}

typedef struct norm_registers {
    vn mean, inv_std, weight, bias;
} norm_registers;

static inline norm_registers load_pattern(const v2s_norm_pattern *p) {
    return (norm_registers){load_16(p->mean), load_16(p->inv_std), load_16(p->weight),
                            load_16(p->bias)};
}

static inline vn normalized(const norm_registers *r, vn h) {
    return r->weight * h + r->bias;
}

static inline vn apply_one(const norm_registers *r, bool relu, vn x) {
    vn y = normalized(r, (x - r->mean) * r->inv_std);
    return relu ? choose_16(y <= 0, zero_16(), y) : y; // keeps what is not a number
}

static inline void apply_all(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                             float *y) {
    norm_registers r = load_pattern(p);
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES)
        store_16(y + i, apply_one(&r, relu, load_16(x + i)));
    if (i < count)
        store_some(y + i, count - i, apply_one(&r, relu, load_some(x + i, count - i)));
}

static void norm_apply(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                       float *y) {
    if (relu)
        apply_all(count, p, true, x, y);
    else
        apply_all(count, p, false, x, y);
}

// dy where y before relu was above 0, and all of it without relu.
static inline vn passed(const norm_registers *r, bool relu, vn h, vn dy) {
    return relu ? choose_16(normalized(r, h) <= 0, zero_16(), dy) : dy;
}

static inline void sum_all(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                           const float *dy, float *sum_dy, float *sum_dy_h) {
    norm_registers r = load_pattern(p);
    vn sum = zero_16(), sum_h = zero_16();
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES) {
        vn h = (load_16(x + i) - r.mean) * r.inv_std;
        vn change = passed(&r, relu, h, load_16(dy + i));
        sum += change;
        sum_h += change * h;
    }
    if (i < count) { // dy is zero behind the end
        vn h = (load_some(x + i, count - i) - r.mean) * r.inv_std;
        vn change = passed(&r, relu, h, load_some(dy + i, count - i));
        sum += change;
        sum_h += change * h;
    }
    store_16(sum_dy, sum);
    store_16(sum_dy_h, sum_h);
}

static void norm_sums(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                      const float *dy, float *sum_dy, float *sum_dy_h) {
    if (relu)
        sum_all(count, p, true, x, dy, sum_dy, sum_dy_h);
    else
        sum_all(count, p, false, x, dy, sum_dy, sum_dy_h);
}

static inline void back_all(size_t count, const v2s_norm_pattern *p, bool relu, const float *x,
                            const float *dy, float *dx) {
    norm_registers r = load_pattern(p);
    vn slope = r.weight * r.inv_std, mean_dy = load_16(p->mean_dy), mean_h = load_16(p->mean_dy_h);
    size_t i = 0;
    for (; i + V2S_NORM_LANES <= count; i += V2S_NORM_LANES) {
        vn h = (load_16(x + i) - r.mean) * r.inv_std;
        vn change = passed(&r, relu, h, load_16(dy + i)) - mean_dy - h * mean_h;
        store_16(dx + i, load_16(dx + i) + slope * change);
    }
    if (i < count) {
        size_t left = count - i;
        vn h = (load_some(x + i, left) - r.mean) * r.inv_std;
        vn change = passed(&r, relu, h, load_some(dy + i, left)) - mean_dy - h * mean_h;
        store_some(dx + i, left, load_some(dx + i, left) + slope * change);
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
    .block16 = &block_16,
    .norm_moments = norm_moments,
    .norm_apply = norm_apply,
    .norm_sums = norm_sums,
    .norm_back = norm_back,
};

#endif
