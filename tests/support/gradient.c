// SPDX-License-Identifier: MIT
#include "tests/support/gradient.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/hash_noise.h"

double gradient_error(gradient_function f, void *ctx, double *x, const double *gradient,
                      size_t count, size_t stride, double step) {
    double most = 0.0, largest = 0.0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(gradient[i]));
    for (size_t i = 0; i < count; i += stride) {
        double kept = x[i];
        x[i] = kept + step;
        double above = f(ctx, x);
        x[i] = kept - step;
        double below = f(ctx, x);
        x[i] = kept;
        double gap = fabs((above - below) / (2.0 * step) - gradient[i]);
        if (!(gap <= most))
            most = isfinite(gap) ? gap : INFINITY;
    }
    return largest > 0.0 ? most / largest : INFINITY;
}

double *noise_doubles(unsigned stream, size_t count, double scale) {
    float *noise = malloc((count + 1) * sizeof *noise);
    double *out = malloc((count + 1) * sizeof *out);
    hash_noise(stream, count, 1.0f, noise);
    for (size_t i = 0; i < count; i++)
        out[i] = scale * (double)noise[i];
    free(noise);
    return out;
}
