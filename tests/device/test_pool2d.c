// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/device_tensor.h"

typedef struct sizes {
    int N, C, H, W;
} sizes;

// Forward and backward of x on the device and on the processor: the same bits. Takes x over.
static void check(const v2s_device *dev, sizes s, device_tensor x, bool want_index) {
    size_t outputs = (size_t)s.N * s.C * (s.H / 2) * (s.W / 2);
    device_tensor y = device_output(dev, outputs), dy = device_noise(dev, 2, outputs, 1.0f);
    device_tensor dx = device_noise(dev, 3, x.count, 1.0f);
    uint8_t *index = malloc(outputs + 1), *place = put(dev, NULL, outputs);
    uint8_t *index_now = malloc(outputs + 1);
    v2s_pool2d_args expected = {s.N, s.C, s.H, s.W, 1, x.host, y.host, index, dy.host, dx.host};
    v2s_pool2d_args a = {s.N,   s.C,  s.H, s.W, 1, x.at, y.at, want_index ? place : NULL,
                         dy.at, dx.at};
    v2s_pool2d_forward(NULL, &expected, NULL);
    v2s_pool2d_backward(NULL, &expected, NULL);
    dev->ops->pool2d_forward(dev, &a, NULL);
    float *y_now = device_tensor_now(dev, &y);
    cr_assert_eq(memcmp(y_now, y.host, outputs * sizeof *y_now), 0);
    if (want_index) {
        dev->ops->pool2d_backward(dev, &a, NULL);
        fetch(dev, index_now, place, outputs);
        cr_assert_eq(memcmp(index_now, index, outputs), 0);
        float *dx_now = device_tensor_now(dev, &dx);
        cr_assert_eq(memcmp(dx_now, dx.host, dx.count * sizeof *dx_now), 0);
        free(dx_now);
    }
    drop(dev, place, outputs);
    device_tensor_drop(dev, &x);
    device_tensor_drop(dev, &y);
    device_tensor_drop(dev, &dy);
    device_tensor_drop(dev, &dx);
    free(y_now);
    free(index);
    free(index_now);
}

static size_t inputs_of(sizes s) {
    return (size_t)s.N * s.C * s.H * s.W;
}

Test(pool2d, is_that_of_the_processor) {
    const sizes all[] = {{0, 3, 4, 4},   {2, 0, 4, 4},   {2, 3, 1, 4}, {2, 3, 4, 1},
                         {1, 1, 2, 2},   {1, 1, 3, 3},   {2, 3, 5, 7}, {3, 2, 31, 9},
                         {1, 4, 32, 33}, {2, 2, 33, 32}, {5, 7, 2, 6}, {1, 1, 257, 2}};
    v2s_device *dev = tested_device();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        check(dev, all[i], device_noise(dev, 1, inputs_of(all[i]), 1.0f), true);
        check(dev, all[i], device_integers(dev, 4, inputs_of(all[i]), 1), i % 2 == 0); // ties
    }
    v2s_device_close(&dev);
}

Test(pool2d, keeps_what_is_not_a_number) {
    const sizes s = {1, 1, 4, 40};
    float x[160];
    for (int i = 0; i < 160; i++) // all mixtures of the three in a square, and more
        x[i] = i * 7919 % 5 == 0 ? NAN : i * 7919 % 5 == 1 ? INFINITY : -(float)(i % 3) / 0.0f;
    v2s_device *dev = tested_device();
    check(dev, s, device_copy_of(dev, x, 160, false), true);
    v2s_device_close(&dev);
}
