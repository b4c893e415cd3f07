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
