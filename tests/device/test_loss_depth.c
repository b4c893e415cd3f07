// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/device_tensor.h"

enum { P, G, DP, TENSORS };
enum { LEAD = 4, ROOM = LEAD + 3 * sizeof(double) }; // put() is 4 bytes off what doubles need

typedef struct sizes {
    int N, H, W;
} sizes;

typedef struct problem {
    v2s_loss_depth_args a;
    v2s_loss_depth_args_f64 exact;
    device_tensor t[TENSORS];
    unsigned char *room; // on the device: the terms
    double exact_terms[3];
} problem;

// Depths about 2; not valid (0, negative or not a number) where noise lies below `bound`. What is
// predicted there is not a number: nobody may read it.
static problem make(const v2s_device *dev, sizes s, float bound) {
    const float never[] = {0.0f, -1.0f, NAN};
    size_t count = (size_t)s.N * s.H * s.W;
    device_tensor p = device_noise(dev, 1, count, 2.0f), g = device_noise(dev, 2, count, 1.0f);
    device_tensor valid = device_noise(dev, 3, count, 1.0f);
    problem x = {.room = put(dev, NULL, ROOM)};
    v2s_loss_depth_counts counts = {0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        bool is = valid.host[i] > bound;
        g.host[i] = is ? g.host[i] + 2.0f : never[i % 3];
        p.host[i] = is ? p.host[i] : NAN;
    }
    v2s_loss_depth_count(s.N, s.H, s.W, g.host, &counts);
    x.t[P] = device_copy_of(dev, p.host, count, false);
    x.t[G] = device_copy_of(dev, g.host, count, false);
    x.t[DP] = device_output(dev, count);
    x.a = (v2s_loss_depth_args){s.N,
                                s.H,
                                s.W,
                                counts,
                                1.0,
                                0.2,
                                0.1,
                                x.t[P].at,
                                x.t[G].at,
                                x.t[DP].at,
                                (double *)(x.room + LEAD)};
    x.exact = (v2s_loss_depth_args_f64){s.N, s.H,          s.W,          counts,        1.0, 0.2,
                                        0.1, x.t[P].exact, x.t[G].exact, x.t[DP].exact, NULL};
    device_tensor_drop(dev, &p);
    device_tensor_drop(dev, &g);
    device_tensor_drop(dev, &valid);
    return x;
}

static void run(const v2s_device *dev, const v2s_loss_depth_args *a, double terms[3]) {
    v2s_arena scratch = device_scratch(dev, dev->ops->loss_depth_scratch(dev, a));
    dev->ops->loss_depth(dev, a, &scratch);
    cr_assert_eq(scratch.used, 0);
    fetch(dev, terms, a->terms, 3 * sizeof *terms);
    v2s_device_arena_close(dev, &scratch);
}

// dp is rounded once per part at worst: fourteen of at most 0.4 / inner, or 1 / pixels, each.
static void check(const v2s_device *dev, sizes s, float bound) {
    problem x = make(dev, s, bound);
    double terms[3], again[3], inner = (double)x.a.counts.inner;
    double limit = 16 * 0x1p-24 * (inner > 0.0 ? 1.0 / inner : 1.0);
    x.exact.terms = x.exact_terms;
    v2s_loss_depth_f64(NULL, &x.exact, NULL);
    run(dev, &x.a, terms);
    double gap = device_tensor_gap(dev, &x.t[DP]);
    cr_assert_leq(gap, limit, "%d %d %d: dp off by %g", s.N, s.H, s.W, gap);
    for (int i = 0; i < 3; i++)
        cr_assert(fabs(terms[i] - x.exact_terms[i]) <= 1e-12, "%d: %g", i, terms[i]);
    float *first = device_tensor_now(dev, &x.t[DP]);
    device_tensor_reset(dev, &x.t[DP]);
    run(dev, &x.a, again); // the same bits
    float *second = device_tensor_now(dev, &x.t[DP]);
    cr_assert_eq(memcmp(first, second, x.t[DP].count * sizeof *first), 0);
    cr_assert_eq(memcmp(terms, again, sizeof terms), 0);
    x.a.dp = NULL; // not wanted
    run(dev, &x.a, again);
    cr_assert_eq(memcmp(terms, again, sizeof terms), 0);
    free(first);
    free(second);
    drop(dev, x.room, ROOM);
    for (int i = 0; i < TENSORS; i++)
        device_tensor_drop(dev, &x.t[i]);
}

Test(loss_depth, equals_the_definition_in_double) {
    const sizes all[] = {{0, 4, 4},  {2, 0, 4},  {2, 4, 0},   {1, 1, 1},  {1, 2, 2},
                         {1, 1, 9},  {2, 9, 1},  {2, 3, 3},   {3, 5, 31}, {1, 32, 6},
                         {2, 7, 33}, {33, 3, 4}, {1, 257, 3}, {1, 3, 257}};
    const float bounds[] = {-2.0f, -0.7f, 0.0f, 2.0f};
    v2s_device *dev = tested_device();
    for (int i = 0; i < 14; i++)
        for (int b = 0; b < 4; b++)
            check(dev, all[i], bounds[b]);
    v2s_device_close(&dev);
}

// Several blocks, and, on a small device, several pixels a thread.
Test(loss_depth, of_large_maps_equals_the_definition) {
    v2s_device *dev = tested_device();
    check(dev, (sizes){2, 64, 67}, -0.8f);
    if (device_is_gpu())
        check(dev, (sizes){16, 256, 256}, -0.8f);
    v2s_device_close(&dev);
}
