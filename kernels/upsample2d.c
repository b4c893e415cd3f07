// SPDX-License-Identifier: MIT
#include "kernels/upsample2d.h"

#include <stdint.h>

#include "kernels/picture_layout.h"

// A place on one axis: first * (1 - share) + second * share.
typedef struct place {
    int first, second;
    real share;
} place;

static place place_of(int i, int count, int outputs) {
    place p = {0, 0, 0};
    if (outputs > 1) {
        int64_t at = (int64_t)i * (count - 1);
        p.first = (int)(at / (outputs - 1));
        p.share = (real)(at % (outputs - 1)) / (outputs - 1);
    }
    p.second = p.first + 1 < count ? p.first + 1 : p.first;
    return p;
}

// A channel of an item: where it starts in x and in y; pixels are `step` apart in both.
typedef struct plane {
    size_t x, y, step;
} plane;

static plane plane_of(const v2s_upsample2d_args *a, int n, int c) {
    size_t inputs = (size_t)a->H * a->W, outputs = (size_t)a->OH * a->OW;
    return (plane){v2s_picture_plane(a->C, inputs, a->block, n, c),
                   v2s_picture_plane(a->C, outputs, a->block, n, c), v2s_picture_step(a->block)};
}

static void forward_plane(const v2s_upsample2d_args *a, plane p) {
    size_t row = (size_t)a->W * p.step;
    real *y = a->y + p.y;
    for (int i = 0; i < a->OH; i++) {
        place v = place_of(i, a->H, a->OH);
        const real *top = a->x + p.x + (size_t)v.first * row;
        const real *below = a->x + p.x + (size_t)v.second * row;
        for (int j = 0; j < a->OW; j++, y += p.step) {
            place h = place_of(j, a->W, a->OW);
            size_t first = (size_t)h.first * p.step, second = (size_t)h.second * p.step;
            real upper = (1 - h.share) * top[first] + h.share * top[second];
            real lower = (1 - h.share) * below[first] + h.share * below[second];
            *y = (1 - v.share) * upper + v.share * lower;
        }
    }
}

void v2s_upsample2d_forward(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                            v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int n = 0; n < a->N; n++)
        for (int c = 0; c < a->C; c++)
            forward_plane(a, plane_of(a, n, c));
}

static void backward_plane(const v2s_upsample2d_args *a, plane p) {
    size_t row = (size_t)a->W * p.step;
    const real *dy = a->dy + p.y;
    for (int i = 0; i < a->OH; i++) {
        place v = place_of(i, a->H, a->OH);
        real *top = a->dx + p.x + (size_t)v.first * row;
        real *below = a->dx + p.x + (size_t)v.second * row;
        for (int j = 0; j < a->OW; j++, dy += p.step) {
            place h = place_of(j, a->W, a->OW);
            size_t first = (size_t)h.first * p.step, second = (size_t)h.second * p.step;
            real upper = (1 - v.share) * *dy, lower = v.share * *dy;
            top[first] += (1 - h.share) * upper;
            top[second] += h.share * upper;
            below[first] += (1 - h.share) * lower;
            below[second] += h.share * lower;
        }
    }
}

void v2s_upsample2d_backward(const struct v2s_device *dev, const v2s_upsample2d_args *a,
                             v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int n = 0; n < a->N; n++)
        for (int c = 0; c < a->C; c++)
            backward_plane(a, plane_of(a, n, c));
}
