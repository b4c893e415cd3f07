// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/device_tensor.h"

enum { X, W, BIAS, Y, DY, DX, DW, DBIAS, TENSORS };

typedef struct problem {
    v2s_conv2d_backward_args g;
    v2s_conv2d_backward_args_f64 exact;
    device_tensor t[TENSORS];
    bool whole; // whole numbers, of which every sum is exact
} problem;

typedef struct sizes {
    int N, C, O, H, W, KH, KW;
} sizes;

// Without bias and gradients of bias and input where `all` is false.
static void point_at(problem *p, sizes s, bool all) {
    device_tensor *t = p->t;
    v2s_conv2d_args a = {s.N,    s.C, s.O, s.H,     s.W,     s.KH,
                         s.KW,   1,   1,   t[X].at, t[W].at, all ? t[BIAS].at : NULL,
                         t[Y].at};
    v2s_conv2d_args_f64 exact = {s.N,       s.C,        s.O,        s.H,
                                 s.W,       s.KH,       s.KW,       1,
                                 1,         t[X].exact, t[W].exact, all ? t[BIAS].exact : NULL,
                                 t[Y].exact};
    p->g = (v2s_conv2d_backward_args){a, t[DY].at, all ? t[DX].at : NULL, t[DW].at,
                                      all ? t[DBIAS].at : NULL};
    p->exact = (v2s_conv2d_backward_args_f64){exact, t[DY].exact, all ? t[DX].exact : NULL,
                                              t[DW].exact, all ? t[DBIAS].exact : NULL};
}

// Whole numbers, or noise. Multiples of 16 bytes are what cuDNN takes.
static device_tensor numbers(const v2s_device *dev, unsigned stream, size_t count, bool whole,
                             bool aligned) {
    device_tensor t =
        whole ? device_integers(dev, stream, count, 4) : device_noise(dev, stream, count, 1.0f);
    if (!aligned)
        return t;
    device_tensor copy = device_copy_of(dev, t.host, count, true);
    device_tensor_drop(dev, &t);
    return copy;
}

static problem make(const v2s_device *dev, sizes s, bool whole, bool all, bool aligned) {
    size_t pixels = (size_t)s.H * s.W, nx = (size_t)s.N * s.C * pixels;
    size_t ny = (size_t)s.N * s.O * pixels, nw = (size_t)s.O * s.C * s.KH * s.KW;
    const size_t counts[TENSORS] = {nx, nw, (size_t)s.O, ny, ny, nx, nw, (size_t)s.O};
    problem p = {.whole = whole};
    for (unsigned i = 0; i < TENSORS; i++)
        p.t[i] = numbers(dev, i, counts[i], whole, aligned);
    for (size_t i = 0; i < ny; i++)
        p.t[Y].host[i] = NAN;
    device_tensor_reset(dev, &p.t[Y]);
    point_at(&p, s, all);
    return p;
}

static void discard(const v2s_device *dev, problem *p) {
    for (int i = 0; i < TENSORS; i++)
        device_tensor_drop(dev, &p->t[i]);
}

static void run(const v2s_device *dev, const problem *p) {
    size_t bytes = dev->ops->conv2d_scratch(dev, &p->g.of);
    size_t more = dev->ops->conv2d_backward_scratch(dev, &p->g);
    v2s_arena forward = device_scratch(dev, bytes), backward = device_scratch(dev, more);
    dev->ops->conv2d_forward(dev, &p->g.of, &forward);
    dev->ops->conv2d_backward(dev, &p->g, &backward);
    cr_assert(forward.used == 0 && backward.used == 0);
    v2s_device_arena_close(dev, &forward);
    v2s_device_arena_close(dev, &backward);
}

static void definition(problem *p) {
    v2s_conv2d_forward_f64(NULL, &p->exact.of, NULL);
    v2s_conv2d_backward_f64(NULL, &p->exact, NULL);
}

