// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64.h"
#include "tests/support/op_check.h"

enum { X, W, BIAS, TENSORS };

// loss = sum(y * dy)
typedef struct problem {
    int M, C, O;
    bool want_dx;
    op_tensor t[TENSORS];
    float *dy;
    double *dy_d, *y_d;
    char what[96];
} problem;

static problem make(int M, int C, int O, bool want_dx) {
    problem p = {.M = M, .C = C, .O = O, .want_dx = want_dx};
    size_t ny = (size_t)M * O;
    p.t[X] = op_tensor_make("x", 1, (size_t)M * C, 1.0f);
    p.t[W] = op_tensor_make("w", 2, (size_t)O * C, 1.0f);
    p.t[BIAS] = op_tensor_make("bias", 3, (size_t)O, 1.0f);
    p.dy = guarded_noise(4, ny, 1.0f);
    p.dy_d = doubles_of(p.dy, ny);
    p.y_d = calloc(ny + 1, sizeof *p.y_d);
    snprintf(p.what, sizeof p.what, "M %d C %d O %d%s", M, C, O, want_dx ? "" : " without dx");
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, (size_t)p->M * p->O);
    free(p->dy_d);
    free(p->y_d);
    for (int i = 0; i < TENSORS; i++)
        op_tensor_free(&p->t[i]);
}

static v2s_linear_args_f64 args_of(problem *p) {
    return (v2s_linear_args_f64){
        p->M, p->C, p->O, p->t[X].value_d, p->t[W].value_d, p->t[BIAS].value_d, p->y_d};
}

static double loss(void *ctx) {
    problem *p = ctx;
    v2s_linear_args_f64 a = args_of(p);
    v2s_linear_forward_f64(NULL, &a, NULL);
    double sum = 0.0;
    for (size_t i = 0; i < (size_t)p->M * p->O; i++)
        sum += p->y_d[i] * p->dy_d[i];
    return sum;
}

static void backward_double(problem *p) {
    v2s_linear_backward_args_f64 a = {args_of(p), p->dy_d, p->want_dx ? p->t[X].grad_d : NULL,
                                      p->t[W].grad_d, p->t[BIAS].grad_d};
    v2s_linear_backward_f64(NULL, &a, NULL);
}

static double *magnitudes(const double *x, size_t n) {
    double *to = malloc((n + 1) * sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = fabs(x[i]);
    return to;
}

// The same sums of absolute values.
static void compute_bounds(problem *p) {
    double *x = magnitudes(p->t[X].value_d, p->t[X].count);
    double *w = magnitudes(p->t[W].value_d, p->t[W].count);
    double *dy = magnitudes(p->dy_d, (size_t)p->M * p->O);
    v2s_linear_backward_args_f64 a = {
        {p->M, p->C, p->O, x, w, NULL, NULL}, dy, p->t[X].bound, p->t[W].bound, p->t[BIAS].bound};
    v2s_linear_backward_f64(NULL, &a, NULL);
    free(x);
    free(w);
    free(dy);
}

static void backward_float(problem *p, const v2s_device *dev) {
    v2s_linear_backward_args a = {
        {p->M, p->C, p->O, p->t[X].value, p->t[W].value, p->t[BIAS].value, NULL},
        p->dy,
        p->want_dx ? p->t[X].grad : NULL,
        p->t[W].grad,
        p->t[BIAS].grad};
    v2s_arena scratch = scratch_of(dev->ops->linear_backward_scratch(dev, &a));
    memset(scratch.base, 0xff, scratch.size); // NaN: nothing may rely on zeroed scratch
    dev->ops->linear_backward(dev, &a, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
}

static void check_numeric(int M, int C, int O) {
    problem p = make(M, C, O, true);
    backward_double(&p);
    op_check_numeric(p.t, TENSORS, loss, &p, p.what);
    discard(&p);
}

Test(linear_backward, is_the_derivative_of_forward) {
    const int sizes[] = {1, 2, 31, 32, 33};
    for (int i = 0; i < 5; i++) {
        check_numeric(sizes[i], 5, 4);
        check_numeric(3, sizes[i], 4);
        check_numeric(3, 5, sizes[i]);
    }
}

static void check_shape(const v2s_device *dev, int M, int C, int O, bool want_dx) {
    problem p = make(M, C, O, want_dx);
    backward_double(&p);
    compute_bounds(&p);
    backward_float(&p, dev);
    op_check_rounding(p.t, TENSORS, 2.0 + sqrt((double)(M + O)), p.what);
    discard(&p);
}

static void check_isa(v2s_isa isa) {
    v2s_device *dev = device_of(isa, 2);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    const int sizes[] = {0, 1, 2, 7, 8, 9, 31, 32, 33, 257};
    for (int i = 0; i < 10; i++) {
        check_shape(dev, sizes[i], 33, 4, true);
        if (sizes[i] == 0)
            continue;
        check_shape(dev, 19, sizes[i], 5, true);
        check_shape(dev, 19, 33, sizes[i], i % 2 == 0);
    }
    check_shape(dev, 3000, 24, 4, true); // long enough for two threads
    check_shape(dev, 1500, 40, 180, true);
    check_shape(dev, 1500, 16, 21, false);
    v2s_device_close(&dev);
}

Test(linear_backward, float_definition_equals_double) {
    check_isa(V2S_ISA_SCALAR);
}

Test(linear_backward, avx2_equals_definition) {
    check_isa(V2S_ISA_AVX2);
}

Test(linear_backward, avx512_equals_definition) {
    check_isa(V2S_ISA_AVX512);
}
