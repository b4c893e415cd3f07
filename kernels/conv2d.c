// SPDX-License-Identifier: MIT
#include "kernels/conv2d.h"

#include "kernels/picture_layout.h"

size_t v2s_conv2d_scratch(const struct v2s_device *dev, const v2s_conv2d_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

// A channel of an item, and of a gradient that lies alike: pixel i is at at[i * step].
typedef struct plane {
    size_t at, step;
} plane;

static plane plane_of_x(const v2s_conv2d_args *a, int n, int c) {
    size_t pixels = (size_t)a->H * a->W;
    return (plane){v2s_picture_plane(a->C, pixels, a->x_block, n, c), v2s_picture_step(a->x_block)};
}

static plane plane_of_y(const v2s_conv2d_args *a, int n, int o) {
    size_t pixels = (size_t)a->H * a->W;
    return (plane){v2s_picture_plane(a->O, pixels, a->y_block, n, o), v2s_picture_step(a->y_block)};
}

// Those of 0 .. count-1 that stay inside when `shift` is added: begin .. end-1.
static void inside(int count, int shift, int *begin, int *end) {
    *begin = shift < 0 ? -shift : 0;
    *end = shift > 0 ? count - shift : count;
}

// to[i,j] += w * from[i+di,j+dj] wherever that lies inside; the planes say where they lie.
static void add_shifted(const v2s_conv2d_args *a, int di, int dj, real w, const real *from,
                        plane source, real *to, plane target) {
    int i0, i1, j0, j1;
    inside(a->H, di, &i0, &i1);
    inside(a->W, dj, &j0, &j1);
    for (int i = i0; i < i1; i++) {
        real *row = to + target.at + (size_t)i * a->W * target.step;
        const real *other = from + source.at + (size_t)(i + di) * a->W * source.step;
        for (int j = j0; j < j1; j++)
            row[(size_t)j * target.step] += w * other[(size_t)(j + dj) * source.step];
    }
}

// Sum of dy[i,j] * x[i+di,j+dj] wherever that lies inside; in double, because it may have millions
// of terms.
static double dot_shifted(const v2s_conv2d_args *a, int di, int dj, const real *x, plane of_x,
                          const real *dy, plane of_y) {
    int i0, i1, j0, j1;
    double sum = 0.0;
    inside(a->H, di, &i0, &i1);
    inside(a->W, dj, &j0, &j1);
    for (int i = i0; i < i1; i++) {
        const real *row = dy + of_y.at + (size_t)i * a->W * of_y.step;
        const real *other = x + of_x.at + (size_t)(i + di) * a->W * of_x.step;
        for (int j = j0; j < j1; j++)
            sum += (double)row[(size_t)j * of_y.step] * other[(size_t)(j + dj) * of_x.step];
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
            plane y = plane_of_y(a, n, o);
            for (size_t i = 0; i < pixels; i++)
                a->y[y.at + i * y.step] = a->bias != NULL ? a->bias[o] : 0;
            for (int c = 0; c < a->C; c++)
                for (int tap = 0; tap < taps; tap++)
                    add_shifted(a, tap / a->KW - a->KH / 2, tap % a->KW - a->KW / 2,
                                a->w[((size_t)o * a->C + c) * taps + tap], a->x,
                                plane_of_x(a, n, c), a->y, y);
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
        plane x = plane_of_x(a, n, c), y = plane_of_y(a, n, o);
        sum += dot_shifted(a, di, dj, a->x, x, g->dy, y);
        if (g->dx != NULL)
            add_shifted(a, -di, -dj, a->w[k], g->dy, y, g->dx, x);
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
        for (int n = 0; n < a->N; n++) {
            plane y = plane_of_y(a, n, o);
            for (size_t i = 0; i < pixels; i++)
                sum += g->dy[y.at + i * y.step];
        }
        g->dbias[o] += (real)sum;
    }
}
