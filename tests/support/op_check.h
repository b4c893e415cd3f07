// SPDX-License-Identifier: MIT
// What the tests of backward operations share: a list of tensors, each with its gradient, in float
// (between guard zones, unaligned) and in double (for the definition). Gradients start as noise,
// because backward has to add to what is there.
#ifndef V2S_TESTS_SUPPORT_OP_CHECK_H
#define V2S_TESTS_SUPPORT_OP_CHECK_H

#include "tests/support/guarded.h"

typedef struct op_tensor {
    const char *name;
    size_t count;
    float *value, *grad;      // guarded
    double *value_d, *grad_d; // the same numbers
    double *before;           // what grad_d was at the start
    double *bound;            // magnitude of the sum behind each element of grad
} op_tensor;

// Values are noise of this stream and scale; every magnitude is zero.
op_tensor op_tensor_make(const char *name, unsigned stream, size_t count, float scale);

// Asserts the guard zones and that the values are what they were made as.
void op_tensor_free(op_tensor *t);

// Asserts that grad_d - before is the derivative of loss(ctx), which reads value_d, by central
// differences, at up to 24 elements of every tensor: within 1e-6 of the tensor's largest one.
void op_check_numeric(const op_tensor *t, int tensors, double (*loss)(void *), void *ctx,
                      const char *what);

// Largest |grad - grad_d|.
double op_gap(const op_tensor *t);

// Asserts |grad - grad_d| <= factor * 2^-24 * (bound + |before|), element by element.
void op_check_rounding(const op_tensor *t, int tensors, double factor, const char *what);

// The same numbers without their signs; free() them. What is sums of products becomes, of these,
// the magnitudes that rounding is measured by.
double *op_magnitudes(const double *x, size_t count);

// Asserts |y - y_d| <= factor * 2^-24 * bound, element by element.
void op_check_output(const float *y, const double *y_d, const double *bound, size_t count,
                     double factor, const char *what);

#endif
