// SPDX-License-Identifier: MIT
#include "kernels/loss_depth.h"

#include <math.h>
#include <stdbool.h>

size_t v2s_loss_depth_scratch(const struct v2s_device *dev, const v2s_loss_depth_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

static double sign(double x) {
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
}

// A term's share of the loss's gradient.
static double factor(double weight, int64_t count) {
    return count > 0 ? weight / (double)count : 0.0;
}

static void add_l1(const v2s_loss_depth_args *a, size_t at, double *sum) {
    double off = (double)a->p[at] - (double)a->g[at];
    *sum += fabs(off);
    if (a->dp != NULL)
        a->dp[at] += (real)(factor(a->weight_l1, a->counts.pixels) * sign(off));
}

// The pair of `at` and the pixel that lies `step` behind it.
static void add_edge(const v2s_loss_depth_args *a, size_t at, size_t step, double *sum) {
    double off = ((double)a->p[at + step] - a->p[at]) - ((double)a->g[at + step] - a->g[at]);
    *sum += fabs(off);
    if (a->dp != NULL) {
        real slope = (real)(factor(a->weight_edge, a->counts.pairs) * sign(off));
        a->dp[at + step] += slope;
        a->dp[at] -= slope;
    }
}

static void add_smooth(const v2s_loss_depth_args *a, size_t at, double *sum) {
    const size_t W = (size_t)a->W, around[] = {at - W, at - 1, at + 1, at + W};
    double bend = 4.0 * a->p[at], g = a->g[at];
    for (int i = 0; i < 4; i++)
        bend -= a->p[around[i]];
    double share = exp(-(fabs(a->g[at + 1] - g) + fabs(a->g[at + W] - g)));
    *sum += fabs(bend) * share;
    if (a->dp != NULL) {
        real slope = (real)(factor(a->weight_smooth, a->counts.inner) * share * sign(bend));
        a->dp[at] += 4 * slope;
        for (int i = 0; i < 4; i++)
            a->dp[around[i]] -= slope;
    }
}

void v2s_loss_depth(const struct v2s_device *dev, const v2s_loss_depth_args *a,
                    v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    const size_t H = (size_t)a->H, W = (size_t)a->W, count = (size_t)a->N * H * W;
    const int64_t counts[] = {a->counts.pixels, a->counts.pairs, a->counts.inner};
    double sums[3] = {0.0, 0.0, 0.0};
    for (size_t i = 0; a->dp != NULL && i < count; i++)
        a->dp[i] = 0;
    for (size_t at = 0; at < count; at++) {
        size_t row = at / W % H, column = at % W;
        const real *g = a->g + at;
        if (!(*g > 0))
            continue;
        bool right = column + 1 < W && g[1] > 0, below = row + 1 < H && g[W] > 0;
        add_l1(a, at, &sums[0]);
        if (right)
            add_edge(a, at, 1, &sums[1]);
        if (below)
            add_edge(a, at, W, &sums[1]);
        if (right && below && column > 0 && row > 0 && g[-1] > 0 && *(g - W) > 0)
            add_smooth(a, at, &sums[2]);
    }
    for (int i = 0; i < 3; i++)
        a->terms[i] = counts[i] > 0 ? sums[i] / (double)counts[i] : 0.0;
}

void v2s_loss_depth_count(int N, int H, int W, const float *g, v2s_loss_depth_counts *counts) {
    const size_t rows = (size_t)H, columns = (size_t)W, count = (size_t)N * rows * columns;
    for (size_t at = 0; at < count; at++) {
        size_t row = at / columns % rows, column = at % columns;
        const float *here = g + at;
        if (!(*here > 0))
            continue;
        bool right = column + 1 < columns && here[1] > 0;
        bool below = row + 1 < rows && here[columns] > 0;
        counts->pixels++;
        counts->pairs += right + below;
        counts->inner +=
            right && below && column > 0 && row > 0 && here[-1] > 0 && *(here - columns) > 0;
    }
}
