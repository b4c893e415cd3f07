// SPDX-License-Identifier: MIT
#include "kernels/conv2d.h"

size_t v2s_conv2d_scratch(const struct v2s_device *dev, const v2s_conv2d_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

// The picture of channel c of item n in a tensor [N,channels,H,W].
static size_t plane(const v2s_conv2d_args *a, int n, int channels, int c) {
    return ((size_t)n * channels + c) * ((size_t)a->H * a->W);
}

// Those of 0 .. count-1 that stay inside when `shift` is added: begin .. end-1.
static void inside(int count, int shift, int *begin, int *end) {
    *begin = shift < 0 ? -shift : 0;
    *end = shift > 0 ? count - shift : count;
}

// to[i,j] += w * from[i+di,j+dj] wherever that lies inside.
static void add_shifted(const v2s_conv2d_args *a, int di, int dj, real w, const real *from,
                        real *to) {
    int i0, i1, j0, j1;
    inside(a->H, di, &i0, &i1);
    inside(a->W, dj, &j0, &j1);
    for (int i = i0; i < i1; i++) {
        real *row = to + (size_t)i * a->W;
        const real *source = from + (size_t)(i + di) * a->W;
        for (int j = j0; j < j1; j++)
            row[j] += w * source[j + dj];
    }
}

// Sum of dy[i,j] * x[i+di,j+dj] wherever that lies inside; in double, because it may have millions
// of terms.
static double dot_shifted(const v2s_conv2d_args *a, int di, int dj, const real *x, const real *dy) {
    int i0, i1, j0, j1;
    double sum = 0.0;
    inside(a->H, di, &i0, &i1);
    inside(a->W, dj, &j0, &j1);
    for (int i = i0; i < i1; i++) {
        const real *row = dy + (size_t)i * a->W, *source = x + (size_t)(i + di) * a->W;
        for (int j = j0; j < j1; j++)
            sum += (double)row[j] * source[j + dj];
    }
    return sum;
}

void v2s_conv2d_forward(const struct v2s_device *dev, const v2s_conv2d_args *a,
                        v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    int taps = a->KH * a->KW;
    size_t pixels = (size_t)a->H * a->W;
    for (int n = 0; n < a->N; n++)
        for (int o = 0; o < a->O; o++) {
            real *y = a->y + plane(a, n, a->O, o);
            for (size_t i = 0; i < pixels; i++)
                y[i] = a->bias != NULL ? a->bias[o] : 0;
            for (int c = 0; c < a->C; c++)
                for (int tap = 0; tap < taps; tap++)
                    add_shifted(a, tap / a->KW - a->KH / 2, tap % a->KW - a->KW / 2,
                                a->w[((size_t)o * a->C + c) * taps + tap],
                                a->x + plane(a, n, a->C, c), y);
        }
}

size_t v2s_conv2d_backward_scratch(const struct v2s_device *dev,
                                   const v2s_conv2d_backward_args *g) {
    (void)dev;
    (void)g;
    return 0;
}

// dw and dx of one tap (di, dj) between channels c and o, which is number k of w.
static void backward_tap(const v2s_conv2d_backward_args *g, int o, int c, int di, int dj,
                         size_t k) {
    const v2s_conv2d_args *a = &g->of;
    double sum = 0.0;
    for (int n = 0; n < a->N; n++) {
        const real *dy = g->dy + plane(a, n, a->O, o);
        sum += dot_shifted(a, di, dj, a->x + plane(a, n, a->C, c), dy);
        if (g->dx != NULL)
            add_shifted(a, -di, -dj, a->w[k], dy, g->dx + plane(a, n, a->C, c));
    }
    g->dw[k] += (real)sum;
}

void v2s_conv2d_backward(const struct v2s_device *dev, const v2s_conv2d_backward_args *g,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    const v2s_conv2d_args *a = &g->of;
    int taps = a->KH * a->KW;
    size_t pixels = (size_t)a->H * a->W;
    for (int o = 0; o < a->O; o++)
        for (int c = 0; c < a->C; c++)
            for (int tap = 0; tap < taps; tap++)
                backward_tap(g, o, c, tap / a->KW - a->KH / 2, tap % a->KW - a->KW / 2,
                             ((size_t)o * a->C + c) * taps + tap);
    for (int o = 0; g->dbias != NULL && o < a->O; o++) {
        double sum = 0.0;
        for (int n = 0; n < a->N; n++)
            for (size_t i = 0; i < pixels; i++)
                sum += g->dy[plane(a, n, a->O, o) + i];
        g->dbias[o] += (real)sum;
    }
}
