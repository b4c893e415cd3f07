// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64.h"
#include "tests/device/device_tensor.h"

typedef struct shape {
    int B, T, C, O, K;
} shape;

// Kernels longer than the row, rows that fill no block, several batch rows side by side.
static const shape shapes[] = {
    {0, 5, 3, 2, 3},     {2, 0, 3, 2, 3},   {1, 1, 1, 1, 1},     {1, 1, 2, 3, 5},
    {3, 2, 1, 2, 7},     {2, 31, 4, 9, 15}, {1, 32, 33, 2, 3},   {2, 33, 2, 33, 1},
    {1, 257, 4, 64, 15}, {3, 257, 5, 3, 3}, {5, 129, 31, 32, 5},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

typedef struct fixture {
    shape s;
    device_tensor x, w, bias, y, dy, dx, dw, dbias;
} fixture;

// Noise, or whole numbers, with which every sum is exact.
static device_tensor numbers(const v2s_device *dev, bool whole, unsigned stream, size_t count,
                             float scale) {
    return whole ? device_integers(dev, stream, count, 3) : device_noise(dev, stream, count, scale);
}

static fixture fixture_of(const v2s_device *dev, shape s, bool whole) {
    size_t M = (size_t)s.B * (size_t)s.T, C = (size_t)s.C, O = (size_t)s.O, K = (size_t)s.K;
    return (fixture){.s = s,
                     .x = numbers(dev, whole, 1, M * C, 1.0f),
                     .w = numbers(dev, whole, 2, O * C * K, 1.0f / sqrtf((float)(C * K))),
                     .bias = numbers(dev, whole, 3, O, 1.0f),
                     .y = device_output(dev, M * O),
                     .dy = numbers(dev, whole, 4, M * O, 1.0f / sqrtf((float)M + 1.0f)),
                     .dx = numbers(dev, whole, 5, M * C, 1.0f),
                     .dw = numbers(dev, whole, 6, O * C * K, 1.0f),
                     .dbias = numbers(dev, whole, 7, O, 1.0f)};
}

static void run(const v2s_device *dev, const fixture *f, bool with_dx) {
    v2s_conv1d_args a = {f->s.B,  f->s.T,  f->s.C,     f->s.O, f->s.K,
                         f->x.at, f->w.at, f->bias.at, f->y.at};
    v2s_conv1d_backward_args g = {a, f->dy.at, with_dx ? f->dx.at : NULL, f->dw.at, f->dbias.at};
    v2s_arena forward = device_scratch(dev, dev->ops->conv1d_scratch(dev, &a));
    v2s_arena backward = device_scratch(dev, dev->ops->conv1d_backward_scratch(dev, &g));
    dev->ops->conv1d_forward(dev, &a, &forward);
    dev->ops->conv1d_backward(dev, &g, &backward);
    cr_assert_eq(forward.used + backward.used, 0);
    v2s_device_arena_close(dev, &forward);
    v2s_device_arena_close(dev, &backward);
}

static void run_exact(fixture *f) {
    v2s_conv1d_args_f64 a = {f->s.B,     f->s.T,     f->s.C,        f->s.O,    f->s.K,
                             f->x.exact, f->w.exact, f->bias.exact, f->y.exact};
    v2s_conv1d_backward_args_f64 g = {a, f->dy.exact, f->dx.exact, f->dw.exact, f->dbias.exact};
    v2s_conv1d_forward_f64(NULL, &a, NULL);
    v2s_conv1d_backward_f64(NULL, &g, NULL);
}

static void fixture_drop(const v2s_device *dev, fixture *f) {
    device_tensor *all[] = {&f->x, &f->w, &f->bias, &f->y, &f->dy, &f->dx, &f->dw, &f->dbias};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        device_tensor_drop(dev, all[i]);
}

// Rounding of sums of up to 155 products that add up to about 1, and of B T such.
Test(conv1d, equals_the_definition_in_double) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < SHAPES; i++) {
        fixture f = fixture_of(dev, shapes[i], false);
        run(dev, &f, true);
        run_exact(&f);
        cr_expect_leq(device_tensor_gap(dev, &f.y), 4e-6, "y of shape %d", i);
        cr_expect_leq(device_tensor_gap(dev, &f.dx), 4e-6, "dx of shape %d", i);
        cr_expect_leq(device_tensor_gap(dev, &f.dw), 8e-6, "dw of shape %d", i);
        cr_expect_leq(device_tensor_gap(dev, &f.dbias), 8e-6, "dbias of shape %d", i);
        fixture_drop(dev, &f);
    }
    v2s_device_close(&dev);
}

Test(conv1d, is_exact_on_whole_numbers) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < SHAPES; i++) {
        fixture f = fixture_of(dev, shapes[i], true);
        run(dev, &f, true);
        run_exact(&f);
        cr_expect_eq(device_tensor_gap(dev, &f.y), 0.0, "y of shape %d", i);
        cr_expect_eq(device_tensor_gap(dev, &f.dx), 0.0, "dx of shape %d", i);
        cr_expect_eq(device_tensor_gap(dev, &f.dw), 0.0, "dw of shape %d", i);
        cr_expect_eq(device_tensor_gap(dev, &f.dbias), 0.0, "dbias of shape %d", i);
        fixture_drop(dev, &f);
    }
    v2s_device_close(&dev);
}

static void assert_same(const v2s_device *dev, const device_tensor *a, const device_tensor *b) {
    float *one = device_tensor_now(dev, a), *two = device_tensor_now(dev, b);
    cr_assert_eq(memcmp(one, two, a->count * sizeof *one), 0);
    free(one);
    free(two);
}

Test(conv1d, runs_agree_and_dx_may_be_left_out) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < SHAPES; i++) {
        fixture a = fixture_of(dev, shapes[i], false), b = fixture_of(dev, shapes[i], false);
        run(dev, &a, true);
        run(dev, &b, false);
        assert_same(dev, &a.y, &b.y);
        assert_same(dev, &a.dw, &b.dw);
        assert_same(dev, &a.dbias, &b.dbias);
        cr_assert_eq(device_tensor_gap(dev, &b.dx), 0.0); // as it was
        fixture_drop(dev, &a);
        fixture_drop(dev, &b);
    }
    v2s_device_close(&dev);
}
