// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/device_tensor.h"

enum { TRAINING = 1, RELU = 2 }; // kinds
enum { X, Y, DY, DX, WEIGHT, BIAS, MEAN, VAR, SAVED_MEAN, SAVED_STD, DWEIGHT, DBIAS, TENSORS };

typedef struct problem {
    v2s_batch_norm_backward_args g;
    v2s_batch_norm_backward_args_f64 exact;
    device_tensor t[TENSORS];
} problem;

typedef struct sizes {
    int N, C, H, W;
} sizes;

static void point_at(problem *p, sizes s, bool training, bool relu) {
    device_tensor *t = p->t;
    v2s_batch_norm_args a = {s.N,
                             s.C,
                             s.H,
                             s.W,
                             1,
                             training,
                             relu,
                             1e-5f,
                             0.1f,
                             t[X].at,
                             t[WEIGHT].at,
                             t[BIAS].at,
                             t[MEAN].at,
                             t[VAR].at,
                             t[Y].at,
                             t[SAVED_MEAN].at,
                             t[SAVED_STD].at};
    v2s_batch_norm_args_f64 exact = {s.N,
                                     s.C,
                                     s.H,
                                     s.W,
                                     1,
                                     training,
                                     relu,
                                     1e-5f,
                                     0.1f,
                                     t[X].exact,
                                     t[WEIGHT].exact,
                                     t[BIAS].exact,
                                     t[MEAN].exact,
                                     t[VAR].exact,
                                     t[Y].exact,
                                     t[SAVED_MEAN].exact,
                                     t[SAVED_STD].exact};
    p->g = (v2s_batch_norm_backward_args){a, t[DY].at, t[DX].at, t[DWEIGHT].at, t[DBIAS].at};
    p->exact = (v2s_batch_norm_backward_args_f64){exact, t[DY].exact, t[DX].exact, t[DWEIGHT].exact,
                                                  t[DBIAS].exact};
}

// x is noise of +-1 around `middle`.
static problem make(const v2s_device *dev, sizes s, int kind, bool aligned, float middle) {
    problem p;
    size_t count = (size_t)s.N * s.C * s.H * s.W;
    for (unsigned i = 0; i < TENSORS; i++) {
        size_t n = i < WEIGHT ? count : (size_t)s.C;
        device_tensor noise = device_noise(dev, i, n, 1.0f);
        for (size_t k = 0; k < n; k++) {
            if (i == VAR)
                noise.host[k] = fabsf(noise.host[k]) + 0.1f;
            if (i == X)
                noise.host[k] += middle;
        }
        p.t[i] = device_copy_of(dev, noise.host, n, aligned);
        device_tensor_drop(dev, &noise);
    }
    point_at(&p, s, kind & TRAINING, kind & RELU);
    return p;
}