// A sum of n products of numbers below 1, in any order: n roundings of half a unit of a running sum
// of about 0.33 sqrt(n), which like the sum go either way: 0.1 n of 2^-24, and fifteen times that
// for the worst of all. Algorithms that multiply less (Winograd's, which cuDNN may take) have
// larger numbers in between: `slack`. Whole numbers below 2^24 are exact.
static double tolerance(const problem *p, double n, double slack) {
    return p->whole ? 0.0 : slack * (8.0 + 1.5 * n) * 0x1p-24;
}

static void check_at(const v2s_device *dev, sizes s, bool whole, bool all, double slack,
                     bool aligned) {
    problem p = make(dev, s, whole, all, aligned);
    double taps = (double)s.KH * s.KW, places = (double)s.N * s.H * s.W;
    double limit[TENSORS] = {0};
    limit[Y] = tolerance(&p, taps * s.C, slack);
    limit[DX] = tolerance(&p, taps * s.O, slack);
    limit[DW] = limit[DBIAS] = tolerance(&p, places, slack);
    float *first[TENSORS];
    definition(&p);
    run(dev, &p);
    for (int i = 0; i < TENSORS; i++) {
        double gap = device_tensor_gap(dev, &p.t[i]);
        cr_assert(gap <= limit[i], "%d of %d %d %d %d %d %d %d: off by %g, not %g", i, s.N, s.C,
                  s.O, s.H, s.W, s.KH, s.KW, gap, limit[i]);
        first[i] = device_tensor_now(dev, &p.t[i]);
        device_tensor_reset(dev, &p.t[i]);
    }
    run(dev, &p);
    for (int i = 0; i < TENSORS; i++) {
        float *second = device_tensor_now(dev, &p.t[i]);
        cr_assert_eq(memcmp(first[i], second, p.t[i].count * sizeof *second), 0, "%d", i);
        free(first[i]);
        free(second);
    }
    discard(dev, &p);
}

static void check(const v2s_device *dev, sizes s, bool whole, bool all, double slack) {
    check_at(dev, s, whole, all, slack, true);
    check_at(dev, s, whole, all, slack, false);
}

static void check_shapes(const v2s_device *dev, bool exact, double slack) {
    const sizes all[] = {{1, 1, 1, 1, 1, 3, 3},  {2, 3, 4, 5, 6, 3, 3}, {1, 2, 3, 4, 31, 3, 5},
                         {3, 5, 2, 7, 3, 5, 1},  {2, 4, 3, 2, 2, 7, 7}, {5, 3, 33, 4, 4, 3, 3},
                         {1, 33, 3, 8, 9, 3, 3}, {2, 5, 7, 4, 5, 1, 1}, {1, 1, 9, 16, 3, 1, 1}};
    for (int i = 0; i < 9; i++) {
        check(dev, all[i], false, i % 3 != 0, slack);
        if (exact)
            check(dev, all[i], true, i % 3 != 1, 1.0);
    }
}

// The environment chooses the way of a GPU, and the processor does not mind.
static v2s_device *device_by(const char *way) {
    setenv("V2S_CUDA_CONV", way, 1);
    v2s_device *dev = tested_device();
    unsetenv("V2S_CUDA_CONV");
    return dev;
}

Test(conv2d, by_own_products_equals_the_definition_in_double) {
    v2s_device *dev = device_by("own");
    check_shapes(dev, true, 1.0);
    v2s_device_close(&dev);
}

Test(conv2d, by_cudnn_equals_the_definition_in_double) {
    v2s_device *dev = device_by("cudnn");
    check_shapes(dev, false, 16.0);
    v2s_device_close(&dev);
}

// Tensor cores round what they multiply to 11 bits.
Test(conv2d, in_tf32_rounds_the_factors) {
    for (int own = 0; own < 2; own++) {
        if (strncmp(tested_device_spec(), "cuda", 4) != 0)
            continue; // the processor has no such precision
        setenv("V2S_CUDA_CONV", own ? "own" : "cudnn", 1);
        v2s_device *dev = tested_device_with(V2S_PRECISION_TF32, false);
        unsetenv("V2S_CUDA_CONV");
        check(dev, (sizes){2, 3, 4, 5, 6, 3, 3}, false, true, 2048.0); // of 2^-24
        v2s_device_close(&dev);
    }
}

