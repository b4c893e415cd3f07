// SPDX-License-Identifier: MIT
#include "tests/support/op_check.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 24, GRAD_STREAM = 5000 };

op_tensor op_tensor_make(const char *name, unsigned stream, size_t count, float scale) {
    op_tensor t = {.name = name, .count = count};
    t.value = guarded_noise(stream, count, scale);
    t.grad = guarded_noise(stream + GRAD_STREAM, count, 1.0f);
    t.value_d = doubles_of(t.value, count);
    t.grad_d = doubles_of(t.grad, count);
    t.before = doubles_of(t.grad, count);
    t.bound = calloc(count + 1, sizeof *t.bound);
    return t;
}

void op_tensor_free(op_tensor *t) {
    for (size_t i = 0; i < t->count; i++)
        cr_assert_eq((double)t->value[i], t->value_d[i], "%s was written to", t->name);
    guarded_free(t->value, t->count);
    guarded_free(t->grad, t->count);
    free(t->value_d);
    free(t->grad_d);
    free(t->before);
    free(t->bound);
}

static double derivative(double *x, double (*loss)(void *), void *ctx) {
    const double step = 1e-4, keep = *x;
    *x = keep + step;
    double above = loss(ctx);
    *x = keep - step;
    double below = loss(ctx);
    *x = keep;
    return (above - below) / (2 * step);
}

static void check_tensor(const op_tensor *t, double (*loss)(void *), void *ctx, const char *what) {
    double largest = 0.0, error = 0.0;
    for (size_t i = 0; i < t->count; i++)
        largest = fmax(largest, fabs(t->grad_d[i] - t->before[i]));
    size_t stride = t->count <= SAMPLES ? 1 : t->count / SAMPLES;
    for (size_t i = 0; i < t->count; i += stride) {
        double gap = fabs(derivative(&t->value_d[i], loss, ctx) - (t->grad_d[i] - t->before[i]));
        error = gap <= error ? error : gap;
    }
    cr_assert(error <= 1e-6 * largest + 1e-11, "%s: d(%s): differs by %g of %g", what, t->name,
              error, largest);
}

void op_check_numeric(const op_tensor *t, int tensors, double (*loss)(void *), void *ctx,
                      const char *what) {
    for (int i = 0; i < tensors; i++)
        check_tensor(&t[i], loss, ctx, what);
}

double op_gap(const op_tensor *t) {
    return largest_gap(t->grad, t->grad_d, t->count);
}

void op_check_rounding(const op_tensor *t, int tensors, double factor, const char *what) {
    for (int i = 0; i < tensors; i++)
        for (size_t j = 0; j < t[i].count; j++) {
            double gap = fabs((double)t[i].grad[j] - t[i].grad_d[j]);
            double limit = factor * 0x1p-24 * (t[i].bound[j] + fabs(t[i].before[j]));
            cr_assert(gap <= limit, "%s: d(%s)[%zu]: off by %g, rounding allows %g", what,
                      t[i].name, j, gap, limit);
        }
}

double *op_magnitudes(const double *x, size_t count) {
    double *to = malloc((count + 1) * sizeof *to);
    for (size_t i = 0; i < count; i++)
        to[i] = fabs(x[i]);
    return to;
}

void op_check_output(const float *y, const double *y_d, const double *bound, size_t count,
                     double factor, const char *what) {
    for (size_t i = 0; i < count; i++) {
        double gap = fabs((double)y[i] - y_d[i]), limit = factor * 0x1p-24 * bound[i];
        cr_assert(gap <= limit, "%s: y[%zu]: off by %g, rounding allows %g", what, i, gap, limit);
    }
}
