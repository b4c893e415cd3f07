// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/f64_signal.h"
#include "tests/device/tested_device.h"
#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

static const size_t counts[] = {0, 1, 2, 31, 32, 33, 257, 70001};
enum { COUNTS = sizeof counts / sizeof counts[0], KINDS = V2S_ACTIVATION_TANH + 1 };

static void check(const v2s_device *dev, v2s_activation_kind kind, size_t n) {
    float *x = malloc((4 * n + 1) * sizeof *x), *dy = x + n, *dx = x + 2 * n, *y = x + 3 * n;
    hash_noise(1, n, 6.0f, x);
    hash_noise(2, n, 1.0f, dy);
    hash_noise(3, n, 1.0f, dx);
    double *xd = doubles_of(x, n), *dyd = doubles_of(dy, n), *dxd = doubles_of(dx, n);
    double *yd = doubles_of(x, n);
    size_t bytes = n * sizeof *x;
    v2s_activation_args a = {.kind = kind,
                             .count = n,
                             .x = put(dev, x, bytes),
                             .y = put(dev, NULL, bytes),
                             .dy = put(dev, dy, bytes),
                             .dx = put(dev, dx, bytes)};
    v2s_activation_args_f64 exact = {kind, n, xd, yd, dyd, dxd};
    dev->ops->activation_forward(dev, &a, NULL);
    dev->ops->activation_backward(dev, &a, NULL);
    v2s_activation_forward_f64(NULL, &exact, NULL);
    v2s_activation_backward_f64(NULL, &exact, NULL);
    fetch(dev, y, a.y, bytes);
    fetch(dev, dx, a.dx, bytes);
    cr_assert_leq(largest_gap(y, yd, n), 5e-7);
    cr_assert_leq(largest_gap(dx, dxd, n), 1e-6);
    drop(dev, (void *)a.x, bytes);
    drop(dev, a.y, bytes);
    drop(dev, (void *)a.dy, bytes);
    drop(dev, a.dx, bytes);
    free(x);
    free(xd);
    free(dyd);
    free(dxd);
    free(yd);
}

Test(activation, equals_the_definition_in_double) {
    v2s_device *dev = tested_device();
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < COUNTS; i++)
            check(dev, (v2s_activation_kind)kind, counts[i]);
    v2s_device_close(&dev);
}

Test(activation, keeps_what_is_not_a_number) {
    v2s_device *dev = tested_device();
    const float x[3] = {NAN, -INFINITY, INFINITY};
    float y[3];
    void *at = put(dev, x, sizeof x);
    for (int kind = 0; kind < KINDS; kind++) {
        v2s_activation_args a = {
            .kind = (v2s_activation_kind)kind, .count = 3, .x = at, .y = put(dev, NULL, sizeof y)};
        dev->ops->activation_forward(dev, &a, NULL);
        fetch(dev, y, a.y, sizeof y);
        cr_assert(isnan(y[0]));
        cr_assert_eq(y[1], kind == V2S_ACTIVATION_TANH ? -1.0f : 0.0f);
        cr_assert_eq(y[2], kind == V2S_ACTIVATION_RELU ? INFINITY : 1.0f);
        drop(dev, a.y, sizeof y);
    }
    drop(dev, at, sizeof x);
    v2s_device_close(&dev);
}
