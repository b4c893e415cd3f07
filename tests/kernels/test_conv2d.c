// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

enum { INPUT, WEIGHT, BIAS, TENSORS };

// loss = sum(y * dy)
typedef struct problem {
    v2s_conv2d_args_f64 a; // sizes; pointers as the double twin takes them
    bool want_dx;          // without it bias and dbias are left out, too
    size_t ny;
    op_tensor t[TENSORS];
    float *dy;
    double *dy_d;
    char what[96];
} problem;

static problem make(v2s_conv2d_args_f64 a, bool want_dx) {
    problem p = {.a = a, .want_dx = want_dx, .ny = (size_t)a.N * a.O * a.H * a.W};
    p.t[INPUT] = op_tensor_make("x", 1, (size_t)a.N * a.C * a.H * a.W, 1.0f);
    p.t[WEIGHT] = op_tensor_make("w", 2, (size_t)a.O * a.C * a.KH * a.KW, 1.0f);
    p.t[BIAS] = op_tensor_make("bias", 3, (size_t)a.O, 1.0f);
    p.dy = guarded_noise(4, p.ny, 1.0f);
    p.dy_d = doubles_of(p.dy, p.ny);
    p.a.x = p.t[INPUT].value_d;
    p.a.w = p.t[WEIGHT].value_d;
    p.a.bias = want_dx ? p.t[BIAS].value_d : NULL;
    p.a.y = calloc(p.ny + 1, sizeof *p.a.y);
    snprintf(p.what, sizeof p.what, "N %d C %d (%d) O %d (%d) H %d W %d KH %d KW %d%s", a.N, a.C,
             a.x_block, a.O, a.y_block, a.H, a.W, a.KH, a.KW, want_dx ? "" : " without dx");
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->ny);
    free(p->dy_d);
    free(p->a.y);
    for (int i = 0; i < TENSORS; i++)
        op_tensor_free(&p->t[i]);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_conv2d_forward_f64(NULL, &p->a, NULL);
    for (size_t i = 0; i < p->ny; i++)
        sum += p->a.y[i] * p->dy_d[i];
    return sum;
}

static void backward_double(problem *p) {
    v2s_conv2d_backward_args_f64 g = {p->a, p->dy_d, p->want_dx ? p->t[INPUT].grad_d : NULL,
                                      p->t[WEIGHT].grad_d, p->want_dx ? p->t[BIAS].grad_d : NULL};
    v2s_conv2d_backward_f64(NULL, &g, NULL);
}

// Forward and backward of absolute values: the magnitudes behind y [ny] and the gradients.
static double *compute_bounds(problem *p) {
    v2s_conv2d_args_f64 a = p->a;
    double *x = op_magnitudes(a.x, p->t[INPUT].count), *w = op_magnitudes(a.w, p->t[WEIGHT].count);
    double *bias = op_magnitudes(p->t[BIAS].value_d, p->t[BIAS].count);
    double *dy = op_magnitudes(p->dy_d, p->ny), *y = calloc(p->ny + 1, sizeof *y);
    a.x = x;
    a.w = w;
    a.bias = bias;
    a.y = y;
    v2s_conv2d_backward_args_f64 g = {a, dy, p->t[INPUT].bound, p->t[WEIGHT].bound,
                                      p->t[BIAS].bound};
    v2s_conv2d_forward_f64(NULL, &a, NULL);
    v2s_conv2d_backward_f64(NULL, &g, NULL);
    free(x);
    free(w);
    free(bias);
    free(dy);
    return y;
}

