// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/tested_device.h"

enum { KINDS = V2S_RANDOM_MASK + 1 };

// The device's numbers; free() them. `expected` gets the definition's.
static float *numbers(const v2s_device *dev, v2s_random_args a, float *expected) {
    size_t bytes = a.count * sizeof(float);
    a.y = expected;
    v2s_random_fill(NULL, &a, NULL);
    a.y = put(dev, NULL, bytes);
    dev->ops->random_fill(dev, &a, NULL);
    float *y = fetch_floats(dev, a.y, a.count);
    drop(dev, a.y, bytes);
    return y;
}

// A normal number's double may differ in its last bits, which can turn the rounding to float.
static void check(const v2s_device *dev, v2s_random_args a) {
    float *expected = malloc((a.count + 1) * sizeof *expected);
    float *y = numbers(dev, a, expected);
    for (size_t i = 0; i < a.count; i++)
        if (a.kind == V2S_RANDOM_NORMAL)
            cr_assert_leq(fabsf(y[i] - expected[i]), 0x1.8p-23f * fabsf(expected[i]), "%zu", i);
        else
            cr_assert_eq(y[i], expected[i], "kind %d: %zu", a.kind, i);
    free(y);
    free(expected);
}

static v2s_random_args args_of(int kind, size_t count, double p) {
    return (v2s_random_args){.kind = (v2s_random_kind)kind,
                             .count = count,
                             .seed = 0x0123456789abcdef,
                             .stream = 0xfedcba9876543210,
                             .low = -3.1,
                             .high = 5.7,
                             .mean = 0.5,
                             .sigma = 2.3,
                             .p = p};
}

Test(random, numbers_are_those_of_the_processor) {
    const size_t counts[] = {0, 1, 2, 3, 31, 32, 33, 257, 5001, 20000};
    v2s_device *dev = tested_device();
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            check(dev, args_of(kind, counts[i], 0.3));
    v2s_device_close(&dev);
}

Test(random, masks_keep_everything_or_nothing) {
    v2s_device *dev = tested_device();
    check(dev, args_of(V2S_RANDOM_MASK, 100, 0.0));
    check(dev, args_of(V2S_RANDOM_MASK, 100, 1.0));
    v2s_device_close(&dev);
}

// Ranges of which the first number is next to zero: of low + (high - low) u nothing is left but the
// roundings, and a fused product would leave others.
Test(random, products_are_not_fused_with_sums) {
    v2s_device *dev = tested_device();
    for (int i = 1; i < 40; i++) {
        double u = 0.0;
        v2s_random_args a = args_of(V2S_RANDOM_UNIFORM, 33, 0.0);
        a.seed = (uint64_t)i;
        v2s_random_args_f64 first = {.kind = V2S_RANDOM_UNIFORM, .count = 1, .seed = a.seed};
        first.stream = a.stream;
        first.high = 1.0;
        first.y = &u;
        v2s_random_fill_f64(NULL, &first, NULL);
        a.low = -0.7 * u;
        a.high = a.low + 0.7;
        check(dev, a);
    }
    v2s_device_close(&dev);
}
