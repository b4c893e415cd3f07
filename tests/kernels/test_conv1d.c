// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/f64.h"
#include "tests/support/guarded.h"

// y[t] = 10 + 1 x[t-1] + 2 x[t] + 3 x[t+1] and, for the second output, -x[t], by hand.
Test(conv1d, definition_by_hand) {
    const float x[] = {1, 10, 100}, w[] = {1, 2, 3, 0, -1, 0}, bias[] = {10, 0};
    float y[6];
    v2s_conv1d_args a = {1, 3, 1, 2, 3, x, w, bias, y};
    v2s_arena scratch = scratch_of(64);
    v2s_conv1d_forward(NULL, &a, &scratch);
    const float expected[] = {10 + 2 + 30, -1, 10 + 1 + 20 + 300, -10, 10 + 10 + 200, -100};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(y[i], expected[i]);
    v2s_arena_close(&scratch);
}

// Weights are [O,C,K]: one tap of one channel moves that channel by that much.
Test(conv1d, a_single_tap_shifts_its_channel) {
    enum { T = 9, C = 3, K = 5 };
    float x[T * C], w[C * K] = {0}, bias[] = {0}, y[T];
    for (int i = 0; i < T * C; i++)
        x[i] = (float)(i + 1);
    w[1 * K + 4] = 1.0f; // channel 1, two frames ahead
    v2s_conv1d_args a = {1, T, C, 1, K, x, w, bias, y};
    v2s_arena scratch = scratch_of(64);
    v2s_conv1d_forward(NULL, &a, &scratch);
    for (int t = 0; t < T; t++)
        cr_assert_eq(y[t], t + 2 < T ? x[(t + 2) * C + 1] : 0.0f);
    v2s_arena_close(&scratch);
}

// One shape on one device against the definition in double.
static void check_shape(const v2s_device *dev, int B, int T, int C, int O, int K) {
    size_t nx = (size_t)B * T * C, nw = (size_t)O * C * K, no = (size_t)O, ny = (size_t)B * T * O;
    float scale = 1.0f / sqrtf((float)(C * K));
    float *x = guarded_noise(1, nx, 1.0f), *w = guarded_noise(2, nw, scale);
    float *bias = guarded_noise(3, no, 1.0f), *y = guarded_noise(4, ny, 100.0f);
    double *xd = doubles_of(x, nx), *wd = doubles_of(w, nw), *bd = doubles_of(bias, no);
    double *yd = doubles_of(y, ny);
    v2s_conv1d_args a = {B, T, C, O, K, x, w, bias, y};
    v2s_conv1d_args_f64 ad = {B, T, C, O, K, xd, wd, bd, yd};
    v2s_arena scratch = scratch_of(dev->ops->conv1d_scratch(dev, &a));
    v2s_conv1d_forward_f64(NULL, &ad, &scratch);
    dev->ops->conv1d_forward(dev, &a, &scratch);
    cr_assert_eq(scratch.used, 0);
    double gap = largest_gap(y, yd, ny);
    cr_assert_lt(gap, 4e-6, "%s: B %d T %d C %d O %d K %d: %g", dev->name, B, T, C, O, K, gap);
    v2s_arena_close(&scratch);
    guarded_free(x, nx);
    guarded_free(w, nw);
    guarded_free(bias, no);
    guarded_free(y, ny);
    free(xd);
    free(wd);
    free(bd);
    free(yd);
}

static void check_isa(v2s_isa isa) {
    v2s_device *dev = device_of(isa, 2);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    const int sizes[] = {1, 2, 31, 32, 33, 257};
    for (int i = 0; i < 6; i++) {
        check_shape(dev, 1, sizes[i], 4, 64, 15);
        check_shape(dev, 2, 20, sizes[i], 7, 3);
        check_shape(dev, 2, 13, 3, sizes[i], 5);
        check_shape(dev, 1, 40, 2, 5, sizes[i] | 1);
    }
    check_shape(dev, 1, 0, 4, 64, 15);
    check_shape(dev, 3, 1, 1, 1, 1);
    check_shape(dev, 1, 3000, 4, 8, 15); // long enough for two threads
    v2s_device_close(&dev);
}

Test(conv1d, float_definition_equals_double) {
    check_isa(V2S_ISA_SCALAR);
}

Test(conv1d, avx2_equals_definition) {
    check_isa(V2S_ISA_AVX2);
}

Test(conv1d, avx512_equals_definition) {
    check_isa(V2S_ISA_AVX512);
}
