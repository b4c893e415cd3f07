// SPDX-License-Identifier: MIT
// Gradients against central differences, in double.
#ifndef V2S_TESTS_SUPPORT_GRADIENT_H
#define V2S_TESTS_SUPPORT_GRADIENT_H

#include <stddef.h>

// A scalar function of x [count].
typedef double (*gradient_function)(void *ctx, const double *x);

// Largest |central difference - gradient[i]| over every `stride`-th i, over the largest
// |gradient|; infinite where either is not finite, or where the gradient is 0 everywhere.
double gradient_error(gradient_function f, void *ctx, double *x, const double *gradient,
                      size_t count, size_t stride, double step);

// `count` doubles of hash noise in [-scale, scale); free() them.
double *noise_doubles(unsigned stream, size_t count, double scale);

#endif
