// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/device_tensor.h"

typedef struct problem {
    v2s_upsample2d_args a;
    v2s_upsample2d_args_f64 exact;
    device_tensor x, y, dy, dx;
} problem;

static problem make(const v2s_device *dev, v2s_upsample2d_args s, bool whole) {
    size_t inputs = (size_t)s.N * s.C * s.H * s.W, outputs = (size_t)s.N * s.C * s.OH * s.OW;
    problem p = {.a = s};
    p.x = whole ? device_integers(dev, 1, inputs, 50) : device_noise(dev, 1, inputs, 1.0f);
    p.dy = whole ? device_integers(dev, 2, outputs, 50) : device_noise(dev, 2, outputs, 1.0f);
    p.dx = whole ? device_integers(dev, 3, inputs, 50) : device_noise(dev, 3, inputs, 1.0f);
    p.y = device_output(dev, outputs);
    p.a.x = p.x.at;
    p.a.y = p.y.at;
    p.a.dy = p.dy.at;
    p.a.dx = p.dx.at;
    p.exact = (v2s_upsample2d_args_f64){s.N, s.C,       s.H,       s.W,        s.OH,      s.OW,
                                        1,   p.x.exact, p.y.exact, p.dy.exact, p.dx.exact};
    return p;
}

static void discard(const v2s_device *dev, problem *p) {
    device_tensor_drop(dev, &p->x);
    device_tensor_drop(dev, &p->y);
    device_tensor_drop(dev, &p->dy);
    device_tensor_drop(dev, &p->dx);
}

// Largest sum of weights in a pixel of dx.
static double largest_weight(v2s_upsample2d_args_f64 a) {
    size_t inputs = (size_t)a.H * a.W, outputs = (size_t)a.OH * a.OW;
    double *dx = calloc(inputs + 1, sizeof *dx), *dy = calloc(outputs + 1, sizeof *dy), most = 0.0;
    for (size_t i = 0; i < outputs; i++)
        dy[i] = 1.0;
    a.N = a.C = 1;
    a.dx = dx;
    a.dy = dy;
    v2s_upsample2d_backward_f64(NULL, &a, NULL);
    for (size_t i = 0; i < inputs; i++)
        most = fmax(most, dx[i]);
    free(dx);
    free(dy);
    return most;
}

// Roundings: a weight and three products in y; in dx two weights, their product and each step of
// a sum whose parts are no larger than the sum of weights.
static void check(const v2s_device *dev, v2s_upsample2d_args sizes, bool whole) {
    problem p = make(dev, sizes, whole);
    double terms = (2.0 * sizes.OH / sizes.H + 2) * (2.0 * sizes.OW / sizes.W + 2);
    double weight = largest_weight(p.exact);
    for (int run = 0; run < 2; run++) {
        dev->ops->upsample2d_forward(dev, &p.a, NULL);
        dev->ops->upsample2d_backward(dev, &p.a, NULL);
        if (run > 0)
            break;
        v2s_upsample2d_forward_f64(NULL, &p.exact, NULL);
        v2s_upsample2d_backward_f64(NULL, &p.exact, NULL);
        cr_assert_leq(device_tensor_gap(dev, &p.y), whole ? 0.0 : 6.0 * 0x1p-24, "y %d %d %d %d",
                      sizes.H, sizes.W, sizes.OH, sizes.OW);
        cr_assert_leq(device_tensor_gap(dev, &p.dx),
                      whole ? 0.0 : (4.0 + sqrt(terms)) * 0x1p-24 * (1.0 + weight),
                      "dx %d %d %d %d", sizes.H, sizes.W, sizes.OH, sizes.OW);
        float *first = device_tensor_now(dev, &p.dx);
        device_tensor_reset(dev, &p.dx);
        dev->ops->upsample2d_backward(dev, &p.a, NULL);
        float *second = device_tensor_now(dev, &p.dx);
        cr_assert_eq(memcmp(first, second, p.dx.count * sizeof *first), 0);
        free(first);
        free(second);
    }
    discard(dev, &p);
}

static v2s_upsample2d_args sizes_of(int N, int C, int H, int W, int OH, int OW) {
    return (v2s_upsample2d_args){.N = N, .C = C, .H = H, .W = W, .OH = OH, .OW = OW};
}

Test(upsample2d, equals_the_definition_in_double) {
    const int sides[][2] = {{1, 1},  {1, 2},   {2, 1},   {2, 2},   {2, 4},   {3, 6},
                            {3, 7},  {5, 3},   {16, 32}, {31, 62}, {33, 32}, {7, 57},
                            {9, 17}, {257, 2}, {2, 257}, {128, 3}, {1, 40}};
    const int count = sizeof sides / sizeof sides[0];
    v2s_device *dev = tested_device();
    for (int i = 0; i < count; i++) {
        const int *h = sides[i], *w = sides[(i + 3) % count];
        check(dev, sizes_of(2, 3, h[0], w[0], h[1], w[1]), false);
        check(dev, sizes_of(1, 9, h[0], h[0], h[1], h[1]), false);
    }
    check(dev, sizes_of(3, 11, 4, 6, 8, 12), false);
    v2s_device_close(&dev);
}

Test(upsample2d, of_nothing_is_nothing) {
    v2s_device *dev = tested_device();
    check(dev, sizes_of(0, 3, 4, 4, 8, 8), false);
    check(dev, sizes_of(2, 0, 4, 4, 8, 8), false);
    check(dev, sizes_of(2, 3, 4, 4, 0, 8), false);
    check(dev, sizes_of(2, 3, 4, 4, 8, 0), false);
    v2s_device_close(&dev);
}

// Shares of a half and a quarter are exact.
Test(upsample2d, of_whole_numbers_is_exact) {
    v2s_device *dev = tested_device();
    check(dev, sizes_of(2, 2, 3, 3, 5, 5), true);
    check(dev, sizes_of(1, 3, 2, 5, 3, 17), true);
    check(dev, sizes_of(1, 1, 4, 3, 4, 9), true);
    v2s_device_close(&dev);
}
