// SPDX-License-Identifier: MIT
#include "kernels/softmax.h"

#include <tgmath.h>

void v2s_softmax_forward(const struct v2s_device *dev, const v2s_softmax_args *a,
                         v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int m = 0; m < a->M; m++) {
        const real *x = a->x + (size_t)m * a->N;
        real *y = a->y + (size_t)m * a->N, largest = -INFINITY;
        double sum = 0.0; // of up to tens of thousands of terms
        for (int n = 0; n < a->N; n++)
            largest = x[n] > largest ? x[n] : largest; // what is not a number shows in exp below
        for (int n = 0; n < a->N; n++) {
            y[n] = exp(x[n] - largest);
            sum += y[n];
        }
        for (int n = 0; n < a->N; n++)
            y[n] = (real)(y[n] / sum);
    }
}

void v2s_softmax_backward(const struct v2s_device *dev, const v2s_softmax_args *a,
                          v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (int m = 0; m < a->M; m++) {
        size_t row = (size_t)m * a->N;
        const real *y = a->y + row, *dy = a->dy + row;
        real *dx = a->dx + row;
        double sum = 0.0;
        for (int n = 0; n < a->N; n++)
            sum += (double)dy[n] * y[n];
        for (int n = 0; n < a->N; n++)
            dx[n] += y[n] * (dy[n] - (real)sum);
    }
}
