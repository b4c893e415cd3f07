// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/device_tensor.h"

enum { X, BRANCH, GAMMA, Y, DY, DX, DBRANCH, DGAMMA, TENSORS };

typedef struct problem {
    v2s_residual_args a;
    v2s_residual_args_f64 exact;
    device_tensor t[TENSORS];
} problem;

static problem make(const v2s_device *dev, size_t count, bool whole, bool aligned) {
    problem p;
    for (unsigned i = 0; i < TENSORS; i++) {
        size_t n = i == GAMMA || i == DGAMMA ? 1 : count;
        device_tensor t =
            whole ? device_integers(dev, i, n, 4) : device_noise(dev, i + 10, n, 1.0f);
        p.t[i] = device_copy_of(dev, t.host, n, aligned);
        device_tensor_drop(dev, &t);
    }
    device_tensor *t = p.t;
    p.a = (v2s_residual_args){count,    t[X].at,  t[BRANCH].at,  t[GAMMA].at, t[Y].at,
                              t[DY].at, t[DX].at, t[DBRANCH].at, t[DGAMMA].at};
    p.exact = (v2s_residual_args_f64){count,          t[X].exact,       t[BRANCH].exact,
                                      t[GAMMA].exact, t[Y].exact,       t[DY].exact,
                                      t[DX].exact,    t[DBRANCH].exact, t[DGAMMA].exact};
    return p;
}

static void discard(const v2s_device *dev, problem *p) {
    for (int i = 0; i < TENSORS; i++)
        device_tensor_drop(dev, &p->t[i]);
}

static void run(const v2s_device *dev, const problem *p) {
    v2s_arena scratch = device_scratch(dev, dev->ops->residual_backward_scratch(dev, &p->a));
    dev->ops->residual_forward(dev, &p->a, NULL);
    dev->ops->residual_backward(dev, &p->a, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_device_arena_close(dev, &scratch);
}

static void definition(const problem *p) {
    v2s_residual_forward_f64(NULL, &p->exact, NULL);
    v2s_residual_backward_f64(NULL, &p->exact, NULL);
}

// A product and a sum of numbers below 2 are rounded; the sum for gamma is rounded to float once,
// and once more when it is added. Whole numbers are exact.
static void check(const v2s_device *dev, size_t count, bool whole, bool aligned) {
    problem p = make(dev, count, whole, aligned);
    float *first[TENSORS];
    definition(&p);
    run(dev, &p);
    double sum = fabs(p.t[DGAMMA].exact[0]) + 1.0;
    for (int i = 0; i < TENSORS; i++) {
        double gap = device_tensor_gap(dev, &p.t[i]);
        double limit = whole ? 0.0 : i == DGAMMA ? sum * 0x1p-23 : 3.0 * 0x1p-24;
        cr_assert_leq(gap, limit, "%d of %zu: off by %g, not %g", i, count, gap, limit);
        first[i] = device_tensor_now(dev, &p.t[i]);
        device_tensor_reset(dev, &p.t[i]);
    }
    run(dev, &p); // the same bits
    for (int i = 0; i < TENSORS; i++) {
        float *second = device_tensor_now(dev, &p.t[i]);
        cr_assert_eq(memcmp(first[i], second, p.t[i].count * sizeof *second), 0, "%d", i);
        free(first[i]);
        free(second);
    }
    discard(dev, &p);
}

Test(residual, equals_the_definition_in_double) {
    const size_t counts[] = {0, 1, 2, 31, 32, 33, 256, 257, 4096, 20001, 40000};
    v2s_device *dev = tested_device();
    for (int i = 0; i < 11; i++)
        for (int kind = 0; kind < 4; kind++)
            check(dev, counts[i], kind % 2, kind / 2);
    v2s_device_close(&dev);
}

Test(residual, works_in_place_without_what_is_not_wanted) {
    v2s_device *dev = tested_device();
    for (int missing = 0; missing < 8; missing++) {
        problem p = make(dev, 300, true, missing % 2);
        if (missing & 1)
            p.a.dx = NULL, p.exact.dx = NULL;
        if (missing & 2)
            p.a.dbranch = NULL, p.exact.dbranch = NULL;
        if (missing & 4)
            p.a.dgamma = NULL, p.exact.dgamma = NULL;
        v2s_arena scratch = device_scratch(dev, dev->ops->residual_backward_scratch(dev, &p.a));
        dev->ops->residual_backward(dev, &p.a, &scratch);
        v2s_residual_backward_f64(NULL, &p.exact, NULL);
        v2s_device_arena_close(dev, &scratch);
        p.a.y = missing & 1 ? p.t[X].at : p.t[BRANCH].at;
        p.exact.y = missing & 1 ? p.t[X].exact : p.t[BRANCH].exact;
        dev->ops->residual_forward(dev, &p.a, NULL);
        v2s_residual_forward_f64(NULL, &p.exact, NULL);
        for (int i = 0; i < TENSORS; i++)
            cr_assert_eq(device_tensor_gap(dev, &p.t[i]), 0.0, "%d without %d", i, missing);
        discard(dev, &p);
    }
    v2s_device_close(&dev);
}
