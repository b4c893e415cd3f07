// SPDX-License-Identifier: MIT
// One step by hand, and properties. Ten steps of a whole network against PyTorch are in
// tests/nn/test_refiner_training*.c.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/f64.h"
#include "tests/support/guarded.h"

static const v2s_optim_args_f64 adam = {.kind = V2S_OPTIM_ADAM,
                                        .count = 1,
                                        .step = 1,
                                        .scale = 1.0,
                                        .rate = 0.1,
                                        .beta1 = 0.9,
                                        .beta2 = 0.99,
                                        .eps = 1e-3};

Test(optim, second_step_of_adam_by_hand) {
    double p = 2.0, m = 0.05, v = 0.04, g = 0.5;
    v2s_optim_args_f64 a = adam;
    a.p = &p;
    a.m = &m;
    a.v = &v;
    a.grad = &g;
    a.step = 2;
    a.scale = 0.5; // a gradient of 0.25
    v2s_optim_step_f64(NULL, &a);
    cr_assert_float_eq(m, 0.9 * 0.05 + 0.1 * 0.25, 1e-15);
    cr_assert_float_eq(v, 0.99 * 0.04 + 0.01 * 0.0625, 1e-15);
    double m_hat = m / (1 - 0.81), v_hat = v / (1 - 0.9801);
    cr_assert_float_eq(p, 2.0 - 0.1 * m_hat / (sqrt(v_hat) + 1e-3), 1e-14);
}

Test(optim, decay_is_part_of_the_gradient_in_adam_and_apart_from_it_in_adamw) {
    double p[2] = {2.0, 2.0}, m[2] = {0}, v[2] = {0}, g = 0.0;
    for (int i = 0; i < 2; i++) {
        v2s_optim_args_f64 a = adam;
        a.kind = i == 0 ? V2S_OPTIM_ADAM : V2S_OPTIM_ADAMW;
        a.decay = 0.01;
        a.p = &p[i];
        a.m = &m[i];
        a.v = &v[i];
        a.grad = &g;
        v2s_optim_step_f64(NULL, &a);
    }
    cr_assert_float_eq(p[0], 2.0 - 0.1 * 0.02 / (0.02 + 1e-3), 1e-14);
    cr_assert_float_eq(p[1], 2.0 * (1 - 0.1 * 0.01), 1e-15);
}

Test(optim, sgd_with_momentum_by_hand) {
    double p = 1.0, m = 0.0, g = 0.5;
    v2s_optim_args_f64 a = {.kind = V2S_OPTIM_SGD,
                            .count = 1,
                            .p = &p,
                            .grad = &g,
                            .m = &m,
                            .scale = 1.0,
                            .rate = 0.1,
                            .decay = 0.2,
                            .momentum = 0.5};
    v2s_optim_step_f64(NULL, &a); // g = 0.5 + 0.2
    cr_assert_float_eq(m, 0.7, 1e-15);
    cr_assert_float_eq(p, 0.93, 1e-15);
    v2s_optim_step_f64(NULL, &a); // m = 0.35 + 0.5 + 0.186
    cr_assert_float_eq(m, 1.036, 1e-15);
    cr_assert_float_eq(p, 0.93 - 0.1036, 1e-15);
    a.momentum = 0.0;
    a.m = NULL;
    a.decay = 0.0;
    v2s_optim_step_f64(NULL, &a);
    cr_assert_float_eq(p, 0.93 - 0.1036 - 0.05, 1e-15);
}

enum { COUNT = 1003 };

// Cut anywhere, an array gets the same numbers, bit for bit; zeros stay zeros.
Test(optim, numbers_do_not_depend_on_their_neighbours) {
    for (int kind = V2S_OPTIM_ADAMW; kind <= V2S_OPTIM_SGD; kind++) {
        float *whole[4], *pieces[4];
        for (unsigned i = 0; i < 4; i++) {
            whole[i] = guarded_noise(i, COUNT, 1.0f);
            pieces[i] = guarded_noise(i, COUNT, 1.0f);
            whole[i][77] = pieces[i][77] = 0.0f;
            for (int j = 0; i == 3 && j < COUNT; j++)
                whole[3][j] = pieces[3][j] = fabsf(whole[3][j]);
        }
        v2s_optim_args a = {.kind = (v2s_optim_kind)kind,
                            .count = COUNT,
                            .p = whole[0],
                            .grad = whole[1],
                            .m = whole[2],
                            .v = whole[3],
                            .step = 3,
                            .scale = 0.7,
                            .rate = 1e-2,
                            .decay = 1e-2,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .eps = 1e-8,
                            .momentum = 0.9};
        v2s_optim_step(NULL, &a);
        for (size_t begin = 0; begin < COUNT; begin += 59) {
            a.count = COUNT - begin < 59 ? COUNT - begin : 59;
            a.p = pieces[0] + begin;
            a.grad = pieces[1] + begin;
            a.m = pieces[2] + begin;
            a.v = pieces[3] + begin;
            v2s_optim_step(NULL, &a);
        }
        cr_assert_eq(whole[0][77], 0.0f);
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(memcmp(whole[i], pieces[i], COUNT * sizeof(float)), 0);
            guarded_free(whole[i], COUNT);
            guarded_free(pieces[i], COUNT);
        }
    }
}

Test(optim, norm_is_euclidean_and_says_what_is_not_a_number) {
    float *g = guarded_noise(1, COUNT, 1.0f);
    long double sum = 0.0L;
    for (int i = 0; i < COUNT; i++)
        sum += (long double)g[i] * g[i];
    cr_assert_float_eq(v2s_grad_norm(NULL, g, COUNT), (double)sqrtl(sum), 1e-12);
    cr_assert_eq(v2s_grad_norm(NULL, g, 0), 0.0);
    float huge[2] = {3e38f, 3e38f};
    cr_assert_float_eq(v2s_grad_norm(NULL, huge, 2) / 3e38, sqrt(2.0), 1e-6);
    g[1001] = NAN;
    cr_assert(isnan(v2s_grad_norm(NULL, g, COUNT)));
    g[1001] = INFINITY;
    cr_assert(isinf(v2s_grad_norm(NULL, g, COUNT)));
    guarded_free(g, COUNT);
}

Test(optim, average_follows_its_weights) {
    double average[2] = {1.0, 4.0}, p[2] = {3.0, 4.0};
    v2s_ema_args_f64 a = {2, average, p, 0.75};
    v2s_ema_update_f64(NULL, &a);
    cr_assert_float_eq(average[0], 1.5, 1e-15);
    cr_assert_float_eq(average[1], 4.0, 1e-15);
}
