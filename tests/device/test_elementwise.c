// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/device/device_tensor.h"

enum { KINDS = V2S_ELEMENTWISE_SCALE + 1 };

// Each number is rounded once or twice: a product and a sum of no more than 2. Whole numbers are
// exact.
static void check(const v2s_device *dev, v2s_elementwise_kind kind, size_t n, bool whole) {
    device_tensor t[5];
    for (unsigned i = 0; i < 5; i++)
        t[i] = whole ? device_integers(dev, i, n, 100) : device_noise(dev, i, n, 1.0f);
    float factor = whole ? 3.0f : 0.7f;
    v2s_elementwise_args a = {kind, n, factor, t[0].at, t[1].at, NULL, t[2].at, t[3].at, t[4].at};
    v2s_elementwise_args_f64 exact = {kind, n,          factor,     t[0].exact, t[1].exact,
                                      NULL, t[2].exact, t[3].exact, t[4].exact};
    device_tensor y = device_output(dev, n);
    a.y = y.at;
    exact.y = y.exact;
    dev->ops->elementwise_forward(dev, &a, NULL);
    dev->ops->elementwise_backward(dev, &a, NULL);
    v2s_elementwise_forward_f64(NULL, &exact, NULL);
    v2s_elementwise_backward_f64(NULL, &exact, NULL);
    cr_assert_leq(device_tensor_gap(dev, &y), whole ? 0.0 : 2.0 * 0x1p-24);
    for (int i = 0; i < 5; i++)
        cr_assert_leq(device_tensor_gap(dev, &t[i]), whole ? 0.0 : 3.0 * 0x1p-24, "%d of kind %d",
                      i, kind);
    for (int i = 0; i < 5; i++)
        device_tensor_drop(dev, &t[i]);
    device_tensor_drop(dev, &y);
}

Test(elementwise, equals_the_definition_in_double) {
    const size_t counts[] = {0, 1, 2, 31, 32, 33, 257, 20001};
    v2s_device *dev = tested_device();
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            check(dev, (v2s_elementwise_kind)kind, counts[i], i % 2 == 0);
    v2s_device_close(&dev);
}

// y is a; then a and b, and so their gradients, are one; then a gradient is not wanted.
Test(elementwise, works_in_place_and_with_one_array_twice) {
    enum { COUNT = 300 };
    v2s_device *dev = tested_device();
    for (int kind = V2S_ELEMENTWISE_ADD; kind <= V2S_ELEMENTWISE_MUL; kind++) {
        device_tensor x = device_integers(dev, 1, COUNT, 9), dx = device_integers(dev, 2, COUNT, 9);
        device_tensor dy = device_integers(dev, 3, COUNT, 9);
        v2s_elementwise_args a = {
            (v2s_elementwise_kind)kind, COUNT, 0, x.at, x.at, x.at, dy.at, dx.at, dx.at};
        v2s_elementwise_args_f64 exact = {a.kind,  COUNT,    0,        x.exact, x.exact,
                                          x.exact, dy.exact, dx.exact, dx.exact};
        dev->ops->elementwise_backward(dev, &a, NULL);
        v2s_elementwise_backward_f64(NULL, &exact, NULL);
        a.da = NULL;
        exact.da = NULL;
        dev->ops->elementwise_backward(dev, &a, NULL);
        v2s_elementwise_backward_f64(NULL, &exact, NULL);
        dev->ops->elementwise_forward(dev, &a, NULL);
        v2s_elementwise_forward_f64(NULL, &exact, NULL);
        a.db = NULL;
        exact.db = NULL;
        dev->ops->elementwise_backward(dev, &a, NULL);
        cr_assert_eq(device_tensor_gap(dev, &x), 0.0);
        cr_assert_eq(device_tensor_gap(dev, &dx), 0.0);
        device_tensor_drop(dev, &x);
        device_tensor_drop(dev, &dx);
        device_tensor_drop(dev, &dy);
    }
    v2s_device_close(&dev);
}
