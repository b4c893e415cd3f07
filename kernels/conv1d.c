// SPDX-License-Identifier: MIT
#include "kernels/conv1d.h"

size_t v2s_conv1d_scratch(const struct v2s_device *dev, const v2s_conv1d_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

static real output_at(const v2s_conv1d_args *a, const real *x, int t, int o) {
    int half = (a->K - 1) / 2;
    real sum = a->bias[o];
    for (int k = 0; k < a->K; k++) {
        int from = t + k - half;
        if (from < 0 || from >= a->T)
            continue;
        for (int c = 0; c < a->C; c++)
            sum += a->w[((size_t)o * a->C + c) * a->K + k] * x[(size_t)from * a->C + c];
    }
    return sum;
}

void v2s_conv1d_forward(const struct v2s_device *dev, const v2s_conv1d_args *a,
                        v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int b = 0; b < a->B; b++) {
        const real *x = a->x + (size_t)b * a->T * a->C;
        real *y = a->y + (size_t)b * a->T * a->O;
        for (int t = 0; t < a->T; t++)
            for (int o = 0; o < a->O; o++)
                y[(size_t)t * a->O + o] = output_at(a, x, t, o);
    }
}

size_t v2s_conv1d_backward_scratch(const struct v2s_device *dev,
                                   const v2s_conv1d_backward_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

// y[t,o] = bias[o] + sum_{c,k} w[o,c,k] * x[t + k - half, c], backwards for one (t,o).
static void add_gradients_at(const v2s_conv1d_backward_args *g, const real *x, real *dx, int t,
                             int o, real dy) {
    const v2s_conv1d_args *a = &g->of;
    int half = (a->K - 1) / 2;
    g->dbias[o] += dy;
    for (int k = 0; k < a->K; k++) {
        int from = t + k - half;
        if (from < 0 || from >= a->T)
            continue;
        for (int c = 0; c < a->C; c++) {
            size_t at = ((size_t)o * a->C + c) * a->K + k, input = (size_t)from * a->C + c;
            g->dw[at] += dy * x[input];
            if (dx != NULL)
                dx[input] += dy * a->w[at];
        }
    }
}

void v2s_conv1d_backward(const struct v2s_device *dev, const v2s_conv1d_backward_args *g,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    const v2s_conv1d_args *a = &g->of;
    for (int b = 0; b < a->B; b++) {
        size_t first = (size_t)b * a->T;
        real *dx = g->dx != NULL ? g->dx + first * a->C : NULL;
        for (int t = 0; t < a->T; t++)
            for (int o = 0; o < a->O; o++)
                add_gradients_at(g, a->x + first * a->C, dx, t, o, g->dy[(first + t) * a->O + o]);
    }
}
