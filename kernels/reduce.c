// SPDX-License-Identifier: MIT
#include "kernels/reduce.h"

#include <math.h>

size_t v2s_reduce_scratch(const struct v2s_device *dev, const v2s_reduce_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

// Where the numbers of a row or column lie: `count` of them, number i at start + i * step.
typedef struct line {
    size_t start, step;
    int count;
} line;

static int lines_of(const v2s_reduce_args *a) {
    return a->axis == V2S_REDUCE_ROWS ? a->M : a->N;
}

static line line_of(const v2s_reduce_args *a, int l) {
    return a->axis == V2S_REDUCE_ROWS ? (line){(size_t)l * a->N, 1, a->N}
                                      : (line){(size_t)l, (size_t)a->N, a->M};
}

static double sum_of(const real *x, line l) {
    double sum = 0.0; // a line may have millions of numbers
    for (int i = 0; i < l.count; i++)
        sum += x[l.start + i * l.step];
    return sum;
}

static int place_of_largest(const real *x, line l) {
    int best = 0;
    for (int i = 1; i < l.count; i++) {
        real value = x[l.start + i * l.step], largest = x[l.start + best * l.step];
        if (value > largest || (isnan(value) && !isnan(largest)))
            best = i;
    }
    return best;
}

void v2s_reduce_forward(const struct v2s_device *dev, const v2s_reduce_args *a,
                        v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int i = 0; i < lines_of(a); i++) {
        line l = line_of(a, i);
        if (a->kind == V2S_REDUCE_MAX) {
            int best = place_of_largest(a->x, l);
            a->y[i] = l.count > 0 ? a->x[l.start + best * l.step] : -INFINITY;
            if (a->index != NULL)
                a->index[i] = best;
        } else {
            double sum = sum_of(a->x, l);
            a->y[i] = (real)(a->kind == V2S_REDUCE_MEAN ? sum / l.count : sum);
        }
    }
}

void v2s_reduce_backward(const struct v2s_device *dev, const v2s_reduce_args *a,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int i = 0; i < lines_of(a); i++) {
        line l = line_of(a, i);
        if (a->kind == V2S_REDUCE_MAX) {
            if (l.count > 0)
                a->dx[l.start + a->index[i] * l.step] += a->dy[i];
            continue;
        }
        real dy = a->kind == V2S_REDUCE_MEAN ? a->dy[i] / l.count : a->dy[i];
        for (int k = 0; k < l.count; k++)
            a->dx[l.start + k * l.step] += dy;
    }
}
