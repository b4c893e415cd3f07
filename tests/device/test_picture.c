// SPDX-License-Identifier: MIT
// Rows, and the picture operations one after the other in the layout that the device prefers.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/device_tensor.h"

// To rows and back on the device and on the processor: the same bits.
static void check_rows(const v2s_device *dev, int N, int C, int P, bool add) {
    size_t count = (size_t)N * C * P;
    device_tensor picture = device_noise(dev, 1, count, 1.0f);
    device_tensor rows = device_noise(dev, 2, count, 1.0f);
    device_tensor back = device_noise(dev, 3, count, 1.0f), *all[] = {&picture, &rows, &back};
    int block = C > 0 ? v2s_picture_block(dev, C) : 1;
    v2s_picture_rows_args a = {N, C, P, block, add, picture.at, rows.at}, b = a;
    v2s_picture_rows_args a_host = {N, C, P, block, add, picture.host, rows.host}, b_host = a_host;
    b.from = rows.at;
    b.to = back.at;
    b_host.from = rows.host;
    b_host.to = back.host;
    dev->ops->picture_to_rows(dev, &a, NULL);
    dev->ops->picture_from_rows(dev, &b, NULL);
    v2s_picture_to_rows(NULL, &a_host, NULL);
    v2s_picture_from_rows(NULL, &b_host, NULL);
    for (int i = 0; i < 3; i++) {
        float *now = device_tensor_now(dev, all[i]);
        cr_assert_eq(memcmp(now, all[i]->host, count * sizeof *now), 0, "%d of %d %d %d", i, N, C,
                     P);
        free(now);
        device_tensor_drop(dev, all[i]);
    }
}

Test(picture, rows_are_those_of_the_processor) {
    const int sizes[] = {0, 1, 2, 31, 32, 33, 64, 257};
    v2s_device *dev = tested_device();
    for (int i = 0; i < 16; i++) {
        int n = sizes[i / 2];
        check_rows(dev, n, 3, 4, i % 2);
        check_rows(dev, 2, n, 5, i % 2);
        check_rows(dev, 2, n, 37, i % 2);
        check_rows(dev, 2, 16, n, i % 2);
        check_rows(dev, 1, 40, n, i % 2);
    }
    v2s_device_close(&dev);
}

// ---- one operation after the other ------------------------------------------------------------

enum { N = 2, IN = 2, C = 16, H = 6, WIDTH = 10, PIXELS = H * WIDTH, ALL = N * C * PIXELS };

// Arrays of a chain: convolution, batch norm with relu, pooling, upsampling, beside what was before
// pooling, added to itself with a weight, as rows; and the gradients on the way back.
enum {
    X,
    W,
    WEIGHT,
    SHIFT,
    MEAN,
    VAR,
    GAMMA,
    DROWS,
    CONV, // from here on outputs
    SAVED_MEAN,
    SAVED_STD,
    NORM,
    POOL,
    UP,
    BOTH,
    Y,
    ROWS,
    DY, // from here on gradients, which start as zeros
    DBOTH,
    DUP,
    DNORM,
    DPOOL,
    DCONV,
    DX,
    DW,
    DWEIGHT,
    DSHIFT,
    DGAMMA,
    ARRAYS
};

static const size_t counts[ARRAYS] = {
    [X] = N * IN * PIXELS, [W] = C * IN * 9,  [WEIGHT] = C,
    [SHIFT] = C,           [MEAN] = C,        [VAR] = C,
    [GAMMA] = 1,           [DROWS] = 2 * ALL, [CONV] = ALL,
    [SAVED_MEAN] = C,      [SAVED_STD] = C,   [NORM] = ALL,
    [POOL] = ALL / 4,      [UP] = ALL,        [BOTH] = 2 * ALL,
    [Y] = 2 * ALL,         [ROWS] = 2 * ALL,  [DY] = 2 * ALL,
    [DBOTH] = 2 * ALL,     [DUP] = ALL,       [DNORM] = ALL,
    [DPOOL] = ALL / 4,     [DCONV] = ALL,     [DX] = N * IN * PIXELS,
    [DW] = C * IN * 9,     [DWEIGHT] = C,     [DSHIFT] = C,
    [DGAMMA] = 1};

typedef struct chain {
    v2s_conv2d_backward_args conv;
    v2s_batch_norm_backward_args norm;
    v2s_pool2d_args pool;
    v2s_upsample2d_args up;
    v2s_concat_args both;
    v2s_residual_args residual;
    v2s_picture_rows_args to_rows, from_rows;
    device_tensor t[ARRAYS];
    uint8_t *index;
} chain;