static void run_float(problem *p, const v2s_device *dev, float *y) {
    v2s_conv2d_args_f64 s = p->a;
    v2s_conv2d_args a = {s.N,
                         s.C,
                         s.O,
                         s.H,
                         s.W,
                         s.KH,
                         s.KW,
                         s.x_block,
                         s.y_block,
                         p->t[INPUT].value,
                         p->t[WEIGHT].value,
                         p->want_dx ? p->t[BIAS].value : NULL,
                         y};
    v2s_conv2d_backward_args g = {a, p->dy, p->want_dx ? p->t[INPUT].grad : NULL, p->t[WEIGHT].grad,
                                  p->want_dx ? p->t[BIAS].grad : NULL};
    size_t bytes = dev->ops->conv2d_scratch(dev, &a);
    size_t more = dev->ops->conv2d_backward_scratch(dev, &g);
    v2s_arena scratch = scratch_of(bytes > more ? bytes : more);
    memset(scratch.base, 0xff, scratch.size); // NaN: nothing may rely on zeroed scratch
    dev->ops->conv2d_forward(dev, &a, &scratch);
    dev->ops->conv2d_backward(dev, &g, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
}

static void check_shape(const v2s_device *dev, v2s_conv2d_args_f64 sizes, bool want_dx) {
    problem p = make(sizes, want_dx);
    float *y = guarded_noise(5, p.ny, 100.0f);
    double taps = (double)sizes.KH * sizes.KW;
    double terms = taps * (sizes.C + sizes.O) + (double)sizes.N * sizes.H * sizes.W;
    loss(&p);
    backward_double(&p);
    double *bound = compute_bounds(&p);
    run_float(&p, dev, y);
    op_check_output(y, p.a.y, bound, p.ny, 2.0 + sqrt(taps * sizes.C), p.what);
    op_check_rounding(p.t, TENSORS, 2.0 + sqrt(terms), p.what);
    guarded_free(y, p.ny);
    free(bound);
    discard(&p);
}

static v2s_conv2d_args_f64 sizes_of(int N, int C, int O, int H, int W, int KH, int KW) {
    return (v2s_conv2d_args_f64){.N = N, .C = C, .O = O, .H = H, .W = W, .KH = KH, .KW = KW};
}

Test(conv2d, by_hand) {
    const float x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 10, 100, 2, 20, 200, 3, 30, 300}, bias = 1000;
    float y[6];
    v2s_conv2d_args a = {1, 1, 1, 2, 3, 3, 3, 1, 1, x, w, &bias, y};
    v2s_conv2d_forward(NULL, &a, NULL);
    const float expected[] = {1000 + 20 + 400 + 120 + 1500,
                              1000 + 2 + 40 + 600 + 12 + 150 + 1800,
                              1000 + 4 + 60 + 15 + 180,
                              1000 + 10 + 200 + 80 + 1000,
                              1000 + 1 + 20 + 300 + 8 + 100 + 1200,
                              1000 + 2 + 30 + 10 + 120};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(y[i], expected[i], "%d: %g", i, (double)y[i]);
}

Test(conv2d, with_a_single_tap_moves_the_picture) {
    enum { H = 4, WIDTH = 5 };
    float *x = guarded_noise(1, H * WIDTH, 1.0f), y[H * WIDTH], w[15] = {0};
    for (int tap = 0; tap < 15; tap++) {
        v2s_conv2d_args a = {1, 1, 1, H, WIDTH, 3, 5, 1, 1, x, w, NULL, y};
        w[tap] = 1.0f;
        v2s_conv2d_forward(NULL, &a, NULL);
        w[tap] = 0.0f;
        for (int i = 0; i < H * WIDTH; i++) {
            int row = i / WIDTH + tap / 5 - 1, column = i % WIDTH + tap % 5 - 2;
            bool inside = row >= 0 && row < H && column >= 0 && column < WIDTH;
            cr_assert_eq(y[i], inside ? x[row * WIDTH + column] : 0.0f, "tap %d", tap);
        }
    }
    guarded_free(x, H * WIDTH);
}

static void check_numeric(v2s_conv2d_args_f64 sizes) {
    problem p = make(sizes, true);
    backward_double(&p);
    op_check_numeric(p.t, TENSORS, loss, &p, p.what);
    discard(&p);
}

Test(conv2d, backward_is_the_derivative_of_forward) {
    check_numeric(sizes_of(2, 3, 4, 5, 6, 3, 3));
    check_numeric(sizes_of(2, 5, 2, 4, 4, 1, 1));
    check_numeric(sizes_of(1, 1, 1, 1, 1, 3, 3));
    check_numeric(sizes_of(1, 2, 3, 3, 2, 3, 7));
    check_numeric(sizes_of(3, 1, 2, 1, 9, 1, 5));
}

static void check_plain(const v2s_device *dev) {
    const int sizes[] = {0, 1, 2, 7, 8, 9, 31, 32, 33};
    for (int i = 0; i < 9; i++) {
        check_shape(dev, sizes_of(2, 3, 4, sizes[i], 6, 3, 3), true);
        check_shape(dev, sizes_of(1, 3, 2, 5, sizes[i], 3, 3), i % 2 == 0);
        check_shape(dev, sizes_of(sizes[i], 2, 2, 4, 5, 1, 3), true);
        if (sizes[i] == 0)
            continue;
        check_shape(dev, sizes_of(1, sizes[i], 3, 4, 7, 3, 3), true);
        check_shape(dev, sizes_of(1, 5, sizes[i], 4, 7, 1, 1), i % 2 == 0);
    }
    check_shape(dev, sizes_of(2, 8, 8, 64, 64, 3, 3), true);
}

