// SPDX-License-Identifier: MIT
// Training of the seed refiner against PyTorch in double (tests/data/golden/refiner_training.txt,
// tests/tools/make_training_golden.py). Included by a test in float and by one in double, where
// every type and function is the double twin's.
#ifndef V2S_TESTS_NN_REFINER_TRAINING_CHECK_H
#define V2S_TESTS_NN_REFINER_TRAINING_CHECK_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/device.h"
#include "nn/refiner.h"
#include "tests/support/hash_noise.h"

enum { BATCH = 2, FRAMES = 60, NUMBERS = BATCH * FRAMES * 4, STEPS = 10, PROJECTIONS = 16 };

static void noise(unsigned stream, size_t count, float scale, real *out) {
    float *values = malloc(count * sizeof *values);
    hash_noise(stream, count, scale, values);
    for (size_t i = 0; i < count; i++)
        out[i] = values[i];
    free(values);
}

static v2s_status fill_param(void *ctx, const char *name, v2s_tensor *param) {
    unsigned *stream = ctx;
    noise((*stream)++, v2s_tensor_count(param), strncmp(name, "gru", 3) == 0 ? 0.15f : 0.25f,
          param->data);
    return V2S_OK;
}

static v2s_refiner *open_seed(bool filled) {
    v2s_refiner_config config = v2s_refiner_seed();
    v2s_refiner *m = NULL;
    unsigned stream = 0;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    if (filled)
        cr_assert_eq(v2s_refiner_each_param(m, fill_param, &stream), V2S_OK);
    return m;
}

typedef struct comparison {
    const char *kind;
    double tolerance; // of the norm of a difference, relative to the golden norm
    unsigned index;
} comparison;

// The norm of the difference between a tensor and PyTorch's, from its projections.
static void compare_with_golden(const comparison *c, const char *name, const real *data,
                                size_t count) {
    FILE *file = fopen(V2S_TEST_DATA "/golden/refiner_training.txt", "r");
    cr_assert_not_null(file);
    char line[1024], prefix[128];
    int length = snprintf(prefix, sizeof prefix, "%s %s ", c->kind, name);
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, prefix, (size_t)length) == 0;
    fclose(file);
    cr_assert(found, "no line %s", prefix);
    char *at = line + length;
    double norm = strtod(at, &at), square = 0.0;
    float *values = malloc(count * sizeof *values);
    for (unsigned j = 0; j < PROJECTIONS; j++) {
        double sum = 0.0;
        hash_noise(1000 + PROJECTIONS * c->index + j, count, 1.0f, values);
        for (size_t i = 0; i < count; i++)
            sum += (double)data[i] * (double)values[i];
        double gap = sum - strtod(at, &at);
        square += 3.0 * gap * gap / PROJECTIONS;
    }
    free(values);
    cr_assert(sqrt(square) <= c->tolerance * norm, "%s %s: differs by %g of %g", c->kind, name,
              sqrt(square), norm);
}

static v2s_status compare_param(void *ctx, const char *name, v2s_tensor *param) {
    comparison *c = ctx;
    compare_with_golden(c, name, param->data, v2s_tensor_count(param));
    c->index++;
    return V2S_OK;
}

static void check_gradients(const v2s_device *dev, double tolerance) {
    v2s_refiner *m = open_seed(true), *grads = open_seed(false);
    static real x[NUMBERS], dy[NUMBERS], y[NUMBERS], dx[NUMBERS];
    noise(100, NUMBERS, 1.0f, x);
    noise(101, NUMBERS, 1.0f, dy);
    memset(dx, 0, sizeof dx);
    v2s_refiner_work work;
    cr_assert_eq(v2s_refiner_work_open_training(&work, m, dev, BATCH, FRAMES), V2S_OK);
    v2s_refiner_forward(m, dev, BATCH, FRAMES, x, y, &work);
    v2s_refiner_backward(m, grads, dev, BATCH, FRAMES, x, dy, dx, &work);
    comparison c = {.kind = "gradient", .tolerance = tolerance};
    cr_assert_eq(v2s_refiner_each_param(grads, compare_param, &c), V2S_OK);
    compare_with_golden(&c, "input", dx, NUMBERS);
    v2s_refiner_work_close(&work);
    v2s_refiner_close(&grads);
    v2s_refiner_close(&m);
}

typedef struct state {
    v2s_refiner *m, *grads, *average, *squares;
    v2s_refiner_work work;
} state;

// One step on the mean square error of the residual.
static void step(state *s, const v2s_device *dev, v2s_optim_args *a, int step) {
    static real x[NUMBERS], target[NUMBERS], y[NUMBERS];
    noise(300 + (unsigned)step, NUMBERS, 1.0f, x);
    noise(400 + (unsigned)step, NUMBERS, 1.0f, target);
    v2s_refiner_forward(s->m, dev, BATCH, FRAMES, x, y, &s->work);
    for (int i = 0; i < NUMBERS; i++)
        y[i] = 2 * (y[i] - target[i]) / NUMBERS;
    a->p = v2s_refiner_flat(s->m, &a->count);
    real *grad = v2s_refiner_flat(s->grads, &a->count);
    memset(grad, 0, a->count * sizeof *grad);
    v2s_refiner_backward(s->m, s->grads, dev, BATCH, FRAMES, x, y, NULL, &s->work);
    a->grad = grad;
    a->m = v2s_refiner_flat(s->average, &a->count);
    a->v = v2s_refiner_flat(s->squares, &a->count);
    a->step = step + 1;
    dev->ops->optim_step(dev, a);
}

static void check_steps(const v2s_device *dev, const char *kind, v2s_optim_args a,
                        double tolerance) {
    state s = {.m = open_seed(true),
               .grads = open_seed(false),
               .average = open_seed(false),
               .squares = open_seed(false)};
    a.scale = 1.0;
    a.beta1 = 0.9;
    a.beta2 = 0.999;
    a.eps = 1e-8;
    cr_assert_eq(v2s_refiner_work_open_training(&s.work, s.m, dev, BATCH, FRAMES), V2S_OK);
    for (int i = 0; i < STEPS; i++)
        step(&s, dev, &a, i);
    comparison c = {.kind = kind, .tolerance = tolerance};
    cr_assert_eq(v2s_refiner_each_param(s.m, compare_param, &c), V2S_OK);
    v2s_refiner_work_close(&s.work);
    v2s_refiner_close(&s.m);
    v2s_refiner_close(&s.grads);
    v2s_refiner_close(&s.average);
    v2s_refiner_close(&s.squares);
}

static void check_optimizers(const v2s_device *dev, double tolerance) {
    check_steps(dev, "adamw",
                (v2s_optim_args){.kind = V2S_OPTIM_ADAMW, .rate = 1e-3, .decay = 1e-2}, tolerance);
    check_steps(dev, "adam", (v2s_optim_args){.kind = V2S_OPTIM_ADAM, .rate = 1e-3, .decay = 1e-2},
                tolerance);
    check_steps(
        dev, "sgd",
        (v2s_optim_args){.kind = V2S_OPTIM_SGD, .rate = 1e-2, .decay = 1e-3, .momentum = 0.9},
        tolerance);
}

#endif
