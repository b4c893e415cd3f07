// SPDX-License-Identifier: MIT
#include "kernels/linear.h"

size_t v2s_linear_scratch(const struct v2s_device *dev, const v2s_linear_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

void v2s_linear_forward(const struct v2s_device *dev, const v2s_linear_args *a,
                        v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int m = 0; m < a->M; m++) {
        const real *x = a->x + (size_t)m * a->C;
        for (int o = 0; o < a->O; o++) {
            real sum = a->bias[o];
            for (int c = 0; c < a->C; c++)
                sum += a->w[(size_t)o * a->C + c] * x[c];
            a->y[(size_t)m * a->O + o] = sum;
        }
    }
}

size_t v2s_linear_backward_scratch(const struct v2s_device *dev,
                                   const v2s_linear_backward_args *a) {
    (void)dev;
    (void)a;
    return 0;
}

void v2s_linear_backward(const struct v2s_device *dev, const v2s_linear_backward_args *g,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    const v2s_linear_args *a = &g->of;
    for (int m = 0; m < a->M; m++)
        for (int o = 0; o < a->O; o++) { // y[m,o] = bias[o] + sum_c w[o,c] * x[m,c]
            real dy = g->dy[(size_t)m * a->O + o];
            g->dbias[o] += dy;
            for (int c = 0; c < a->C; c++) {
                g->dw[(size_t)o * a->C + c] += dy * a->x[(size_t)m * a->C + c];
                if (g->dx != NULL)
                    g->dx[(size_t)m * a->C + c] += dy * a->w[(size_t)o * a->C + c];
            }
        }
}
