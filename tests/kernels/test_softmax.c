// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

typedef struct problem {
    v2s_softmax_args_f64 a;
    size_t count;
    op_tensor x;
    float *dy;
    double *dy_d;
    char what[64];
} problem;

static problem make(int M, int N) {
    problem p = {.count = (size_t)M * N};
    p.x = op_tensor_make("x", 1, p.count, 4.0f);
    p.dy = guarded_noise(2, p.count, 1.0f);
    p.dy_d = doubles_of(p.dy, p.count);
    p.a = (v2s_softmax_args_f64){M, N, p.x.value_d, NULL, p.dy_d, p.x.grad_d};
    p.a.y = calloc(p.count + 1, sizeof *p.a.y);
    snprintf(p.what, sizeof p.what, "M %d N %d", M, N);
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->count);
    free(p->dy_d);
    free(p->a.y);
    op_tensor_free(&p->x);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_softmax_forward_f64(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->count; i++)
        sum += p->a.y[i] * p->dy_d[i];
    return sum;
}

Test(softmax, backward_is_the_derivative_of_forward) {
    const int sizes[] = {2, 7, 33};
    for (int i = 0; i < 3; i++) {
        problem p = make(3, sizes[i]);
        loss(&p);
        v2s_softmax_backward_f64(NULL, &p.a, NULL);
        op_check_numeric(&p.x, 1, loss, &p, p.what);
        discard(&p);
    }
}

Test(softmax, sums_to_one_and_takes_no_notice_of_a_constant) {
    enum { N = 20000 };
    float *x = guarded_noise(1, N, 8.0f), *y = guarded_noise(2, N, 1.0f);
    float *moved = guarded_noise(3, N, 1.0f);
    double sum = 0.0;
    for (int i = 0; i < N; i++) {
        x[i] = rintf(x[i] * 64.0f) / 64.0f;
        moved[i] = x[i] + 1000.0f; // exact; exp(1000) is not a float
    }
    v2s_softmax_args a = {1, N, x, y, NULL, NULL}, b = {1, N, moved, moved, NULL, NULL};
    v2s_softmax_forward(NULL, &a, NULL);
    v2s_softmax_forward(NULL, &b, NULL); // in place
    for (int i = 0; i < N; i++) {
        sum += y[i];
        cr_assert_eq(y[i], moved[i]);
    }
    cr_assert_float_eq(sum, 1.0, 1e-6);
    guarded_free(x, N);
    guarded_free(y, N);
    guarded_free(moved, N);
}

Test(softmax, of_infinite_and_undefined_numbers_is_as_in_pytorch) {
    const float x[] = {1,         NAN,       2,         -INFINITY, INFINITY, 0, //
                       -INFINITY, -INFINITY, -INFINITY, -INFINITY, 5,        5};
    float y[12];
    v2s_softmax_args a = {4, 3, x, y, NULL, NULL};
    v2s_softmax_forward(NULL, &a, NULL);
    for (int i = 0; i < 9; i++)
        cr_assert(isnan(y[i]), "%d", i);
    cr_assert(y[9] == 0.0f && y[10] == 0.5f && y[11] == 0.5f);
}

static void check_shape(const v2s_device *dev, int M, int N) {
    problem p = make(M, N);
    float *y = guarded_noise(3, p.count, 9.0f);
    double *bound = calloc(p.count + 1, sizeof *bound);
    v2s_softmax_args a = {M, N, p.x.value, y, p.dy, p.x.grad};
    loss(&p);
    v2s_softmax_backward_f64(NULL, &p.a, NULL);
    dev->ops->softmax_forward(dev, &a, NULL);
    dev->ops->softmax_backward(dev, &a, NULL);
    for (int m = 0; m < M; m++) {
        double sum = 0.0;
        for (int n = 0; n < N; n++)
            sum += p.a.y[m * N + n] * fabs(p.dy_d[m * N + n]);
        for (int n = m * N; n < (m + 1) * N; n++) { // x - max is up to 8, and off by as much
            bound[n] = p.a.y[n] * 10.0;
            p.x.bound[n] = bound[n] * (fabs(p.dy_d[n]) + sum);
        }
    }
    op_check_output(y, p.a.y, bound, p.count, 2.0, p.what);
    op_check_rounding(&p.x, 1, 3.0, p.what);
    guarded_free(y, p.count);
    free(bound);
    discard(&p);
}

Test(softmax, of_every_table_equals_double) {
    const int sizes[] = {0, 1, 2, 31, 32, 33, 257, 5000};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 1);
        for (int i = 0; dev != NULL && i < 8; i++) {
            check_shape(dev, 5, sizes[i]);
            check_shape(dev, sizes[i], 3);
        }
        v2s_device_close(&dev);
    }
}
