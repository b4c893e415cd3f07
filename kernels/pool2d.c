// SPDX-License-Identifier: MIT
#include "kernels/pool2d.h"

#include <math.h>

#include "kernels/picture_layout.h"

// A channel of an item: where it starts in x and in y; pixels are `step` apart in both.
typedef struct plane {
    size_t x, y, step;
} plane;

static plane plane_of(const v2s_pool2d_args *a, int n, int c) {
    size_t inputs = (size_t)a->H * a->W, outputs = (size_t)(a->H / 2) * (size_t)(a->W / 2);
    return (plane){v2s_picture_plane(a->C, inputs, a->block, n, c),
                   v2s_picture_plane(a->C, outputs, a->block, n, c), v2s_picture_step(a->block)};
}

// Where pixel k of the square of output number o of that channel is in x.
static size_t square(const v2s_pool2d_args *a, plane p, int o, int k) {
    int half = a->W / 2;
    size_t row = (size_t)(o / half) * 2 + (size_t)(k / 2);
    size_t column = (size_t)(o % half) * 2 + (size_t)(k % 2);
    return p.x + (row * (size_t)a->W + column) * p.step;
}

static void forward_plane(const v2s_pool2d_args *a, plane p) {
    int outputs = (a->H / 2) * (a->W / 2);
    for (int o = 0; o < outputs; o++) {
        int best = 0;
        real largest = a->x[square(a, p, o, 0)];
        for (int k = 1; k < 4; k++) {
            real value = a->x[square(a, p, o, k)];
            if (value > largest || isnan(value)) {
                largest = value;
                best = k;
            }
        }
        size_t at = p.y + (size_t)o * p.step;
        a->y[at] = largest;
        if (a->index != NULL)
            a->index[at] = (uint8_t)best;
    }
}

void v2s_pool2d_forward(const struct v2s_device *dev, const v2s_pool2d_args *a,
                        v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int n = 0; n < a->N; n++)
        for (int c = 0; c < a->C; c++)
            forward_plane(a, plane_of(a, n, c));
}

void v2s_pool2d_backward(const struct v2s_device *dev, const v2s_pool2d_args *a,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    int outputs = (a->H / 2) * (a->W / 2);
    for (int n = 0; n < a->N; n++)
        for (int c = 0; c < a->C; c++) {
            plane p = plane_of(a, n, c);
            for (int o = 0; o < outputs; o++) {
                size_t at = p.y + (size_t)o * p.step;
                a->dx[square(a, p, o, a->index[at])] += a->dy[at];
            }
        }
}
