// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"
#include "tests/support/guarded.h"

static double expected(v2s_activation_kind kind, double x) {
    return kind == V2S_ACTIVATION_RELU      ? fmax(x, 0.0)
           : kind == V2S_ACTIVATION_SIGMOID ? 1.0 / (1.0 + exp(-x))
                                            : tanh(x);
}

enum { KINDS = V2S_ACTIVATION_TANH + 1, COUNT = 257 };

typedef struct weighed {
    v2s_activation_kind kind;
    double *w;
} weighed;

static double weighed_forward(void *ctx, const double *x) {
    weighed *p = ctx;
    double y[COUNT], sum = 0.0;
    v2s_activation_args_f64 a = {.kind = p->kind, .count = COUNT, .x = x, .y = y};
    v2s_activation_forward_f64(NULL, &a, NULL);
    for (int i = 0; i < COUNT; i++)
        sum += p->w[i] * y[i];
    return sum;
}

Test(activation, backward_matches_differences) {
    for (int kind = 0; kind < KINDS; kind++) {
        double *x = noise_doubles(1, COUNT, 3.0), *w = noise_doubles(2, COUNT, 1.0), y[COUNT];
        double *dx = noise_doubles(3, COUNT, 1.0), *noise = noise_doubles(3, COUNT, 1.0);
        v2s_activation_args_f64 a = {
            .kind = (v2s_activation_kind)kind, .count = COUNT, .x = x, .y = y, .dy = w, .dx = dx};
        weighed p = {a.kind, w};
        v2s_activation_forward_f64(NULL, &a, NULL);
        v2s_activation_backward_f64(NULL, &a, NULL);
        for (int i = 0; i < COUNT; i++) {
            dx[i] -= noise[i];
            cr_assert_float_eq(y[i], expected(a.kind, x[i]), 1e-15);
        }
        cr_assert_lt(gradient_error(weighed_forward, &p, x, dx, COUNT, 1, 1e-5), 1e-8, "%d", kind);
        free(x);
        free(w);
        free(dx);
        free(noise);
    }
}

static void check_isa(v2s_isa isa) {
    v2s_device *dev = device_of(isa, 1);
    const size_t counts[] = {0, 1, 2, 31, 32, 33, 257};
    for (int kind = 0; dev != NULL && kind < KINDS; kind++)
        for (int i = 0; i < 7; i++) {
            size_t n = counts[i];
            float *x = guarded_noise(1, n, 6.0f), *y = guarded_noise(2, n, 9.0f);
            float *dy = guarded_noise(3, n, 1.0f), *dx = guarded_noise(4, n, 1.0f);
            double *dxd = doubles_of(dx, n);
            v2s_activation_args a = {(v2s_activation_kind)kind, n, x, y, dy, dx};
            dev->ops->activation_forward(dev, &a, NULL);
            dev->ops->activation_backward(dev, &a, NULL);
            for (size_t j = 0; j < n; j++) {
                double f = expected(a.kind, (double)x[j]);
                double slope = kind == V2S_ACTIVATION_RELU      ? x[j] > 0.0f
                               : kind == V2S_ACTIVATION_SIGMOID ? f * (1.0 - f)
                                                                : 1.0 - f * f;
                cr_assert_float_eq(y[j], f, 2e-7 * fmax(1.0, fabs(f)));
                cr_assert_float_eq(dx[j], dxd[j] + (double)dy[j] * slope, 1e-6);
            }
            guarded_free(x, n);
            guarded_free(y, n);
            guarded_free(dy, n);
            guarded_free(dx, n);
            free(dxd);
        }
    v2s_device_close(&dev);
}

Test(activation, of_every_table_equals_double) {
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++)
        check_isa((v2s_isa)isa);
}

Test(activation, saturates_and_keeps_what_is_not_a_number) {
    float x[] = {-INFINITY, -1000.0f, 0.0f, 1000.0f, INFINITY, NAN}, y[6];
    for (int kind = 0; kind < KINDS; kind++) {
        v2s_activation_args a = {.kind = (v2s_activation_kind)kind, .count = 6, .x = x, .y = y};
        v2s_activation_forward(NULL, &a, NULL);
        for (int i = 0; i < 5; i++)
            cr_assert_eq(y[i], (float)expected(a.kind, (double)x[i]), "%d: %d", kind, i);
        cr_assert(isnan(y[5]));
    }
}

Test(activation, of_relu_has_no_slope_at_zero) {
    float x[] = {0.0f, -0.0f, 1e-30f}, y[3], dy[] = {1.0f, 1.0f, 1.0f}, dx[3] = {0.0f};
    v2s_activation_args a = {V2S_ACTIVATION_RELU, 3, x, y, dy, dx};
    v2s_activation_forward(NULL, &a, NULL);
    v2s_activation_backward(NULL, &a, NULL);
    cr_assert(dx[0] == 0.0f && dx[1] == 0.0f && dx[2] == 1.0f);
}
