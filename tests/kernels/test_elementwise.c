// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <stdlib.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"
#include "tests/support/guarded.h"

enum { KINDS = V2S_ELEMENTWISE_SCALE + 1, COUNT = 33 };

typedef struct weighed {
    v2s_elementwise_args_f64 args;
    bool second; // the function of b
} weighed;

static double weighed_forward(void *ctx, const double *x) {
    weighed *p = ctx;
    v2s_elementwise_args_f64 a = p->args;
    double sum = 0.0;
    *(p->second ? &a.b : &a.a) = x;
    v2s_elementwise_forward_f64(NULL, &a, NULL);
    for (int i = 0; i < COUNT; i++)
        sum += a.dy[i] * a.y[i];
    return sum;
}

Test(elementwise, backward_matches_differences) {
    for (int kind = 0; kind < KINDS; kind++) {
        double *a = noise_doubles(1, COUNT, 1.0), *b = noise_doubles(2, COUNT, 1.0), y[COUNT];
        double *dy = noise_doubles(3, COUNT, 1.0), *noise = noise_doubles(4, COUNT, 1.0);
        double *da = noise_doubles(4, COUNT, 1.0), *db = noise_doubles(4, COUNT, 1.0);
        weighed p = {{(v2s_elementwise_kind)kind, COUNT, -0.7, a, b, y, dy, da, db}, false};
        v2s_elementwise_backward_f64(NULL, &p.args, NULL);
        for (int i = 0; i < COUNT; i++) {
            da[i] -= noise[i];
            db[i] -= noise[i];
        }
        cr_assert_lt(gradient_error(weighed_forward, &p, a, da, COUNT, 1, 0.1), 1e-10, "%d", kind);
        p.second = true;
        if (kind != V2S_ELEMENTWISE_SCALE)
            cr_assert_lt(gradient_error(weighed_forward, &p, b, db, COUNT, 1, 0.1), 1e-10, "%d",
                         kind);
        free(a);
        free(b);
        free(dy);
        free(noise);
        free(da);
        free(db);
    }
}

static void check_isa(v2s_isa isa) {
    v2s_device *dev = device_of(isa, 1);
    const size_t counts[] = {0, 1, 2, 31, 32, 33, 257};
    for (int kind = 0; dev != NULL && kind < KINDS; kind++)
        for (int i = 0; i < 7; i++) {
            size_t n = counts[i];
            float *a = guarded_noise(1, n, 1.0f), *b = guarded_noise(2, n, 1.0f);
            float *y = guarded_noise(3, n, 9.0f), *dy = guarded_noise(4, n, 1.0f);
            float *da = guarded_noise(5, n, 1.0f), *db = guarded_noise(6, n, 1.0f);
            double *before = doubles_of(da, n), *before_b = doubles_of(db, n);
            v2s_elementwise_args args = {(v2s_elementwise_kind)kind, n, 0.3f, a, b, y, dy, da, db};
            dev->ops->elementwise_forward(dev, &args, NULL);
            dev->ops->elementwise_backward(dev, &args, NULL);
            for (size_t j = 0; j < n; j++) {
                double A = a[j], B = b[j], g = dy[j], f = 0.3f;
                double out[] = {A + B, A * B, f * A}, slope_a[] = {g, g * B, f * g};
                double slope_b[] = {g, g * A, 0.0};
                cr_assert_float_eq(y[j], out[kind], 2e-7);
                cr_assert_float_eq(da[j], before[j] + slope_a[kind], 4e-7);
                cr_assert_float_eq(db[j], before_b[j] + slope_b[kind], 4e-7);
            }
            args.da = args.db = NULL; // not wanted
            dev->ops->elementwise_backward(dev, &args, NULL);
            float *all[] = {a, b, y, dy, da, db};
            for (int k = 0; k < 6; k++)
                guarded_free(all[k], n);
            free(before);
            free(before_b);
        }
    v2s_device_close(&dev);
}

Test(elementwise, of_every_table_equals_double) {
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++)
        check_isa((v2s_isa)isa);
}
