// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

enum { X, WEIGHT, BIAS, TENSORS };
enum { KINDS = 4 }; // inference, training, both again with relu

// loss = sum(y * dy)
typedef struct problem {
    v2s_batch_norm_args_f64 a; // as the double twin takes it
    size_t pixels, count;
    op_tensor t[TENSORS];
    float *dy;
    double *dy_d;
    char what[96];
} problem;

// [C] doubles: noise about `middle`.
static double *around(unsigned stream, int C, double middle) {
    float *noise = guarded_noise(stream, (size_t)C, 0.25f);
    double *to = doubles_of(noise, (size_t)C);
    for (int c = 0; c < C; c++)
        to[c] = (float)(to[c] + middle);
    guarded_free(noise, (size_t)C);
    return to;
}

static problem make(int N, int C, int H, int W, bool training, bool relu) {
    problem p = {.pixels = (size_t)H * W, .count = (size_t)N * C * H * W};
    p.t[X] = op_tensor_make("x", 1, p.count, 2.0f);
    p.t[WEIGHT] = op_tensor_make("weight", 2, (size_t)C, 1.0f);
    p.t[BIAS] = op_tensor_make("bias", 3, (size_t)C, 1.0f);
    p.dy = guarded_noise(4, p.count, 1.0f);
    p.dy_d = doubles_of(p.dy, p.count);
    p.a = (v2s_batch_norm_args_f64){.N = N,
                                    .C = C,
                                    .H = H,
                                    .W = W,
                                    .training = training,
                                    .relu = relu,
                                    .eps = 0x1p-10,
                                    .momentum = 0.25};
    p.a.x = p.t[X].value_d;
    p.a.weight = p.t[WEIGHT].value_d;
    p.a.bias = p.t[BIAS].value_d;
    p.a.running_mean = around(5, C, 0.5);
    p.a.running_var = around(6, C, 1.5);
    p.a.y = calloc(p.count + 1, sizeof *p.a.y);
    p.a.saved_mean = calloc((size_t)C + 1, sizeof *p.a.saved_mean);
    p.a.saved_inv_std = calloc((size_t)C + 1, sizeof *p.a.saved_inv_std);
    snprintf(p.what, sizeof p.what, "N %d C %d H %d W %d, %s%s", N, C, H, W,
             training ? "training" : "inference", relu ? ", relu" : "");
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->count);
    free(p->dy_d);
    free(p->a.running_mean);
    free(p->a.running_var);
    free(p->a.y);
    free(p->a.saved_mean);
    free(p->a.saved_inv_std);
    for (int i = 0; i < TENSORS; i++)
        op_tensor_free(&p->t[i]);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_batch_norm_forward_f64(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->count; i++)
        sum += p->a.y[i] * p->dy_d[i];
    return sum;
}

static void backward_double(problem *p) {
    v2s_batch_norm_backward_args_f64 g = {p->a, p->dy_d, p->t[X].grad_d, p->t[WEIGHT].grad_d,
                                          p->t[BIAS].grad_d};
    v2s_batch_norm_backward_f64(NULL, &g, NULL);
}

// Magnitudes behind y [count] and the gradients of one channel: h with the rounding of x - mean.
static void bound_channel(problem *p, int c, double *y) {
    const v2s_batch_norm_args_f64 *a = &p->a;
    double w = fabs(a->weight[c]), inv_std = a->saved_inv_std[c], sum = 0.0, sum_h = 0.0;
    for (int pass = 0; pass < 2; pass++)
        for (int n = 0; n < a->N; n++)
            for (size_t j = 0; j < p->pixels; j++) {
                size_t i = ((size_t)n * a->C + c) * p->pixels + j;
                double h = (fabs(a->x[i]) + fabs(a->saved_mean[c])) * inv_std;
                double dy = fabs(p->dy_d[i]), K = (double)a->N * (double)p->pixels;
                if (pass == 0) {
                    sum += dy;
                    sum_h += dy * h;
                } else {
                    y[i] = w * h + fabs(a->bias[c]);
                    p->t[X].bound[i] = w * inv_std * (dy + sum / K + h * sum_h / K);
                }
            }
    p->t[BIAS].bound[c] = sum;
    p->t[WEIGHT].bound[c] = sum_h;
}

static float *floats_of(const double *from, int count) {
    float *to = malloc(((size_t)count + 1) * sizeof *to);
    for (int i = 0; i < count; i++)
        to[i] = (float)from[i];
    return to;
}

// y [count], running and saved statistics [C] of the float operation.
typedef struct outputs {
    float *y, *mean, *var, *saved_mean, *saved_inv_std;
} outputs;

