// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/device_tensor.h"

enum { A, B, Y, DY, DA, DB, TENSORS };

// The device's numbers are the processor's, bit for bit: nothing is rounded but one sum.
static void check(const v2s_device *dev, int N, size_t first, size_t second, bool aligned) {
    const size_t counts[TENSORS] = {
        N * first, N * second, N * (first + second), N * (first + second), N * first, N * second};
    device_tensor t[TENSORS];
    for (unsigned i = 0; i < TENSORS; i++) {
        device_tensor noise = device_noise(dev, i, counts[i], 1.0f);
        t[i] = device_copy_of(dev, noise.host, counts[i], aligned);
        device_tensor_drop(dev, &noise);
    }
    v2s_concat_args a = {N, first, second, t[A].at, t[B].at, t[Y].at, t[DY].at, t[DA].at, t[DB].at};
    v2s_concat_args expected = {N,         first,      second,     t[A].host, t[B].host,
                                t[Y].host, t[DY].host, t[DA].host, t[DB].host};
    dev->ops->concat_forward(dev, &a, NULL);
    dev->ops->concat_backward(dev, &a, NULL);
    v2s_concat_forward(NULL, &expected, NULL);
    v2s_concat_backward(NULL, &expected, NULL);
    a.da = expected.da = NULL; // not wanted
    dev->ops->concat_backward(dev, &a, NULL);
    v2s_concat_backward(NULL, &expected, NULL);
    a.db = expected.db = NULL;
    dev->ops->concat_backward(dev, &a, NULL);
    for (int i = 0; i < TENSORS; i++) {
        float *now = device_tensor_now(dev, &t[i]);
        cr_assert_eq(memcmp(now, t[i].host, counts[i] * sizeof *now), 0, "%d of %d, %zu, %zu", i, N,
                     first, second);
        free(now);
        device_tensor_drop(dev, &t[i]);
    }
}

Test(concat, is_that_of_the_processor) {
    const size_t sizes[] = {0, 1, 4, 31, 32, 33, 256, 257, 1028};
    v2s_device *dev = tested_device();
    for (int i = 0; i < 9; i++)
        for (int aligned = 0; aligned < 2; aligned++) {
            check(dev, 3, sizes[i], 5, aligned);
            check(dev, 2, 16, sizes[i], aligned);
            check(dev, (int)sizes[i], 4, 8, aligned);
            check(dev, 1, sizes[i], sizes[8 - i], aligned);
        }
    v2s_device_close(&dev);
}

// More items than a grid has rows.
Test(concat, of_many_items) {
    v2s_device *dev = tested_device();
    check(dev, device_is_gpu() ? 70000 : 300, 2, 1, false);
    v2s_device_close(&dev);
}
