// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/device_tensor.h"

// Forward with y apart or in place, and backward from that y.
static void check(const v2s_device *dev, int M, int N, bool in_place) {
    size_t count = (size_t)M * N;
    device_tensor x = device_noise(dev, 1, count, 6.0f), y = device_output(dev, count);
    device_tensor dy = device_noise(dev, 2, count, 1.0f), dx = device_noise(dev, 3, count, 1.0f);
    device_tensor *out = in_place ? &x : &y;
    v2s_softmax_args a = {M, N, x.at, out->at, dy.at, dx.at};
    v2s_softmax_args_f64 exact = {M, N, x.exact, out->exact, dy.exact, dx.exact};
    dev->ops->softmax_forward(dev, &a, NULL);
    dev->ops->softmax_backward(dev, &a, NULL);
    v2s_softmax_forward_f64(NULL, &exact, NULL);
    v2s_softmax_backward_f64(NULL, &exact, NULL);
    // The argument of exp is off by half a unit of 12, exp and the quotient by a few of y <= 1.
    cr_assert_leq(device_tensor_gap(dev, out), 12.0 * 0x1p-24, "y of %d x %d", M, N);
    cr_assert_leq(device_tensor_gap(dev, &dx), 28.0 * 0x1p-24, "dx of %d x %d", M, N);
    float *first = device_tensor_now(dev, &dx);
    device_tensor_reset(dev, &dx);
    dev->ops->softmax_backward(dev, &a, NULL);
    float *second = device_tensor_now(dev, &dx);
    cr_assert_eq(memcmp(first, second, count * sizeof *first), 0);
    free(first);
    free(second);
    device_tensor_drop(dev, &x);
    device_tensor_drop(dev, &y);
    device_tensor_drop(dev, &dy);
    device_tensor_drop(dev, &dx);
}

Test(softmax, equals_the_definition_in_double) {
    const int rows[] = {0, 1, 2, 33},
              columns[] = {0, 1, 2, 3, 16, 17, 31, 32, 33, 257, 1024, 1025, 5003};
    v2s_device *dev = tested_device();
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 13; j++)
            check(dev, rows[i], columns[j], (i + j) % 2 == 0);
    check(dev, 257, 5, false);
    check(dev, 70, 40, true);
    v2s_device_close(&dev);
}

// Rows as the header promises them: not numbers, or numbers of which nothing is lost.
Test(softmax, of_extremes) {
    v2s_device *dev = tested_device();
    const int columns[] = {3, 40, 1500};
    for (int i = 0; i < 3; i++) {
        int N = columns[i], M = 5;
        float *rows = calloc((size_t)M * N, sizeof *rows);
        rows[N - 1] = NAN;
        rows[N + 1] = INFINITY;
        for (int n = 0; n < N; n++) {
            rows[2 * N + n] = -INFINITY;
            rows[3 * N + n] = n == N - 2 ? -3e38f : -INFINITY;
            rows[4 * N + n] = n == 0 ? 3e38f : -3e38f;
        }
        device_tensor x = device_copy_of(dev, rows, (size_t)M * N, false);
        v2s_softmax_args a = {.M = M, .N = N, .x = x.at, .y = x.at};
        dev->ops->softmax_forward(dev, &a, NULL);
        float *y = device_tensor_now(dev, &x);
        for (int n = 0; n < N; n++) {
            cr_assert(isnan(y[n]) && isnan(y[N + n]) && isnan(y[2 * N + n]));
            cr_assert_eq(y[3 * N + n], n == N - 2 ? 1.0f : 0.0f);
            cr_assert_eq(y[4 * N + n], n == 0 ? 1.0f : 0.0f);
        }
        free(y);
        free(rows);
        device_tensor_drop(dev, &x);
    }
    v2s_device_close(&dev);
}
