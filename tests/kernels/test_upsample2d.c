// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

Test(upsample2d, by_hand) {
    const float x[] = {0, 3, 6, 9};
    float y[16];
    v2s_upsample2d_args a = {1, 1, 2, 2, 4, 4, 1, x, y, NULL, NULL};
    v2s_upsample2d_forward(NULL, &a, NULL);
    for (int i = 0; i < 16; i++)
        cr_assert_float_eq(y[i], 2.0f * (float)(i / 4) + (float)(i % 4), 1e-6f);
}

// A plane through the corners is what it was, and rows that fall on rows are those rows exactly.
Test(upsample2d, keeps_planes_and_corners) {
    const int sizes[][4] = {{2, 2, 16, 16}, {5, 7, 10, 14}, {16, 16, 32, 32}, {3, 4, 2, 9},
                            {9, 5, 17, 9},  {1, 6, 5, 11},  {4, 4, 4, 4}};
    for (int s = 0; s < 7; s++) {
        int H = sizes[s][0], W = sizes[s][1], OH = sizes[s][2], OW = sizes[s][3];
        double x[256], y[1024];
        for (int i = 0; i < H * W; i++)
            x[i] = 10.0 + 3.0 * (i / W) - 7.0 * (i % W);
        v2s_upsample2d_args_f64 a = {1, 1, H, W, OH, OW, 1, x, y, NULL, NULL};
        v2s_upsample2d_forward_f64(NULL, &a, NULL);
        for (int i = 0; i < OH * OW; i++) {
            double row = (double)(i / OW) * (H - 1) / (OH - 1);
            double column = (double)(i % OW) * (W - 1) / (OW - 1);
            cr_assert_float_eq(y[i], 10.0 + 3.0 * row - 7.0 * column, 1e-12);
        }
        cr_assert(y[0] == x[0] && y[OH * OW - 1] == x[H * W - 1]);
    }
}

typedef struct problem {
    v2s_upsample2d_args_f64 a;
    size_t ny;
    op_tensor x;
    float *dy;
    double *dy_d;
    char what[96];
} problem;

static problem make(int N, int C, int H, int W, int OH, int OW) {
    problem p = {.ny = (size_t)N * C * OH * OW};
    p.x = op_tensor_make("x", 1, (size_t)N * C * H * W, 1.0f);
    p.dy = guarded_noise(2, p.ny, 1.0f);
    p.dy_d = doubles_of(p.dy, p.ny);
    p.a = (v2s_upsample2d_args_f64){N, C, H, W, OH, OW, 1, p.x.value_d, NULL, p.dy_d, p.x.grad_d};
    p.a.y = calloc(p.ny + 1, sizeof *p.a.y);
    snprintf(p.what, sizeof p.what, "N %d C %d H %d W %d OH %d OW %d", N, C, H, W, OH, OW);
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->ny);
    free(p->dy_d);
    free(p->a.y);
    op_tensor_free(&p->x);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_upsample2d_forward_f64(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->ny; i++)
        sum += p->a.y[i] * p->dy_d[i];
    return sum;
}

static void check_numeric(int H, int W, int OH, int OW) {
    problem p = make(2, 2, H, W, OH, OW);
    v2s_upsample2d_backward_f64(NULL, &p.a, NULL);
    op_check_numeric(&p.x, 1, loss, &p, p.what);
    discard(&p);
}

Test(upsample2d, backward_is_the_derivative_of_forward) {
    check_numeric(4, 5, 8, 10);
    check_numeric(5, 4, 3, 11);
    check_numeric(1, 1, 6, 7);
    check_numeric(3, 3, 1, 1);
}

static void check_shape(const v2s_device *dev, int N, int C, int H, int W, int OH, int OW) {
    problem p = make(N, C, H, W, OH, OW);
    float *y = guarded_noise(3, p.ny, 9.0f);
    double *x = op_magnitudes(p.x.value_d, p.x.count), *dy = op_magnitudes(p.dy_d, p.ny);
    double *bound = calloc(p.ny + 1, sizeof *bound);
    v2s_upsample2d_args_f64 magnitudes = {N, C, H, W, OH, OW, 1, x, bound, dy, p.x.bound};
    v2s_upsample2d_args a = {N, C, H, W, OH, OW, 1, p.x.value, y, p.dy, p.x.grad};
    loss(&p);
    v2s_upsample2d_backward_f64(NULL, &p.a, NULL);
    v2s_upsample2d_forward_f64(NULL, &magnitudes, NULL);
    v2s_upsample2d_backward_f64(NULL, &magnitudes, NULL);
    dev->ops->upsample2d_forward(dev, &a, NULL);
    dev->ops->upsample2d_backward(dev, &a, NULL);
    // 1 - share loses digits next to a row: in units of x it is off by 2^-24, not of the product.
    for (size_t i = 0; i < p.ny; i++)
        bound[i] += 1.0;
    for (size_t i = 0; i < p.x.count; i++)
        p.x.bound[i] += 1.0;
    op_check_output(y, p.a.y, bound, p.ny, 6.0, p.what);
    op_check_rounding(&p.x, 1, 6.0 + sqrt((double)OH * OW / (H * W)), p.what);
    guarded_free(y, p.ny);
    free(x);
    free(dy);
    free(bound);
    discard(&p);
}

Test(upsample2d, of_every_table_equals_double) {
    const int sizes[] = {1, 2, 31, 32, 33};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 1);
        for (int i = 0; dev != NULL && i < 5; i++) {
            int n = sizes[i];
            check_shape(dev, n, 2, 3, 4, 6, 8);
            check_shape(dev, 2, n, 4, 3, 8, 6);
            check_shape(dev, 1, 2, n, 5, 2 * n, 10);
            check_shape(dev, 1, 2, 5, n, 10, 2 * n);
            check_shape(dev, 1, 1, 7, 9, n, n);
            check_shape(dev, 1, 1, n, n, 7, 9);
        }
        if (dev != NULL) {
            check_shape(dev, 0, 3, 2, 2, 4, 4);
            check_shape(dev, 1, 0, 2, 2, 4, 4);
            check_shape(dev, 1, 2, 2, 2, 0, 4);
            check_shape(dev, 1, 2, 2, 2, 4, 0);
        }
        v2s_device_close(&dev);
    }
}
