// SPDX-License-Identifier: MIT
#include "kernels/pool2d.h"

#include <math.h>

// Where the square of output number o of a picture starts in that picture.
static size_t corner(const v2s_pool2d_args *a, int o) {
    int half = a->W / 2;
    return (size_t)(o / half) * 2 * a->W + (size_t)(o % half) * 2;
}

void v2s_pool2d_forward(const struct v2s_device *dev, const v2s_pool2d_args *a,
                        v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t planes = (size_t)a->N * a->C, pixels = (size_t)a->H * a->W;
    int outputs = (a->H / 2) * (a->W / 2);
    for (size_t p = 0; p < planes; p++)
        for (int o = 0; o < outputs; o++) {
            const real *x = a->x + p * pixels + corner(a, o);
            int best = 0;
            real largest = x[0];
            for (int k = 1; k < 4; k++) {
                real value = x[(size_t)(k / 2) * a->W + k % 2];
                if (value > largest || isnan(value)) {
                    largest = value;
                    best = k;
                }
            }
            a->y[p * outputs + o] = largest;
            if (a->index != NULL)
                a->index[p * outputs + o] = (uint8_t)best;
        }
}

void v2s_pool2d_backward(const struct v2s_device *dev, const v2s_pool2d_args *a,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    size_t planes = (size_t)a->N * a->C, pixels = (size_t)a->H * a->W;
    int outputs = (a->H / 2) * (a->W / 2);
    for (size_t p = 0; p < planes; p++)
        for (int o = 0; o < outputs; o++) {
            int k = a->index[p * outputs + o];
            a->dx[p * pixels + corner(a, o) + (size_t)(k / 2) * a->W + k % 2] +=
                a->dy[p * outputs + o];
        }
}