static void run(const v2s_device *dev, const problem *p) {
    size_t bytes = dev->ops->batch_norm_scratch(dev, &p->g.of);
    size_t more = dev->ops->batch_norm_backward_scratch(dev, &p->g);
    v2s_arena scratch = device_scratch(dev, bytes > more ? bytes : more);
    dev->ops->batch_norm_forward(dev, &p->g.of, &scratch);
    dev->ops->batch_norm_backward(dev, &p->g, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_device_arena_close(dev, &scratch);
}

// Twice from the same start: the same bits.
static void check_twice(const v2s_device *dev, problem *p) {
    float *first[TENSORS];
    for (int i = 0; i < TENSORS; i++) {
        first[i] = device_tensor_now(dev, &p->t[i]);
        device_tensor_reset(dev, &p->t[i]);
    }
    run(dev, p);
    for (int i = 0; i < TENSORS; i++) {
        float *second = device_tensor_now(dev, &p->t[i]);
        cr_assert_eq(memcmp(first[i], second, p->t[i].count * sizeof *second), 0, "%d", i);
        free(first[i]);
        free(second);
    }
}

// The statistics are exact but for their rounding, of the mean to |middle| 2^-24; inv_std, at most
// 1/sqrt(eps) where a channel has one number, multiplies that.
static void check(const v2s_device *dev, sizes s, int kind, bool aligned, float middle) {
    problem p = make(dev, s, kind, aligned, middle);
    double K = (double)s.N * s.H * s.W, off = (1.0 + fabsf(middle)) * 0x1p-24;
    double scale = K > 1 && K < 5 ? 320.0 : 4.0;
    const double limit[TENSORS] = {[Y] = 4 * scale * off + 4e-7,
                                   [DX] = scale * scale * 8 * off + 1e-6 * scale,
                                   [MEAN] = 2 * off,
                                   [VAR] = 4e-7,
                                   [SAVED_MEAN] = off,
                                   [SAVED_STD] = 2e-7 * 320,
                                   [DWEIGHT] = K * (8 * scale * off) + 1e-6,
                                   [DBIAS] = (1.0 + K) * 0x1p-24};
    v2s_batch_norm_forward_f64(NULL, &p.exact.of, NULL);
    v2s_batch_norm_backward_f64(NULL, &p.exact, NULL);
    run(dev, &p);
    for (int i = 0; i < TENSORS; i++)
        cr_assert_leq(device_tensor_gap(dev, &p.t[i]), limit[i], "%d of %d %d %d %d: %g for %g", i,
                      s.N, s.C, s.H, s.W, device_tensor_gap(dev, &p.t[i]), limit[i]);
    check_twice(dev, &p);
    for (int i = 0; i < TENSORS; i++)
        device_tensor_drop(dev, &p.t[i]);
}

Test(batch_norm, equals_the_definition_in_double) {
    const sizes all[] = {{0, 3, 4, 4}, {2, 3, 0, 4},  {2, 0, 3, 3},  {1, 1, 1, 1},
                         {1, 5, 1, 1}, {2, 3, 1, 1},  {1, 2, 1, 4},  {33, 2, 1, 1},
                         {2, 3, 4, 5}, {3, 17, 2, 6}, {2, 2, 31, 7}, {1, 41, 3, 4}};
    v2s_device *dev = tested_device();
    for (int i = 0; i < 12; i++) {
        check(dev, all[i], TRAINING, i % 2 == 0, 0.0f);
        check(dev, all[i], TRAINING + RELU, i % 2 != 0, 0.0f);
        if (i % 3 == 0)
            check(dev, all[i], i % 2 * RELU, i % 2 != 0, 0.0f);
    }
    v2s_device_close(&dev);
}

// Several slices per channel, in packs of four and one by one.
Test(batch_norm, of_large_pictures_equals_the_definition) {
    v2s_device *dev = tested_device();
    check(dev, (sizes){3, 1, 64, 64}, TRAINING, true, 0.0f);
    check(dev, (sizes){2, 1, 91, 91}, TRAINING + RELU, false, 0.0f);
    check(dev, (sizes){2, 1, 64, 68}, TRAINING + RELU, true, 0.0f);
    v2s_device_close(&dev);
}

// What a sum of squares would lose.
Test(batch_norm, of_numbers_far_from_zero_keeps_the_variance) {
    v2s_device *dev = tested_device();
    check(dev, (sizes){2, 3, 9, 12}, TRAINING, true, 1000.0f);
    check(dev, (sizes){2, 3, 9, 12}, TRAINING, true, -30000.0f);
    v2s_device_close(&dev);
}

Test(batch_norm, works_in_place_without_what_is_not_wanted) {
    v2s_device *dev = tested_device();
    const sizes s = {2, 3, 4, 5};
    for (int kind = 0; kind <= TRAINING + RELU; kind++) {
        problem p = make(dev, s, kind, kind & TRAINING, 0.0f);
        p.g.of.y = (float *)p.g.of.x;
        p.exact.of.y = (double *)p.exact.of.x;
        p.g.of.saved_mean = p.g.of.saved_inv_std = NULL;
        v2s_arena scratch = device_scratch(dev, dev->ops->batch_norm_scratch(dev, &p.g.of));
        dev->ops->batch_norm_forward(dev, &p.g.of, &scratch);
        v2s_batch_norm_forward_f64(NULL, &p.exact.of, NULL);
        v2s_device_arena_close(dev, &scratch);
        cr_assert_leq(device_tensor_gap(dev, &p.t[X]), 3e-6);
        for (int i = 0; i < TENSORS; i++)
            device_tensor_drop(dev, &p.t[i]);
        p = make(dev, s, kind, kind & TRAINING, 0.0f);
        p.g.dx = NULL;
        p.exact.dx = NULL;
        run(dev, &p);
        v2s_batch_norm_forward_f64(NULL, &p.exact.of, NULL);
        v2s_batch_norm_backward_f64(NULL, &p.exact, NULL);
        cr_assert_leq(device_tensor_gap(dev, &p.t[DWEIGHT]), 2e-5);
        for (int i = 0; i < TENSORS; i++)
            device_tensor_drop(dev, &p.t[i]);
    }
    v2s_device_close(&dev);
}

// A number that is not one is not 0: it passes, and so does its gradient.
Test(batch_norm, with_relu_keeps_what_is_not_a_number) {
    const float x[] = {-3, 0, 1, 5, NAN}, dy[] = {1, 2, 4, 8, 16}, one = 2.0f, shift = -2.0f;
    const float mean = 0.0f, var = 1.0f, zeros[5] = {0};
    v2s_device *dev = tested_device();
    const float *from[TENSORS] = {x,     x,    dy,    zeros, &one,  &shift,
                                  &mean, &var, zeros, zeros, zeros, zeros};
    problem p;
    for (int i = 0; i < TENSORS; i++)
        p.t[i] = device_copy_of(dev, from[i], i < WEIGHT ? 5 : 1, false);
    point_at(&p, (sizes){1, 1, 1, 5}, false, true);
    p.g.of.eps = 0.0f;
    run(dev, &p);
    float *y = device_tensor_now(dev, &p.t[Y]), *dx = device_tensor_now(dev, &p.t[DX]);
    cr_assert(y[0] == 0.0f && y[1] == 0.0f && y[2] == 0.0f && y[3] == 8.0f && isnan(y[4]));
    cr_assert(dx[0] == 0.0f && dx[1] == 0.0f && dx[2] == 0.0f && dx[3] == 16.0f);
    float *dbias = device_tensor_now(dev, &p.t[DBIAS]);
    cr_assert_eq(dbias[0], 24.0f);
    free(y);
    free(dx);
    free(dbias);
    for (int i = 0; i < TENSORS; i++)
        device_tensor_drop(dev, &p.t[i]);
    v2s_device_close(&dev);
}
