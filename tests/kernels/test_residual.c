// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

enum { X, BRANCH, GAMMA, TENSORS };

typedef struct problem {
    v2s_residual_args_f64 a;
    op_tensor t[TENSORS];
    float *dy;
    double *dy_d;
} problem;

static problem make(size_t count) {
    problem p = {.t = {op_tensor_make("x", 1, count, 1.0f),
                       op_tensor_make("branch", 2, count, 1.0f),
                       op_tensor_make("gamma", 3, 1, 1.0f)}};
    p.dy = guarded_noise(4, count, 1.0f);
    p.dy_d = doubles_of(p.dy, count);
    double *y = calloc(count + 1, sizeof *y);
    p.a =
        (v2s_residual_args_f64){count,  p.t[X].value_d, p.t[BRANCH].value_d, p.t[GAMMA].value_d, y,
                                p.dy_d, p.t[X].grad_d,  p.t[BRANCH].grad_d,  p.t[GAMMA].grad_d};
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->a.count);
    free(p->dy_d);
    free(p->a.y);
    for (int i = 0; i < TENSORS; i++)
        op_tensor_free(&p->t[i]);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_residual_forward_f64(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->a.count; i++)
        sum += p->a.y[i] * p->dy_d[i];
    return sum;
}

Test(residual, by_hand) {
    float x[] = {1, 2}, branch[] = {10, 100}, gamma = 0.5f, dy[] = {3, -1};
    float dx[] = {1, 1}, dbranch[] = {2, 2}, dgamma = 7;
    v2s_residual_args a = {2, x, branch, &gamma, x, dy, dx, dbranch, &dgamma};
    v2s_residual_backward(NULL, &a, NULL);
    v2s_residual_forward(NULL, &a, NULL); // in place
    cr_assert(x[0] == 6.0f && x[1] == 52.0f);
    cr_assert(dx[0] == 4.0f && dx[1] == 0.0f && dbranch[0] == 3.5f && dbranch[1] == 1.5f);
    cr_assert_eq(dgamma, 7.0f + 30.0f - 100.0f);
    a.dx = a.dbranch = a.dgamma = NULL; // not wanted
    v2s_residual_backward(NULL, &a, NULL);
    a.y = branch;
    v2s_residual_forward(NULL, &a, NULL);
    cr_assert(branch[0] == 11.0f && branch[1] == 102.0f);
}

Test(residual, backward_is_the_derivative_of_forward) {
    problem p = make(37);
    v2s_residual_backward_f64(NULL, &p.a, NULL);
    op_check_numeric(p.t, TENSORS, loss, &p, "residual");
    discard(&p);
}

static void check(const v2s_device *dev, size_t count) {
    problem p = make(count);
    float *y = guarded_noise(5, count, 9.0f), gamma = p.t[GAMMA].value[0];
    double *bound = calloc(count + 1, sizeof *bound);
    v2s_residual_args a = {count, p.t[X].value, p.t[BRANCH].value, p.t[GAMMA].value, y,
                           p.dy,  p.t[X].grad,  p.t[BRANCH].grad,  p.t[GAMMA].grad};
    v2s_arena scratch = scratch_of(dev->ops->residual_backward_scratch(dev, &a));
    memset(scratch.base, 0xff, scratch.size);
    loss(&p);
    v2s_residual_backward_f64(NULL, &p.a, NULL);
    dev->ops->residual_forward(dev, &a, &scratch);
    dev->ops->residual_backward(dev, &a, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
    for (size_t i = 0; i < count; i++) {
        double dy = fabs(p.dy_d[i]), branch = fabs(p.t[BRANCH].value_d[i]);
        bound[i] = fabs(p.t[X].value_d[i]) + fabs((double)gamma) * branch;
        p.t[X].bound[i] = dy;
        p.t[BRANCH].bound[i] = fabs((double)gamma) * dy;
    }
    p.t[GAMMA].bound[0] = fabs(p.t[GAMMA].grad_d[0] - p.t[GAMMA].before[0]); // rounded once
    op_check_output(y, p.a.y, bound, count, 2.0, "residual");
    op_check_rounding(p.t, TENSORS, 2.0, "residual");
    guarded_free(y, count);
    free(bound);
    discard(&p);
}

Test(residual, of_every_table_equals_double) {
    const size_t sizes[] = {0, 1, 2, 31, 32, 33, 257, 10007};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 8; i++)
            check(dev, sizes[i]);
        v2s_device_close(&dev);
    }
}

// A sum of floats would stop growing at 2^24.
Test(residual, sums_for_gamma_in_double) {
    enum { COUNT = (1 << 24) + 4096 };
    float *ones = malloc(sizeof *ones * COUNT), gamma = 1, dgamma = 0;
    for (int i = 0; i < COUNT; i++)
        ones[i] = 1.0f;
    v2s_residual_args a = {.count = COUNT, .branch = ones, .gamma = &gamma, .dy = ones};
    a.dgamma = &dgamma;
    v2s_residual_backward(NULL, &a, NULL);
    cr_assert_eq(dgamma, (float)COUNT);
    free(ones);
}