static void run_float(problem *p, const v2s_device *dev, const outputs *to) {
    v2s_batch_norm_args_f64 s = p->a;
    v2s_batch_norm_args a = {s.N,
                             s.C,
                             s.H,
                             s.W,
                             s.block,
                             s.training,
                             s.relu,
                             (float)s.eps,
                             0.25f,
                             p->t[X].value,
                             p->t[WEIGHT].value,
                             p->t[BIAS].value,
                             to->mean,
                             to->var,
                             to->y,
                             to->saved_mean,
                             to->saved_inv_std};
    v2s_batch_norm_backward_args g = {a, p->dy, p->t[X].grad, p->t[WEIGHT].grad, p->t[BIAS].grad};
    size_t bytes = dev->ops->batch_norm_scratch(dev, &a);
    size_t more = dev->ops->batch_norm_backward_scratch(dev, &g);
    v2s_arena scratch = scratch_of(bytes > more ? bytes : more);
    memset(scratch.base, 0xff, scratch.size); // NaN: nothing may rely on zeroed scratch
    dev->ops->batch_norm_forward(dev, &a, &scratch);
    dev->ops->batch_norm_backward(dev, &g, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
}

static void check_shape(const v2s_device *dev, int N, int C, int H, int W, int kind) {
    problem p = make(N, C, H, W, kind % 2, kind / 2);
    double *bound = calloc(p.count + 1, sizeof *bound);
    size_t channels = (size_t)C;
    outputs to = {guarded_noise(7, p.count, 100.0f), floats_of(p.a.running_mean, C),
                  floats_of(p.a.running_var, C), guarded_noise(8, channels, 100.0f),
                  guarded_noise(9, channels, 100.0f)};
    loss(&p);
    backward_double(&p);
    for (int c = 0; c < C; c++)
        bound_channel(&p, c, bound);
    run_float(&p, dev, &to);
    op_check_output(to.y, p.a.y, bound, p.count, 6.0, p.what);
    op_check_rounding(p.t, TENSORS, 10.0, p.what);
    cr_assert_leq(largest_gap(to.mean, p.a.running_mean, channels), 3e-7, "%s", p.what);
    cr_assert_leq(largest_gap(to.var, p.a.running_var, channels), 6e-7, "%s", p.what);
    cr_assert_leq(largest_gap(to.saved_mean, p.a.saved_mean, channels), 3e-7, "%s", p.what);
    for (int c = 0; c < C; c++)
        cr_assert_float_eq(to.saved_inv_std[c] / (float)p.a.saved_inv_std[c], 1.0f, 1e-5f, "%s",
                           p.what);
    guarded_free(to.y, p.count);
    guarded_free(to.saved_mean, channels);
    guarded_free(to.saved_inv_std, channels);
    free(to.mean);
    free(to.var);
    free(bound);
    discard(&p);
}

Test(batch_norm, by_hand) {
    float x[] = {1, 3, 5, 7}, weight = 2, bias = 10, mean = 1, var = 1, y[4], saved[2];
    v2s_batch_norm_args a = {2, 1,       1,     2,     1,    true, false, 4.0f,     0.5f,
                             x, &weight, &bias, &mean, &var, y,    saved, saved + 1};
    v2s_batch_norm_forward(NULL, &a, NULL); // mean 4, variance 5, 1 / sqrt(9)
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(y[i], 2.0f * (x[i] - 4.0f) / 3.0f + 10.0f, 1e-6f);
    cr_assert_eq(mean, 2.5f);
    cr_assert_float_eq(var, 0.5f + 0.5f * 20.0f / 3.0f, 1e-6f);
    cr_assert(saved[0] == 4.0f && saved[1] == 1.0f / 3.0f);
    a.training = false;
    mean = 3;
    var = 12;
    a.saved_mean = a.saved_inv_std = NULL;
    a.y = x;
    v2s_batch_norm_forward(NULL, &a, NULL); // in place; 1 / sqrt(16)
    for (int i = 0; i < 4; i++)
        cr_assert_eq(x[i], 2.0f * ((float)(2 * i + 1) - 3.0f) / 4.0f + 10.0f);
    cr_assert(mean == 3.0f && var == 12.0f);
}

Test(batch_norm, of_one_number_gives_the_bias_and_no_nan) {
    float x = 5, weight = 2, bias = 10, mean = 1, var = 1, y;
    v2s_batch_norm_args a = {1,  1,       1,     1,     1,    true, false, 1e-5f, 0.5f,
                             &x, &weight, &bias, &mean, &var, &y,   NULL,  NULL};
    v2s_batch_norm_forward(NULL, &a, NULL);
    cr_assert(y == 10.0f && mean == 3.0f && var == 0.5f);
}

Test(batch_norm, of_nothing_leaves_the_statistics) {
    float weight = 2, bias = 10, mean = 1, var = 3, dweight = 5, dbias = 6, saved[2];
    v2s_batch_norm_args a = {0,    1,       4,     4,     1,    true, false, 1e-5f,    0.5f,
                             NULL, &weight, &bias, &mean, &var, NULL, saved, saved + 1};
    v2s_batch_norm_backward_args g = {a, NULL, NULL, &dweight, &dbias};
    v2s_batch_norm_forward(NULL, &a, NULL);
    v2s_batch_norm_backward(NULL, &g, NULL);
    cr_assert(mean == 1.0f && var == 3.0f && dweight == 5.0f && dbias == 6.0f);
}

// As in PyTorch: what is not a number passes, and so does its gradient; nothing passes at 0.
Test(batch_norm, with_relu_by_hand) {
    float x[] = {-3, 0, 1, 5, NAN}, weight = 2, bias = -2, mean = 0, var = 1, saved[2];
    float y[5], dy[] = {1, 2, 4, 8, 16}, dx[5] = {0}, dweight = 0, dbias = 0;
    v2s_batch_norm_args a = {1, 1,       1,     5,     1,    false, true,  0.0f,     0.5f,
                             x, &weight, &bias, &mean, &var, y,     saved, saved + 1};
    v2s_batch_norm_forward(NULL, &a, NULL); // -8, -2, 0, 8 and what is not a number
    cr_assert(y[0] == 0.0f && y[1] == 0.0f && y[2] == 0.0f && y[3] == 8.0f && isnan(y[4]));
    v2s_batch_norm_backward_args g = {a, dy, dx, &dweight, &dbias};
    v2s_batch_norm_backward(NULL, &g, NULL);
    cr_assert(dx[0] == 0.0f && dx[1] == 0.0f && dx[2] == 0.0f && dx[3] == 16.0f);
    cr_assert_eq(dbias, 24.0f);
    cr_assert(isnan(dweight));
}

// A channel far from zero: the variance must not be a difference of large squares.
// The channels of a picture in blocks hold the same numbers.
static void check_far(const v2s_device *dev, int block) {
    enum { COUNT = 4096, BLOCK_MAX = 16 };
    float *x = guarded_noise(1, COUNT * BLOCK_MAX, 1.0f),
          *y = guarded_noise(2, COUNT * BLOCK_MAX, 1);
    float weight[BLOCK_MAX] = {1}, bias[BLOCK_MAX] = {0}, mean[BLOCK_MAX] = {0};
    float var[BLOCK_MAX] = {1}, saved[2][BLOCK_MAX];
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < COUNT; i++) {
        float value = 1048576.0f + rintf(x[i] * 8.0f) / 8.0f; // exact
        y[i] = value;
        sum += (double)value - 1048576.0;
        squares += ((double)value - 1048576.0) * ((double)value - 1048576.0);
    }
    for (int i = 0; i < COUNT * block; i++)
        x[i] = y[i / block];
    v2s_batch_norm_args a = {1, block,  64,   64,   block, true, false,    1e-5f,   1.0f,
                             x, weight, bias, mean, var,   y,    saved[0], saved[1]};
    v2s_arena scratch = scratch_of(dev->ops->batch_norm_scratch(dev, &a));
    dev->ops->batch_norm_forward(dev, &a, &scratch);
    sum /= COUNT;
    for (int c = 0; c < block; c++) {
        cr_assert_float_eq(saved[0][c], 1048576.0 + sum, 0.07);
        cr_assert_float_eq(saved[1][c], 1.0 / sqrt(squares / COUNT - sum * sum + 1e-5), 1e-6);
    }
    v2s_arena_close(&scratch);
    guarded_free(x, COUNT * BLOCK_MAX);
    guarded_free(y, COUNT * BLOCK_MAX);
}

