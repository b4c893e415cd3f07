// SPDX-License-Identifier: MIT
// Pictures in blocks of channels give what plain pictures give: every operation of every table of
// the processor against its plain definition in double.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"
#include "tests/support/picture_blocks.h"

// How the numbers of an array lie while the float operation runs.
typedef struct layout {
    int N, C, block;
    size_t pixels;
} layout;

// An array in float (between guard zones) and in double.
typedef struct array {
    size_t count;
    float *f;
    double *d;
    layout l;
} array;

// Noise, or whole numbers from -3 to 3 of which every sum is exact.
static array make(unsigned stream, layout l, bool whole) {
    array a = {.count = (size_t)l.N * l.C * l.pixels, .l = l};
    a.f = guarded_noise(stream, a.count, whole ? 3.5f : 1.0f);
    for (size_t i = 0; whole && i < a.count; i++)
        a.f[i] = rintf(a.f[i]);
    a.d = doubles_of(a.f, a.count);
    picture_to_blocks(a.f, sizeof *a.f, l.N, l.C, l.pixels, l.block);
    return a;
}

// Asserts that f, put in plain order, is d within `limit`, and gives both back.
static void finish(array *a, double limit, const char *what) {
    picture_to_plain(a->f, sizeof *a->f, a->l.N, a->l.C, a->l.pixels, a->l.block);
    double gap = largest_gap(a->f, a->d, a->count);
    cr_assert(gap <= limit, "%s, N %d C %d block %d: off by %g", what, a->l.N, a->l.C, a->l.block,
              gap);
    guarded_free(a->f, a->count);
    free(a->d);
}

static layout line(int count) {
    return (layout){1, count, 1, 1};
}

// ---- conv2d -----------------------------------------------------------------------------------

static void check_conv2d(const v2s_device *dev, v2s_conv2d_args a) {
    size_t pixels = (size_t)a.H * a.W;
    layout in = {a.N, a.C, a.x_block, pixels}, out = {a.N, a.O, a.y_block, pixels};
    array x = make(1, in, true), w = make(2, line(a.O * a.C * a.KH * a.KW), true);
    array bias = make(3, line(a.O), true), y = make(4, out, true), dy = make(5, out, true);
    array dx = make(6, in, true), dw = make(7, w.l, true), dbias = make(8, bias.l, true);
    v2s_conv2d_args_f64 e = {.N = a.N, .C = a.C, .O = a.O, .H = a.H, .W = a.W};
    e.KH = a.KH;
    e.KW = a.KW;
    e.x = x.d;
    e.w = w.d;
    e.bias = bias.d;
    e.y = y.d;
    v2s_conv2d_backward_args_f64 exact = {e, dy.d, dx.d, dw.d, dbias.d};
    a.x = x.f;
    a.w = w.f;
    a.bias = bias.f;
    a.y = y.f;
    v2s_conv2d_backward_args g = {a, dy.f, dx.f, dw.f, dbias.f};
    size_t bytes = dev->ops->conv2d_scratch(dev, &a);
    size_t more = dev->ops->conv2d_backward_scratch(dev, &g);
    v2s_arena scratch = scratch_of(bytes > more ? bytes : more);
    memset(scratch.base, 0xff, scratch.size);
    dev->ops->conv2d_forward(dev, &a, &scratch);
    dev->ops->conv2d_backward(dev, &g, &scratch);
    v2s_conv2d_forward_f64(NULL, &e, NULL);
    v2s_conv2d_backward_f64(NULL, &exact, NULL);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
    finish(&x, 0.0, "conv2d: x");
    finish(&w, 0.0, "conv2d: w");
    finish(&bias, 0.0, "conv2d: bias");
    finish(&y, 0.0, "conv2d: y");
    finish(&dy, 0.0, "conv2d: dy");
    finish(&dx, 0.0, "conv2d: dx");
    finish(&dw, 0.0, "conv2d: dw");
    finish(&dbias, 0.0, "conv2d: dbias");
}