static void make_args(chain *c, int block) {
    device_tensor *t = c->t;
    v2s_conv2d_args conv = {N, IN, C, H, WIDTH, 3, 3, 1, block, t[X].at, t[W].at, NULL, t[CONV].at};
    c->conv = (v2s_conv2d_backward_args){conv, t[DCONV].at, t[DX].at, t[DW].at, NULL};
    v2s_batch_norm_args norm = {N,
                                C,
                                H,
                                WIDTH,
                                block,
                                true,
                                true,
                                1e-5f,
                                0.1f,
                                t[CONV].at,
                                t[WEIGHT].at,
                                t[SHIFT].at,
                                t[MEAN].at,
                                t[VAR].at,
                                t[NORM].at,
                                t[SAVED_MEAN].at,
                                t[SAVED_STD].at};
    c->norm =
        (v2s_batch_norm_backward_args){norm, t[DNORM].at, t[DCONV].at, t[DWEIGHT].at, t[DSHIFT].at};
    c->pool = (v2s_pool2d_args){N,          C,          H,        WIDTH,       block,
                                t[NORM].at, t[POOL].at, c->index, t[DPOOL].at, t[DNORM].at};
    c->up = (v2s_upsample2d_args){N,     C,          H / 2,    WIDTH / 2, H,          WIDTH,
                                  block, t[POOL].at, t[UP].at, t[DUP].at, t[DPOOL].at};
    c->both = (v2s_concat_args){N,          C * PIXELS,  C * PIXELS, t[UP].at,   t[NORM].at,
                                t[BOTH].at, t[DBOTH].at, t[DUP].at,  t[DNORM].at};
    c->residual = (v2s_residual_args){2 * ALL,  t[BOTH].at,  t[BOTH].at, t[GAMMA].at, t[Y].at,
                                      t[DY].at, t[DBOTH].at, NULL,       t[DGAMMA].at};
    c->to_rows = (v2s_picture_rows_args){N, 2 * C, PIXELS, block, false, t[Y].at, t[ROWS].at};
    c->from_rows = (v2s_picture_rows_args){N, 2 * C, PIXELS, block, true, t[DROWS].at, t[DY].at};
}

static chain make(const v2s_device *dev, int block) {
    chain c = {.index = put(dev, NULL, ALL / 4)};
    for (unsigned i = 0; i < ARRAYS; i++) {
        c.t[i] = i < CONV || i >= DY ? device_noise(dev, i, counts[i], 1.0f)
                                     : device_output(dev, counts[i]);
        for (size_t k = 0; k < counts[i] && i >= DY; k++)
            c.t[i].host[k] = 0.0f;
        device_tensor_reset(dev, &c.t[i]);
    }
    make_args(&c, block);
    return c;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static void run(const v2s_device *dev, const chain *c) {
    const v2s_ops *ops = dev->ops;
    size_t bytes =
        larger(ops->conv2d_scratch(dev, &c->conv.of), ops->conv2d_backward_scratch(dev, &c->conv));
    bytes = larger(bytes, ops->batch_norm_scratch(dev, &c->norm.of));
    bytes = larger(bytes, ops->batch_norm_backward_scratch(dev, &c->norm));
    bytes = larger(bytes, ops->residual_backward_scratch(dev, &c->residual));
    v2s_arena scratch = device_scratch(dev, bytes);
    ops->conv2d_forward(dev, &c->conv.of, &scratch);
    ops->batch_norm_forward(dev, &c->norm.of, &scratch);
    ops->pool2d_forward(dev, &c->pool, &scratch);
    ops->upsample2d_forward(dev, &c->up, &scratch);
    ops->concat_forward(dev, &c->both, &scratch);
    ops->residual_forward(dev, &c->residual, &scratch);
    ops->picture_to_rows(dev, &c->to_rows, &scratch);
    ops->picture_from_rows(dev, &c->from_rows, &scratch);
    ops->residual_backward(dev, &c->residual, &scratch);
    ops->concat_backward(dev, &c->both, &scratch);
    ops->upsample2d_backward(dev, &c->up, &scratch);
    ops->pool2d_backward(dev, &c->pool, &scratch);
    ops->batch_norm_backward(dev, &c->norm, &scratch);
    ops->conv2d_backward(dev, &c->conv, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_device_arena_close(dev, &scratch);
}

// What leaves the chain does not depend on how pictures lie in it: within a share of the largest.
static void compare(const v2s_device *dev, const chain *a, const v2s_device *other, const chain *b,
                    int i) {
    float *x = device_tensor_now(dev, &a->t[i]), *y = device_tensor_now(other, &b->t[i]);
    double most = 0.0, gap = 0.0;
    for (size_t k = 0; k < counts[i]; k++) {
        double off = fabs((double)x[k] - (double)y[k]);
        most = fmax(most, fabs((double)y[k]));
        gap = off <= gap ? gap : isnan(off) ? INFINITY : off;
    }
    cr_assert(most > 0.01 && gap <= 1e-5 * most, "%d: off by %g of %g", i, gap, most);
    free(x);
    free(y);
}

static void discard(const v2s_device *dev, chain *c) {
    drop(dev, c->index, ALL / 4);
    for (int i = 0; i < ARRAYS; i++)
        device_tensor_drop(dev, &c->t[i]);
}

Test(picture, layout_of_the_device_gives_what_plain_pictures_give) {
    const int leave[] = {ROWS, MEAN, VAR, DX, DW, DWEIGHT, DSHIFT, DGAMMA};
    v2s_device *dev = tested_device(), *plain = NULL;
    cr_assert_eq(v2s_device_open_isa(V2S_ISA_SCALAR, 1, &plain), V2S_OK);
    chain a = make(dev, v2s_picture_block(dev, C)), b = make(plain, 1);
    run(dev, &a);
    run(plain, &b);
    for (int i = 0; i < 8; i++)
        compare(dev, &a, plain, &b, leave[i]);
    discard(dev, &a);
    discard(plain, &b);
    v2s_device_close(&dev);
    v2s_device_close(&plain);
}
