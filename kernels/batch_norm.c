// SPDX-License-Identifier: MIT
// Statistics and gradient sums are taken in double: a channel may have millions of numbers.
#include "kernels/batch_norm.h"

#include <tgmath.h>

#include "kernels/picture_layout.h"

size_t v2s_batch_norm_scratch(const struct v2s_device *dev, const v2s_batch_norm_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

static size_t pixels_of(const v2s_batch_norm_args *a) {
    return (size_t)a->H * a->W;
}

// Where channel c of item n starts; its pixels are v2s_picture_step(a->block) apart.
static size_t plane(const v2s_batch_norm_args *a, int n, int c) {
    return v2s_picture_plane(a->C, pixels_of(a), a->block, n, c);
}

// Number x of channel c, normalised; before relu.
static real normalized(const v2s_batch_norm_args *a, int c, real x, real mean, real inv_std) {
    return a->weight[c] * ((x - mean) * inv_std) + a->bias[c];
}

// dy at number x of channel c as it was before relu: nothing goes through where y is 0.
static real before_relu(const v2s_batch_norm_args *a, int c, real x, real dy) {
    if (!a->relu)
        return dy;
    return normalized(a, c, x, a->saved_mean[c], a->saved_inv_std[c]) <= 0 ? 0 : dy;
}

// Sum of (x - from)^power over channel c; power is 1 or 2.
static double sum_of(const v2s_batch_norm_args *a, int c, double from, int power) {
    size_t step = v2s_picture_step(a->block), end = pixels_of(a) * step;
    double sum = 0.0;
    for (int n = 0; n < a->N; n++) {
        const real *x = a->x + plane(a, n, c);
        for (size_t i = 0; i < end; i += step) {
            double off = x[i] - from;
            sum += power == 1 ? off : off * off;
        }
    }
    return sum;
}

// Mean and variance of channel c as training takes them; moves the running ones.
static void batch_statistics(const v2s_batch_norm_args *a, int c, double *mean, double *var) {
    double count = (double)a->N * a->H * a->W, keep = 1.0 - (double)a->momentum;
    *mean = sum_of(a, c, 0.0, 1) / count;
    *var = sum_of(a, c, *mean, 2) / count;
    double unbiased = count > 1.0 ? *var * (count / (count - 1.0)) : *var;
    a->running_mean[c] = (real)(keep * a->running_mean[c] + a->momentum * *mean);
    a->running_var[c] = (real)(keep * a->running_var[c] + a->momentum * unbiased);
}

void v2s_batch_norm_forward(const struct v2s_device *dev, const v2s_batch_norm_args *a,
                            v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t step = v2s_picture_step(a->block), end = pixels_of(a) * step;
    for (int c = 0; c < a->C; c++) {
        double mean = a->running_mean[c], var = a->running_var[c];
        if (a->training && a->N > 0 && end > 0)
            batch_statistics(a, c, &mean, &var);
        real middle = (real)mean, inv_std = (real)(1.0 / sqrt(var + (double)a->eps));
        for (int n = 0; n < a->N; n++) {
            const real *x = a->x + plane(a, n, c);
            real *y = a->y + plane(a, n, c);
            for (size_t i = 0; i < end; i += step) {
                real value = normalized(a, c, x[i], middle, inv_std);
                y[i] = a->relu && value <= 0 ? 0 : value;
            }
        }
        if (a->saved_mean != NULL) {
            a->saved_mean[c] = middle;
            a->saved_inv_std[c] = inv_std;
        }
    }
}

size_t v2s_batch_norm_backward_scratch(const struct v2s_device *dev,
                                       const v2s_batch_norm_backward_args *g) {
    (void)dev;
    (void)g;
    return 0;
}

// Adds to dx of channel c, given the means of dy and of dy h over it (0 in inference).
static void add_dx(const v2s_batch_norm_backward_args *g, int c, real mean_dy, real mean_dy_h) {
    const v2s_batch_norm_args *a = &g->of;
    real mean = a->saved_mean[c], inv_std = a->saved_inv_std[c], slope = a->weight[c] * inv_std;
    size_t step = v2s_picture_step(a->block), end = pixels_of(a) * step;
    for (int n = 0; n < a->N; n++) {
        const real *x = a->x + plane(a, n, c), *dy = g->dy + plane(a, n, c);
        real *dx = g->dx + plane(a, n, c);
        for (size_t i = 0; i < end; i += step) {
            real change = before_relu(a, c, x[i], dy[i]);
            dx[i] += slope * (change - mean_dy - (x[i] - mean) * inv_std * mean_dy_h);
        }
    }
}

void v2s_batch_norm_backward(const struct v2s_device *dev, const v2s_batch_norm_backward_args *g,
                             v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    const v2s_batch_norm_args *a = &g->of;
    size_t step = v2s_picture_step(a->block), end = pixels_of(a) * step;
    double count = (double)a->N * (double)pixels_of(a);
    for (int c = 0; c < a->C; c++) {
        double sum_dy = 0.0, sum_dy_h = 0.0;
        for (int n = 0; n < a->N; n++) {
            const real *x = a->x + plane(a, n, c), *dy = g->dy + plane(a, n, c);
            for (size_t i = 0; i < end; i += step) {
                double change = before_relu(a, c, x[i], dy[i]);
                sum_dy += change;
                sum_dy_h += change * ((x[i] - a->saved_mean[c]) * a->saved_inv_std[c]);
            }
        }
        g->dbias[c] += (real)sum_dy;
        g->dweight[c] += (real)sum_dy_h;
        if (g->dx != NULL)
            add_dx(g, c, a->training ? (real)(sum_dy / count) : 0,
                   a->training ? (real)(sum_dy_h / count) : 0);
    }
}
