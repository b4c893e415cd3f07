// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/f64.h"
#include "tests/support/guarded.h"

Test(linear, definition_by_hand) {
    const float x[] = {1, 10, 2, 20}, w[] = {3, 4, 5, 6}, bias[] = {100, 200};
    float y[4];
    v2s_linear_args a = {2, 2, 2, x, w, bias, y};
    v2s_arena scratch = scratch_of(64);
    v2s_linear_forward(NULL, &a, &scratch);
    const float expected[] = {143, 265, 186, 330};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(y[i], expected[i]);
    v2s_arena_close(&scratch);
}

// One shape on one device against the definition in double.
static void check_shape(const v2s_device *dev, int M, int C, int O) {
    size_t nx = (size_t)M * C, nw = (size_t)O * C, no = (size_t)O, ny = (size_t)M * O;
    float *x = guarded_noise(1, nx, 1.0f), *w = guarded_noise(2, nw, 1.0f / sqrtf((float)C));
    float *bias = guarded_noise(3, no, 1.0f), *y = guarded_noise(4, ny, 100.0f);
    double *xd = doubles_of(x, nx), *wd = doubles_of(w, nw), *bd = doubles_of(bias, no);
    double *yd = doubles_of(y, ny);
    v2s_linear_args a = {M, C, O, x, w, bias, y};
    v2s_linear_args_f64 ad = {M, C, O, xd, wd, bd, yd};
    v2s_arena scratch = scratch_of(dev->ops->linear_scratch(dev, &a));
    v2s_linear_forward_f64(NULL, &ad, &scratch);
    dev->ops->linear_forward(dev, &a, &scratch);
    cr_assert_eq(scratch.used, 0);
    double gap = largest_gap(y, yd, ny);
    cr_assert_lt(gap, 4e-6, "%s: M %d C %d O %d: %g", dev->name, M, C, O, gap);
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
    for (int i = 0; i < 6; i++)
        for (int O = 1; O <= 12; O++) { // both sides of the border between dots and products
            check_shape(dev, sizes[i], 256, O);
            check_shape(dev, 7, sizes[i], O);
        }
    for (int i = 0; i < 6; i++)
        check_shape(dev, 11, 33, sizes[i]);
    check_shape(dev, 0, 3, 4);
    check_shape(dev, 3000, 5, 4); // long enough for two threads
    check_shape(dev, 3000, 5, 20);
    v2s_device_close(&dev);
}

Test(linear, float_definition_equals_double) {
    check_isa(V2S_ISA_SCALAR);
}

Test(linear, avx2_equals_definition) {
    check_isa(V2S_ISA_AVX2);
}

Test(linear, avx512_equals_definition) {
    check_isa(V2S_ISA_AVX512);
}
