// SPDX-License-Identifier: MIT
#include "kernels/residual.h"

void v2s_residual_forward(const struct v2s_device *dev, const v2s_residual_args *a,
                          v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (size_t i = 0; i < a->count; i++)
        a->y[i] = a->x[i] + a->gamma[0] * a->branch[i];
}

void v2s_residual_backward(const struct v2s_device *dev, const v2s_residual_args *a,
                           v2s_arena *scratch) {
    (void)dev;
    (void)scratch;
    for (size_t i = 0; a->dx != NULL && i < a->count; i++)
        a->dx[i] += a->dy[i];
    for (size_t i = 0; a->dbranch != NULL && i < a->count; i++)
        a->dbranch[i] += a->gamma[0] * a->dy[i];
    if (a->dgamma == NULL)
        return;
    double sum = 0.0;
    for (size_t i = 0; i < a->count; i++)
        sum += (double)a->dy[i] * a->branch[i];
    a->dgamma[0] += (real)sum;
}

size_t v2s_residual_backward_scratch(const struct v2s_device *dev, const v2s_residual_args *a) {
    (void)dev;
    (void)a;
    return 0;
}
