// SPDX-License-Identifier: MIT
#include "kernels/loss_mse.h"

double v2s_loss_mse(size_t count, const real *x, const real *truth, real scale, real *dx) {
    if (count == 0)
        return 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        double difference = (double)x[i] - (double)truth[i];
        sum += difference * difference;
    }
    const real factor = (real)(2.0 * (double)scale / (double)count);
    for (size_t i = 0; dx != NULL && i < count; i++)
        dx[i] += factor * (x[i] - truth[i]);
    return sum / (double)count;
}