static void check_convolutions(const v2s_device *dev) {
    const int all[][4] = {{2, 8, 1, 8},    {8, 16, 8, 8},    {16, 8, 16, 8},
                          {16, 32, 8, 16}, {24, 8, 8, 1},    {8, 1, 8, 1},
                          {16, 1, 16, 1},  {16, 16, 16, 16}, {48, 16, 16, 8}};
    for (int i = 0; i < 9; i++)
        for (int k = 1; k <= 3; k += 2) {
            v2s_conv2d_args a = {.N = 1 + i % 3, .C = all[i][0], .O = all[i][1], .H = 5, .W = 6};
            a.KH = a.KW = k;
            a.x_block = all[i][2];
            a.y_block = all[i][3];
            check_conv2d(dev, a);
            a.W = 1;
            check_conv2d(dev, a);
        }
    check_conv2d(dev, (v2s_conv2d_args){2, 8, 8, 4, 5, 3, 5, 8, 8, NULL, NULL, NULL, NULL});
    check_conv2d(dev, (v2s_conv2d_args){0, 8, 8, 4, 5, 3, 3, 8, 8, NULL, NULL, NULL, NULL});
    check_conv2d(dev, (v2s_conv2d_args){2, 8, 8, 0, 5, 3, 3, 8, 8, NULL, NULL, NULL, NULL});
}

// ---- batch_norm -------------------------------------------------------------------------------

static void check_batch_norm(const v2s_device *dev, v2s_batch_norm_args a) {
    layout l = {a.N, a.C, a.block, (size_t)a.H * a.W}, c = line(a.C);
    array x = make(1, l, false), weight = make(2, c, false), bias = make(3, c, false);
    array mean = make(4, c, false), var = make(5, c, false), y = make(6, l, false);
    array saved_mean = make(7, c, false), saved = make(8, c, false), dy = make(9, l, false);
    array dx = make(10, l, false), dweight = make(11, c, false), dbias = make(12, c, false);
    double share = (double)a.N * a.H * a.W * 0x1p-22;
    for (int i = 0; i < a.C; i++) {
        var.f[i] = 0.5f + fabsf(var.f[i]);
        var.d[i] = var.f[i];
    }
    v2s_batch_norm_args_f64 e = {a.N,    a.C,     a.H,  a.W,          1,        a.training,
                                 a.relu, 0x1p-10, 0.25, x.d,          weight.d, bias.d,
                                 mean.d, var.d,   y.d,  saved_mean.d, saved.d};
    v2s_batch_norm_backward_args_f64 exact = {e, dy.d, dx.d, dweight.d, dbias.d};
    v2s_batch_norm_args f = {a.N,    a.C,      a.H,   a.W,          a.block,  a.training,
                             a.relu, 0x1p-10f, 0.25f, x.f,          weight.f, bias.f,
                             mean.f, var.f,    y.f,   saved_mean.f, saved.f};
    v2s_batch_norm_backward_args g = {f, dy.f, dx.f, dweight.f, dbias.f};
    size_t bytes = dev->ops->batch_norm_scratch(dev, &f);
    size_t more = dev->ops->batch_norm_backward_scratch(dev, &g);
    v2s_arena scratch = scratch_of(bytes > more ? bytes : more);
    memset(scratch.base, 0xff, scratch.size);
    dev->ops->batch_norm_forward(dev, &f, &scratch);
    dev->ops->batch_norm_backward(dev, &g, &scratch);
    v2s_batch_norm_forward_f64(NULL, &e, NULL);
    v2s_batch_norm_backward_f64(NULL, &exact, NULL);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
    finish(&x, 0.0, "batch_norm: x");
    finish(&dy, 0.0, "batch_norm: dy");
    finish(&weight, 0.0, "batch_norm: weight");
    finish(&bias, 0.0, "batch_norm: bias");
    finish(&y, 2e-6, "batch_norm: y");
    finish(&dx, 4e-6, "batch_norm: dx");
    finish(&mean, 2e-7, "batch_norm: running_mean");
    finish(&var, 4e-7, "batch_norm: running_var");
    finish(&saved_mean, 2e-7, "batch_norm: saved_mean");
    finish(&saved, 1e-6, "batch_norm: saved_inv_std");
    finish(&dweight, 1e-6 + share, "batch_norm: dweight");
    finish(&dbias, 1e-6 + share, "batch_norm: dbias");
}

static void check_norms(const v2s_device *dev) {
    const int all[][3] = {{2, 8, 8}, {3, 16, 8}, {2, 16, 16}, {1, 48, 16}, {2, 3, 1}, {0, 8, 8}};
    for (int i = 0; i < 6; i++)
        for (int kind = 0; kind < 4; kind++) {
            v2s_batch_norm_args a = {.N = all[i][0], .C = all[i][1], .H = 5, .W = 7};
            a.block = all[i][2];
            a.training = kind % 2 == 0;
            a.relu = kind / 2 == 0;
            check_batch_norm(dev, a);
            a.H = 5 + 5 * a.block; // more than what a thread takes at a time, and no whole number
            a.W = 61;              // of registers
            check_batch_norm(dev, a);
        }
}

// ---- pool2d, upsample2d -----------------------------------------------------------------------