Test(conv2d, of_nothing_adds_nothing) {
    const sizes all[] = {{0, 3, 2, 4, 4, 3, 3}, {2, 3, 2, 0, 4, 3, 3}, {2, 3, 2, 4, 0, 1, 1}};
    for (int own = 0; own < 2; own++) {
        v2s_device *dev = device_by(own ? "own" : "cudnn");
        for (int i = 0; i < 3; i++)
            check(dev, all[i], true, i > 0, 1.0);
        v2s_device_close(&dev);
    }
}

// Pictures that our own products take in pieces: parts of one, then some of many.
Test(conv2d, of_large_pictures_equals_the_definition) {
    v2s_device *dev = device_by("own");
    check(dev, (sizes){1, 8, 2, 240, 260, 3, 3}, true, true, 1.0);
    check(dev, (sizes){3, 16, 2, 110, 91, 3, 3}, true, true, 1.0);
    v2s_device_close(&dev);
}

// An arena's memory is aligned, and cuDNN may then choose otherwise.
Test(conv2d, does_not_depend_on_where_the_pictures_lie) {
    v2s_device *dev = device_by("own");
    enum { PIXELS = 64 };
    problem p = make(dev, (sizes){1, 1, 1, 8, 8, 3, 3}, true, false, false);
    device_tensor x = device_copy_of(dev, p.t[X].host, PIXELS, true);
    p.g.of.x = x.at;
    definition(&p);
    run(dev, &p);
    cr_assert_eq(device_tensor_gap(dev, &p.t[Y]), 0.0);
    cr_assert_eq(device_tensor_gap(dev, &p.t[DW]), 0.0);
    device_tensor_drop(dev, &x);
    discard(dev, &p);
    v2s_device_close(&dev);
}

typedef struct recorded {
    const v2s_device *dev;
    const problem *p;
    v2s_arena scratch;
} recorded;

static void work(void *ctx) {
    recorded *r = ctx;
    r->dev->ops->conv2d_forward(r->dev, &r->p->g.of, &r->scratch);
    r->dev->ops->conv2d_backward(r->dev, &r->p->g, &r->scratch);
}

Test(conv2d, can_be_recorded) {
    for (int own = 0; own < 2; own++) {
        v2s_device *dev = device_by(own ? "own" : "cudnn");
        const v2s_memory_ops *memory = dev->ops->memory;
        problem p = make(dev, (sizes){2, 3, 4, 5, 6, 3, 3}, own, true, true);
        size_t bytes = dev->ops->conv2d_scratch(dev, &p.g.of);
        size_t more = dev->ops->conv2d_backward_scratch(dev, &p.g);
        recorded r = {dev, &p, device_scratch(dev, bytes > more ? bytes : more)};
        v2s_recording *recording = NULL;
        work(&r);
        definition(&p);
        cr_assert_eq(memory->record(dev, work, &r, &recording), V2S_OK, "%s", v2s_error_text());
        for (int i = 0; i < 2; i++) { // the gradients are added again
            memory->replay(dev, recording);
            definition(&p);
        }
        for (int i = 0; i < TENSORS; i++)
            cr_assert_leq(device_tensor_gap(dev, &p.t[i]), own ? 0.0 : 1e-4, "%d", i);
        memory->forget(dev, &recording);
        v2s_device_arena_close(dev, &r.scratch);
        discard(dev, &p);
        v2s_device_close(&dev);
    }
}

Test(conv2d, of_a_network_s_size_equals_the_definition_in_double) {
    if (!device_is_gpu())
        cr_skip_test("large shapes are left to a GPU");
    for (int own = 0; own < 2; own++) {
        v2s_device *dev = device_by(own ? "own" : "cudnn");
        check(dev, (sizes){2, 64, 64, 64, 64, 3, 3}, own, true, own ? 1.0 : 16.0);
        check(dev, (sizes){3, 96, 48, 33, 47, 3, 3}, own, true, own ? 1.0 : 16.0);
        check(dev, (sizes){2, 128, 64, 32, 32, 1, 1}, own, true, 1.0);
        v2s_device_close(&dev);
    }
}
