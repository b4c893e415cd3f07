// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

enum { KINDS = V2S_REDUCE_MAX + 1, AXES = V2S_REDUCE_COLUMNS + 1 };

Test(reduce, by_hand) {
    const float x[] = {1, 5, 3, 4, 2, 6};
    const float expected[AXES][KINDS][3] = {{{9, 12}, {3, 4}, {5, 6}},
                                            {{5, 7, 9}, {2.5, 3.5, 4.5}, {4, 5, 6}}};
    for (int axis = 0; axis < AXES; axis++)
        for (int kind = 0; kind < KINDS; kind++) {
            float y[3] = {0};
            v2s_reduce_args a = {
                (v2s_reduce_kind)kind, (v2s_reduce_axis)axis, 2, 3, x, y, NULL, NULL, NULL};
            v2s_reduce_forward(NULL, &a, NULL);
            for (int i = 0; i < (axis == 0 ? 2 : 3); i++)
                cr_assert_eq(y[i], expected[axis][kind][i], "%d %d %d", axis, kind, i);
        }
}

Test(reduce, of_max_takes_the_first_largest_and_keeps_what_is_not_a_number) {
    const float x[] = {3, 7, 7, 1,         9,         NAN,       NAN,       INFINITY, //
                       5, 6, 7, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY};
    float y[4], dy[] = {1, 2, 3, 4}, dx[16] = {0};
    int32_t index[4];
    v2s_reduce_args a = {V2S_REDUCE_MAX, V2S_REDUCE_ROWS, 4, 4, x, y, index, dy, dx};
    v2s_reduce_forward(NULL, &a, NULL);
    v2s_reduce_backward(NULL, &a, NULL);
    cr_assert(y[0] == 7.0f && index[0] == 1 && isnan(y[1]) && index[1] == 1);
    cr_assert(y[2] == 7.0f && index[2] == 2 && y[3] == -INFINITY && index[3] == 0);
    for (int i = 0; i < 16; i++)
        cr_assert_eq(dx[i], i == 1 ? 1.0f : i == 5 ? 2.0f : i == 10 ? 3.0f : i == 12 ? 4.0f : 0.0f);
}

Test(reduce, of_nothing) {
    for (int axis = 0; axis < AXES; axis++)
        for (int kind = 0; kind < KINDS; kind++) {
            float y[2], dy[2] = {1, 1};
            int32_t index[2] = {7, 7};
            bool rows = axis == V2S_REDUCE_ROWS;
            v2s_reduce_args a = {.kind = (v2s_reduce_kind)kind,
                                 .axis = (v2s_reduce_axis)axis,
                                 .M = rows ? 2 : 0,
                                 .N = rows ? 0 : 2,
                                 .y = y,
                                 .index = index,
                                 .dy = dy};
            v2s_reduce_forward(NULL, &a, NULL);
            v2s_reduce_backward(NULL, &a, NULL);
            for (int i = 0; i < 2; i++)
                cr_assert(kind == V2S_REDUCE_SUM    ? y[i] == 0.0f
                          : kind == V2S_REDUCE_MEAN ? isnan(y[i])
                                                    : y[i] == -INFINITY && index[i] == 0);
        }
}

// A million times 0.1 summed in float is off by one percent.
Test(reduce, of_a_million_numbers_keeps_its_digits) {
    enum { COUNT = 1 << 20 };
    float *x = malloc(COUNT * sizeof *x), y;
    for (int i = 0; i < COUNT; i++)
        x[i] = 0.1f;
    for (int axis = 0; axis < AXES; axis++) {
        bool rows = axis == V2S_REDUCE_ROWS;
        v2s_reduce_args a = {V2S_REDUCE_MEAN,
                             (v2s_reduce_axis)axis,
                             rows ? 1 : COUNT,
                             rows ? COUNT : 1,
                             x,
                             &y,
                             NULL,
                             NULL,
                             NULL};
        v2s_reduce_forward(NULL, &a, NULL);
        cr_assert_eq(y, 0.1f);
    }
    free(x);
}

