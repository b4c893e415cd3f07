// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

Test(pool2d, by_hand) {
    const float x[] = {1, 2, 9, 8, 100, 3, 4, 7, 6, 100, 100, 100, 100, 100, 100};
    float y[2], dy[] = {10, 20}, dx[15] = {1.0f};
    uint8_t index[2];
    v2s_pool2d_args a = {1, 1, 3, 5, 1, x, y, index, dy, dx};
    v2s_pool2d_forward(NULL, &a, NULL);
    v2s_pool2d_backward(NULL, &a, NULL);
    cr_assert(y[0] == 4.0f && y[1] == 9.0f && index[0] == 3 && index[1] == 0);
    for (int i = 0; i < 15; i++)
        cr_assert_eq(dx[i], i == 0 ? 1.0f : i == 2 ? 20.0f : i == 6 ? 10.0f : 0.0f);
}

Test(pool2d, takes_the_first_of_equal_ones_and_the_last_that_is_not_a_number) {
    const float x[] = {2, 5, -INFINITY, -INFINITY, NAN, 1, 1, 3, //
                       5, 5, -INFINITY, -INFINITY, 7,   2, 2, NAN};
    float y[4];
    uint8_t index[4];
    v2s_pool2d_args a = {1, 1, 2, 8, 1, x, y, index, NULL, NULL};
    v2s_pool2d_forward(NULL, &a, NULL);
    cr_assert(y[0] == 5.0f && index[0] == 1);
    cr_assert(y[1] == -INFINITY && index[1] == 0);
    cr_assert(isnan(y[2]) && index[2] == 0);
    cr_assert(isnan(y[3]) && index[3] == 3);
    a.index = NULL; // not wanted
    v2s_pool2d_forward(NULL, &a, NULL);
    cr_assert_eq(y[0], 5.0f);
}

typedef struct problem {
    v2s_pool2d_args_f64 a;
    size_t ny;
    op_tensor x;
    float *dy;
    double *dy_d;
} problem;

static problem make(int N, int C, int H, int W) {
    problem p = {.ny = (size_t)N * C * (H / 2) * (W / 2)};
    p.x = op_tensor_make("x", 1, (size_t)N * C * H * W, 1.0f);
    p.dy = guarded_noise(2, p.ny, 1.0f);
    p.dy_d = doubles_of(p.dy, p.ny);
    p.a = (v2s_pool2d_args_f64){N, C, H, W, 1, p.x.value_d, NULL, NULL, p.dy_d, p.x.grad_d};
    p.a.y = calloc(p.ny + 1, sizeof *p.a.y);
    p.a.index = calloc(p.ny + 1, 1);
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->ny);
    free(p->dy_d);
    free(p->a.y);
    free(p->a.index);
    op_tensor_free(&p->x);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_pool2d_forward_f64(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->ny; i++)
        sum += p->a.y[i] * p->dy_d[i];
    return sum;
}

Test(pool2d, backward_is_the_derivative_of_forward) {
    problem p = make(2, 3, 5, 6);
    loss(&p);
    v2s_pool2d_backward_f64(NULL, &p.a, NULL);
    op_check_numeric(&p.x, 1, loss, &p, "pool2d");
    discard(&p);
}

static void check_shape(const v2s_device *dev, int N, int C, int H, int W) {
    problem p = make(N, C, H, W);
    float *y = guarded_noise(3, p.ny, 9.0f);
    uint8_t *index = malloc(p.ny + 1);
    index[p.ny] = 77;
    v2s_pool2d_args a = {N, C, H, W, 1, p.x.value, y, index, p.dy, p.x.grad};
    loss(&p);
    v2s_pool2d_backward_f64(NULL, &p.a, NULL);
    dev->ops->pool2d_forward(dev, &a, NULL);
    dev->ops->pool2d_backward(dev, &a, NULL);
    for (size_t i = 0; i < p.ny; i++)
        cr_assert(y[i] == (float)p.a.y[i] && index[i] == p.a.index[i]);
    cr_assert_eq(index[p.ny], 77);
    for (size_t i = 0; i < p.x.count; i++) // one sum, rounded once
        cr_assert_eq(p.x.grad[i], (float)p.x.grad_d[i]);
    guarded_free(y, p.ny);
    free(index);
    discard(&p);
}

Test(pool2d, of_every_table_equals_double) {
    const int sizes[] = {0, 1, 2, 3, 31, 32, 33, 257};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 1);
        for (int i = 0; dev != NULL && i < 8; i++) {
            check_shape(dev, sizes[i], 2, 4, 5);
            check_shape(dev, 2, sizes[i], 5, 4);
            check_shape(dev, 1, 2, sizes[i], 6);
            check_shape(dev, 1, 2, 6, sizes[i]);
        }
        v2s_device_close(&dev);
    }
}
