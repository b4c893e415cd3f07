// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/device_tensor.h"

// y and dx of the device and of the processor, which sums in double as well: what differs is the
// last bit of the double, and so at most one rounding of y. Takes x over.
static void check(const v2s_device *dev, v2s_reduce_kind kind, v2s_reduce_axis axis, int M, int N,
                  device_tensor x, bool exact) {
    size_t lines = (size_t)(axis == V2S_REDUCE_ROWS ? M : N), bytes = lines * sizeof(int32_t);
    device_tensor y = device_output(dev, lines), dy = device_noise(dev, 2, lines, 1.0f);
    device_tensor dx = device_noise(dev, 3, x.count, 1.0f);
    int32_t *index = malloc(bytes + 1), *place = put(dev, NULL, bytes), *now = malloc(bytes + 1);
    v2s_reduce_args expected = {kind, axis, M, N, x.host, y.host, index, dy.host, dx.host};
    v2s_reduce_args a = {kind, axis, M, N, x.at, y.at, place, dy.at, dx.at};
    v2s_reduce_forward(NULL, &expected, NULL);
    v2s_reduce_backward(NULL, &expected, NULL);
    v2s_arena scratch = device_scratch(dev, dev->ops->reduce_scratch(dev, &a));
    dev->ops->reduce_forward(dev, &a, &scratch);
    dev->ops->reduce_backward(dev, &a, &scratch);
    cr_assert_eq(scratch.used, 0);
    float *y_now = device_tensor_now(dev, &y), *dx_now = device_tensor_now(dev, &dx);
    for (size_t i = 0; i < lines; i++)
        cr_assert(isnan(y.host[i]) ? isnan(y_now[i])
                                   : y_now[i] == y.host[i] ||
                                         (!exact && fabsf(y_now[i] - y.host[i]) <=
                                                        0x1p-23f * fabsf(y.host[i]) + 1e-12f),
                  "kind %d axis %d %d x %d: %zu: %g for %g", kind, axis, M, N, i, (double)y_now[i],
                  (double)y.host[i]);
    cr_assert_eq(memcmp(dx_now, dx.host, dx.count * sizeof *dx_now), 0, "kind %d axis %d", kind,
                 axis);
    fetch(dev, now, place, bytes);
    if (kind == V2S_REDUCE_MAX)
        cr_assert_eq(memcmp(now, index, bytes), 0);
    v2s_device_arena_close(dev, &scratch);
    drop(dev, place, bytes);
    device_tensor_drop(dev, &x);
    device_tensor_drop(dev, &y);
    device_tensor_drop(dev, &dy);
    device_tensor_drop(dev, &dx);
    free(y_now);
    free(dx_now);
    free(index);
    free(now);
}

static void check_all(const v2s_device *dev, int M, int N) {
    size_t count = (size_t)M * N;
    for (int kind = V2S_REDUCE_SUM; kind <= V2S_REDUCE_MAX; kind++)
        for (int axis = V2S_REDUCE_ROWS; axis <= V2S_REDUCE_COLUMNS; axis++) {
            bool max = kind == V2S_REDUCE_MAX;
            check(dev, kind, axis, M, N, device_noise(dev, 1, count, 2.0f), max);
            if (count < 1000 || max) // ties, and exact sums
                check(dev, kind, axis, M, N, device_integers(dev, 4, count, 3), true);
        }
}

Test(reduce, equals_the_definition) {
    const int sizes[][2] = {{0, 0},  {0, 3},    {3, 0},    {1, 1},    {2, 2},    {31, 33},
                            {33, 5}, {257, 17}, {3, 5003}, {5003, 3}, {1, 20001}};
    v2s_device *dev = tested_device();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_all(dev, sizes[i][0], sizes[i][1]);
    v2s_device_close(&dev);
}

Test(reduce, finds_what_is_not_a_number_and_both_zeros) {
    enum { M = 70, N = 90 };
    float *x = malloc(M * N * sizeof *x);
    for (int i = 0; i < M * N; i++) {
        int k = (int)((unsigned)i * 2654435761u >> 24);
        x[i] = k == 0 ? NAN : k < 90 ? -INFINITY : k < 170 ? -0.0f : k < 250 ? 0.0f : -1e-40f;
    }
    for (int n = 0; n < N; n++) {
        x[5 * N + n] = -INFINITY;
        x[6 * N + n] = n % 2 == 0 ? -0.0f : 0.0f;
        x[7 * N + n] = n % 2 == 0 ? 0.0f : -0.0f;
        x[8 * N + n] = n == 40 ? NAN : INFINITY;
    }
    v2s_device *dev = tested_device();
    for (int axis = V2S_REDUCE_ROWS; axis <= V2S_REDUCE_COLUMNS; axis++)
        check(dev, V2S_REDUCE_MAX, axis, M, N, device_copy_of(dev, x, M * N, false), true);
    free(x);
    v2s_device_close(&dev);
}

Test(reduce, works_without_an_index) {
    const float x[4] = {1, 5, 3, 2};
    v2s_device *dev = tested_device();
    device_tensor in = device_copy_of(dev, x, 4, false), y = device_output(dev, 2);
    v2s_reduce_args a = {
        .kind = V2S_REDUCE_MAX, .axis = V2S_REDUCE_COLUMNS, .M = 2, .N = 2, .x = in.at, .y = y.at};
    v2s_arena scratch = device_scratch(dev, dev->ops->reduce_scratch(dev, &a));
    dev->ops->reduce_forward(dev, &a, &scratch);
    float *now = device_tensor_now(dev, &y);
    cr_assert(now[0] == 3.0f && now[1] == 5.0f);
    free(now);
    v2s_device_arena_close(dev, &scratch);
    device_tensor_drop(dev, &in);
    device_tensor_drop(dev, &y);
    v2s_device_close(&dev);
}