static void check_pool2d(const v2s_device *dev, int N, int C, int block, int H, int W) {
    layout in = {N, C, block, (size_t)H * W}, out = {N, C, block, (size_t)(H / 2) * (W / 2)};
    array x = make(1, in, false), y = make(2, out, false), dy = make(3, out, false);
    array dx = make(4, in, false);
    uint8_t *index = calloc(y.count + 1, 1), *exact = calloc(y.count + 1, 1);
    v2s_pool2d_args a = {N, C, H, W, block, x.f, y.f, index, dy.f, dx.f};
    v2s_pool2d_args_f64 e = {N, C, H, W, 1, x.d, y.d, exact, dy.d, dx.d};
    dev->ops->pool2d_forward(dev, &a, NULL);
    dev->ops->pool2d_backward(dev, &a, NULL);
    v2s_pool2d_forward_f64(NULL, &e, NULL);
    v2s_pool2d_backward_f64(NULL, &e, NULL);
    picture_to_plain(index, 1, N, C, out.pixels, block);
    cr_assert_eq(memcmp(index, exact, y.count), 0, "index of N %d C %d block %d", N, C, block);
    finish(&x, 0.0, "pool2d: x");
    finish(&y, 0.0, "pool2d: y");
    finish(&dy, 0.0, "pool2d: dy");
    finish(&dx, 1.2e-7, "pool2d: dx"); // one sum below 2
    free(index);
    free(exact);
}

static void check_upsample2d(const v2s_device *dev, int N, int C, int block, int H, int OW) {
    layout in = {N, C, block, (size_t)H * 3}, out = {N, C, block, (size_t)2 * H * OW};
    array x = make(1, in, false), y = make(2, out, false), dy = make(3, out, false);
    array dx = make(4, in, false);
    v2s_upsample2d_args a = {N, C, H, 3, 2 * H, OW, block, x.f, y.f, dy.f, dx.f};
    v2s_upsample2d_args_f64 e = {N, C, H, 3, 2 * H, OW, 1, x.d, y.d, dy.d, dx.d};
    dev->ops->upsample2d_forward(dev, &a, NULL);
    dev->ops->upsample2d_backward(dev, &a, NULL);
    v2s_upsample2d_forward_f64(NULL, &e, NULL);
    v2s_upsample2d_backward_f64(NULL, &e, NULL);
    finish(&x, 0.0, "upsample2d: x");
    finish(&y, 4e-7, "upsample2d: y");
    finish(&dy, 0.0, "upsample2d: dy");
    finish(&dx, 4e-6 * (1.0 + OW / 8.0), "upsample2d: dx"); // sums of some 2 OW numbers
}

static void check_sizes(const v2s_device *dev) {
    const int all[][3] = {{2, 8, 8}, {3, 16, 8}, {2, 16, 16}, {1, 48, 16}, {2, 24, 8}, {0, 8, 8}};
    for (int i = 0; i < 6; i++) {
        check_pool2d(dev, all[i][0], all[i][1], all[i][2], 6, 8);
        check_pool2d(dev, all[i][0], all[i][1], all[i][2], 5, 7);
        check_pool2d(dev, all[i][0], all[i][1], all[i][2], 1, 4);
        check_upsample2d(dev, all[i][0], all[i][1], all[i][2], 4, 6);
        check_upsample2d(dev, all[i][0], all[i][1], all[i][2], 1, 5);
        check_upsample2d(dev, all[i][0], all[i][1], all[i][2], 5, 1);
        check_pool2d(dev, all[i][0], all[i][1], all[i][2], 81, 50);
        check_upsample2d(dev, all[i][0], all[i][1], all[i][2], 9, 300);
    }
}

Test(picture_blocks, of_every_table_give_what_plain_ones_give) {
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        if (dev == NULL)
            continue;
        check_convolutions(dev);
        check_norms(dev);
        check_sizes(dev);
        v2s_device_close(&dev);
    }
}

Test(picture_blocks, of_pooling_keep_what_is_not_a_number) {
    float x[32], y[8];
    uint8_t index[8];
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 1);
        for (int c = 0; dev != NULL && c < 8; c++) { // number k of channel c
            for (int i = 0; i < 32; i++)
                x[i] = (float)(i / 8);
            x[(c % 4) * 8 + c] = NAN;
            v2s_pool2d_args a = {1, 8, 2, 2, 8, x, y, index, NULL, NULL};
            dev->ops->pool2d_forward(dev, &a, NULL);
            for (int k = 0; k < 8; k++)
                cr_assert(k == c ? isnan(y[k]) && index[k] == c % 4
                                 : y[k] == 3.0f && index[k] == 3);
        }
        v2s_device_close(&dev);
    }
}