typedef struct problem {
    v2s_reduce_args_f64 a;
    size_t lines;
    op_tensor x;
    float *dy;
    double *dy_d;
    char what[64];
} problem;

static problem make(int kind, int axis, int M, int N) {
    problem p = {.lines = (size_t)(axis == V2S_REDUCE_ROWS ? M : N)};
    p.x = op_tensor_make("x", 1, (size_t)M * N, 1.0f);
    p.dy = guarded_noise(2, p.lines, 1.0f);
    p.dy_d = doubles_of(p.dy, p.lines);
    p.a = (v2s_reduce_args_f64){(v2s_reduce_kind)kind,
                                (v2s_reduce_axis)axis,
                                M,
                                N,
                                p.x.value_d,
                                NULL,
                                NULL,
                                p.dy_d,
                                p.x.grad_d};
    p.a.y = calloc(p.lines + 1, sizeof *p.a.y);
    p.a.index = calloc(p.lines + 1, sizeof *p.a.index);
    snprintf(p.what, sizeof p.what, "kind %d axis %d M %d N %d", kind, axis, M, N);
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->lines);
    free(p->dy_d);
    free(p->a.y);
    free(p->a.index);
    op_tensor_free(&p->x);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_reduce_forward_f64(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->lines; i++)
        sum += p->a.y[i] * p->dy_d[i];
    return sum;
}

Test(reduce, backward_is_the_derivative_of_forward) {
    for (int kind = 0; kind < KINDS; kind++)
        for (int axis = 0; axis < AXES; axis++) {
            problem p = make(kind, axis, 5, 4);
            loss(&p);
            v2s_reduce_backward_f64(NULL, &p.a, NULL);
            op_check_numeric(&p.x, 1, loss, &p, p.what);
            discard(&p);
        }
}

static void check_shape(const v2s_device *dev, int kind, int axis, int M, int N) {
    problem p = make(kind, axis, M, N);
    float *y = guarded_noise(3, p.lines, 9.0f);
    int32_t *index = calloc(p.lines + 1, sizeof *index);
    double *x = op_magnitudes(p.x.value_d, p.x.count);
    double *bound = calloc(p.lines + 1, sizeof *bound);
    v2s_reduce_args_f64 magnitudes = p.a;
    v2s_reduce_args a = {
        (v2s_reduce_kind)kind, (v2s_reduce_axis)axis, M, N, p.x.value, y, index, p.dy, p.x.grad};
    v2s_arena scratch = scratch_of(dev->ops->reduce_scratch(dev, &a));
    loss(&p);
    v2s_reduce_backward_f64(NULL, &p.a, NULL);
    magnitudes.x = x;
    magnitudes.y = bound;
    magnitudes.index = NULL;
    v2s_reduce_forward_f64(NULL, &magnitudes, NULL);
    dev->ops->reduce_forward(dev, &a, &scratch);
    dev->ops->reduce_backward(dev, &a, &scratch);
    cr_assert_eq(scratch.used, 0);
    op_check_output(y, p.a.y, bound, p.lines, kind == V2S_REDUCE_MAX ? 0.0 : 4.0, p.what);
    for (size_t i = 0; i < p.lines; i++) {
        cr_assert_eq(index[i], p.a.index[i], "%s: index", p.what);
        cr_assert_eq(index[p.lines], 0);
    }
    for (size_t i = 0; i < p.x.count; i++)
        p.x.bound[i] = 1.0; // no dy is above
    op_check_rounding(&p.x, 1, 2.0, p.what);
    v2s_arena_close(&scratch);
    guarded_free(y, p.lines);
    free(index);
    free(x);
    free(bound);
    discard(&p);
}

Test(reduce, of_every_table_equals_double) {
    const int sizes[] = {1, 2, 31, 32, 33, 257, 5000};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 7 * KINDS * AXES; i++) {
            check_shape(dev, i % KINDS, i / KINDS % AXES, sizes[i / (KINDS * AXES)], 3);
            check_shape(dev, i % KINDS, i / KINDS % AXES, 3, sizes[i / (KINDS * AXES)]);
        }
        v2s_device_close(&dev);
    }
}