Test(batch_norm, keeps_its_precision_far_from_zero) {
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 1);
        if (dev == NULL)
            continue;
        check_far(dev, 1);
        check_far(dev, 8);
        check_far(dev, 16);
        v2s_device_close(&dev);
    }
}

static void check_numeric(int N, int C, int H, int W, int kind) {
    problem p = make(N, C, H, W, kind % 2, kind / 2);
    loss(&p);
    backward_double(&p);
    op_check_numeric(p.t, TENSORS, loss, &p, p.what);
    discard(&p);
}

Test(batch_norm, backward_is_the_derivative_of_forward) {
    for (int kind = 0; kind < KINDS; kind++) {
        check_numeric(2, 3, 4, 5, kind);
        check_numeric(4, 1, 1, 1, kind);
        check_numeric(1, 2, 1, 33, kind);
        check_numeric(3, 5, 6, 2, kind);
    }
}

Test(batch_norm, of_every_table_equals_double) {
    const int sizes[] = {0, 1, 2, 31, 32, 33};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 6 * KINDS; i++) {
            check_shape(dev, sizes[i / KINDS], 3, 4, 5, i % KINDS);
            check_shape(dev, 2, sizes[i / KINDS], 3, 3, i % KINDS);
            check_shape(dev, 2, 3, sizes[i / KINDS], 7, i % KINDS);
            check_shape(dev, 2, 2, 64, 65, i % KINDS);
        }
        v2s_device_close(&dev);
    }
}