// Channels in blocks: x and y, and either of them beside a picture of one channel or of any number.
static void check_blocks(const v2s_device *dev, int block) {
    const int kernels[][2] = {{1, 1}, {3, 3}, {5, 1}, {3, 7}};
    const int pictures[][2] = {{1, 1}, {2, 3}, {5, 33}, {9, 16}, {0, 4}, {17, 40}};
    const int channels[][2] = {{2, 1}, {1, 2}, {1, 0}, {0, 1}, {1, -5}, {-5, 1}};
    for (int c = 0; c < 6; c++)
        for (int k = 0; k < (block == 8 ? 4 : 2); k++)
            for (int p = 0; p < 6; p++) {
                int C = channels[c][0], O = channels[c][1];
                v2s_conv2d_args_f64 sizes = {.N = p == 4 ? 3 : 1 + p % 2,
                                             .C = C > 0    ? C * block
                                                  : C == 0 ? 1
                                                           : -C,
                                             .O = O > 0    ? O * block
                                                  : O == 0 ? 1
                                                           : -O,
                                             .H = pictures[p][0],
                                             .W = pictures[p][1],
                                             .KH = kernels[k][0],
                                             .KW = kernels[k][1],
                                             .x_block = C > 0 ? block : 1,
                                             .y_block = O > 0 ? block : 0};
                check_shape(dev, sizes, (c + k + p) % 2 == 0);
            }
}

static void check_table(v2s_isa isa, int threads) {
    v2s_device *dev = device_of(isa, threads);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    check_plain(dev);
    check_blocks(dev, 8);
    check_blocks(dev, 16);
    v2s_device_close(&dev);
}

Test(conv2d, float_definition_equals_double) {
    check_table(V2S_ISA_SCALAR, 1);
}

Test(conv2d, avx2_equals_double) {
    check_table(V2S_ISA_AVX2, 1);
}

Test(conv2d, avx2_on_two_threads_equals_double) {
    check_table(V2S_ISA_AVX2, 2);
}

Test(conv2d, avx512_equals_double) {
    check_table(V2S_ISA_AVX512, 2);
}

Test(conv2d, avx512_with_bf16_equals_double) {
    check_table(V2S_ISA_AVX512_BF16, 2);
}

typedef struct caller {
    const v2s_device *dev;
    int i;
} caller;

static void *call_some(void *arg) {
    const caller *c = arg;
    for (int i = 0; i < 20; i++) {
        v2s_conv2d_args_f64 sizes = sizes_of(1, 8, 16, 5 + (i + c->i) % 7, 9, 3, 3);
        sizes.x_block = sizes.y_block = 8;
        check_shape(c->dev, sizes, true);
    }
    return NULL;
}

Test(conv2d, may_be_called_by_several_threads_with_one_device) {
    v2s_device *dev = device_of(V2S_ISA_AVX2, 2);
    if (dev == NULL)
        cr_skip("this processor has no avx2");
    pthread_t threads[3];
    caller callers[3] = {{dev, 0}, {dev, 1}, {dev, 5}};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, call_some, &callers[i]), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    v2s_device_close(&dev);
}

// The same threads, the same bits.
Test(conv2d, gives_the_same_numbers_every_time) {
    v2s_device *dev = device_of(V2S_ISA_AVX2, 2);
    if (dev == NULL)
        cr_skip("this processor has no avx2");
    v2s_conv2d_args_f64 sizes = sizes_of(2, 16, 32, 33, 35, 3, 3);
    sizes.x_block = sizes.y_block = 8;
    problem p = make(sizes, true);
    float *y = guarded_noise(5, p.ny, 1.0f), *first[TENSORS + 1] = {0};
    for (int run = 0; run < 6; run++) {
        for (int i = 0; i < TENSORS; i++)
            memset(p.t[i].grad, 0, p.t[i].count * sizeof(float));
        run_float(&p, dev, y);
        for (int i = 0; i <= TENSORS; i++) {
            const float *now = i < TENSORS ? p.t[i].grad : y;
            size_t bytes = (i < TENSORS ? p.t[i].count : p.ny) * sizeof(float);
            if (run > 0)
                cr_assert_eq(memcmp(first[i], now, bytes), 0, "tensor %d of run %d", i, run);
            else if ((first[i] = malloc(bytes)) != NULL)
                memcpy(first[i], now, bytes);
        }
    }
    for (int i = 0; i <= TENSORS; i++)
        free(first[i]);
    guarded_free(y, p.ny);
    discard(&p);
    v2s_device_close(&dev);
}
