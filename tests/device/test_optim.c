// SPDX-License-Identifier: MIT
// Optimizers, norm, average and the update that holds them together, against the definitions in
// double.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64.h"
#include "tests/device/tested_device.h"
#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

static const size_t counts[] = {0, 1, 2, 31, 32, 33, 257, 70001};
enum { COUNTS = sizeof counts / sizeof counts[0], KINDS = V2S_OPTIM_SGD + 1, ARRAYS = 5 };
enum { P, GRAD, M, V, EMA };

// Parameters are about 1 and move by 0.01 a step: what is left is their own rounding and that of
// the step, some units of 6e-8 each.
static const double tolerance = 4e-7;

// ---- what an update reads and writes ------------------------------------------------------------

typedef struct arrays {
    size_t count;
    float *host[ARRAYS], *device[ARRAYS];
    double *exact[ARRAYS];
} arrays;

static arrays make_arrays(const v2s_device *dev, size_t count) {
    static const float scales[ARRAYS] = {1, 0.5f, 0.1f, 0.01f, 1};
    arrays a = {.count = count};
    for (int k = 0; k < ARRAYS; k++) {
        a.host[k] = malloc((count + 1) * sizeof(float));
        cr_assert_not_null(a.host[k]);
        hash_noise((unsigned)(10 + k), count, scales[k], a.host[k]);
        for (size_t i = 0; k == V && i < count; i++)
            a.host[k][i] = fabsf(a.host[k][i]);
        a.device[k] = put(dev, a.host[k], count * sizeof(float));
        a.exact[k] = doubles_of(a.host[k], count);
    }
    return a;
}

static double gap_of(const v2s_device *dev, const arrays *a, int k) {
    fetch(dev, a->host[k], a->device[k], a->count * sizeof(float));
    return largest_gap(a->host[k], a->exact[k], a->count);
}

static void free_arrays(const v2s_device *dev, arrays *a) {
    for (int k = 0; k < ARRAYS; k++) {
        drop(dev, a->device[k], a->count * sizeof(float));
        free(a->host[k]);
        free(a->exact[k]);
    }
}

typedef struct control {
    v2s_optim_now now;
    double losses;
    v2s_optim_result result;
    int64_t halt;
} control;

// The same update on the device and by the definition.
typedef struct both {
    const v2s_device *dev;
    arrays a;
    v2s_optim_update_args args;
    control host, *device, expected;
    v2s_arena scratch;
} both;

static both open_both(const v2s_device *dev, size_t count, v2s_optim_kind kind, bool average) {
    both b = {.dev = dev, .a = make_arrays(dev, count)};
    b.host = (control){.now = {0.01, 3}, .losses = 7};
    cr_assert_eq(dev->ops->memory->take(dev, sizeof(control), (void **)&b.device), V2S_OK);
    b.args = (v2s_optim_update_args){.kind = kind,
                                     .count = count,
                                     .p = b.a.device[P],
                                     .grad = b.a.device[GRAD],
                                     .m = b.a.device[M],
                                     .v = b.a.device[V],
                                     .ema = average ? b.a.device[EMA] : NULL,
                                     .decay = 0.1,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .eps = 1e-8,
                                     .momentum = 0.9,
                                     .ema_decay = 0.75,
                                     .rows = 2,
                                     .losses = &b.device->losses,
                                     .now = &b.device->now,
                                     .result = &b.device->result,
                                     .halt = &b.device->halt};
    b.scratch = device_scratch(dev, dev->ops->optim_update_scratch(dev, &b.args));
    return b;
}

static void run_exact(both *b) {
    const v2s_optim_update_args *a = &b->args;
    double *const *e = b->a.exact;
    v2s_optim_update_args_f64 exact = {.kind = a->kind,
                                       .count = a->count,
                                       .p = e[P],
                                       .grad = e[GRAD],
                                       .m = e[M],
                                       .v = e[V],
                                       .ema = a->ema != NULL ? e[EMA] : NULL,
                                       .decay = a->decay,
                                       .beta1 = a->beta1,
                                       .beta2 = a->beta2,
                                       .eps = a->eps,
                                       .momentum = a->momentum,
                                       .ema_decay = a->ema_decay,
                                       .clip_norm = a->clip_norm,
                                       .rows = a->rows,
                                       .losses = &b->expected.losses,
                                       .now = &b->expected.now,
                                       .result = &b->expected.result,
                                       .halt = &b->expected.halt};
    v2s_optim_update_f64(NULL, &exact, NULL);
}

static void run_both(both *b) {
    const v2s_device *dev = b->dev;
    dev->ops->memory->upload(dev, b->device, &b->host, sizeof(control));
    dev->ops->optim_update(dev, &b->args, &b->scratch);
    fetch(dev, &b->host, b->device, sizeof(control));
    run_exact(b);
}

static void close_both(both *b) {
    b->dev->ops->memory->give(b->dev, b->device);
    v2s_device_arena_close(b->dev, &b->scratch);
    free_arrays(b->dev, &b->a);
}

// ---- against the definition ---------------------------------------------------------------------

static void check_update(const v2s_device *dev, size_t count, v2s_optim_kind kind, double clip,
                         bool average) {
    both b = open_both(dev, count, kind, average);
    b.args.clip_norm = clip;
    for (int step = 0; step < 3; step++) {
        b.host.now.step = b.expected.now.step = step + 3;
        b.host.now.rate = b.expected.now.rate = 0.01 / (step + 1);
        b.expected.losses = b.host.losses;
        run_both(&b);
        cr_assert(b.host.result.done == 1 && b.expected.result.done == 1 && b.host.halt == 0);
        cr_assert_float_eq(b.host.result.loss, 3.5, 0);
        double norm = b.expected.result.norm;
        cr_assert_leq(fabs(b.host.result.norm - norm), 1e-12 * norm, "%zu", count);
    }
    for (int k = 0; k < ARRAYS; k++)
        cr_assert_leq(gap_of(dev, &b.a, k), tolerance, "array %d of %zu, kind %d", k, count, kind);
    close_both(&b);
}

Test(optim, an_update_is_that_of_the_definition) {
    v2s_device *dev = tested_device();
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < COUNTS; i++) {
            check_update(dev, counts[i], (v2s_optim_kind)kind, 0, i % 2 == 0);
            check_update(dev, counts[i], (v2s_optim_kind)kind, 1e-2, i % 2 == 1);
            check_update(dev, counts[i], (v2s_optim_kind)kind, 1e3, true);
        }
    v2s_device_close(&dev);
}

Test(optim, its_parts_are_those_of_the_definitions) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < COUNTS; i++)
        for (int kind = 0; kind < KINDS; kind++) {
            size_t n = counts[i];
            arrays a = make_arrays(dev, n);
            v2s_optim_args step = {(v2s_optim_kind)kind,
                                   n,
                                   a.device[P],
                                   a.device[GRAD],
                                   a.device[M],
                                   a.device[V],
                                   4,
                                   0.5,
                                   0.01,
                                   0.1,
                                   0.9,
                                   0.99,
                                   1e-8,
                                   kind == V2S_OPTIM_SGD && i % 2 == 0 ? 0 : 0.5};
            v2s_optim_args_f64 exact = {step.kind,  n,    a.exact[P], a.exact[GRAD], a.exact[M],
                                        a.exact[V], 4,    0.5,        0.01,          0.1,
                                        0.9,        0.99, 1e-8,       step.momentum};
            dev->ops->optim_step(dev, &step);
            v2s_optim_step_f64(NULL, &exact);
            dev->ops->ema_update(dev, &(v2s_ema_args){n, a.device[EMA], a.device[P], 0.9});
            v2s_ema_update_f64(NULL, &(v2s_ema_args_f64){n, a.exact[EMA], a.exact[P], 0.9});
            double norm = dev->ops->grad_norm(dev, a.device[GRAD], n);
            double expected = v2s_grad_norm_f64(NULL, a.exact[GRAD], n);
            cr_assert_leq(fabs(norm - expected), 1e-12 * expected);
            for (int k = 0; k < ARRAYS; k++)
                cr_assert_leq(gap_of(dev, &a, k), tolerance, "array %d of %zu, kind %d", k, n,
                              kind);
            free_arrays(dev, &a);
        }
    v2s_device_close(&dev);
}

Test(optim, a_total_is_exact_for_small_integers) {
    v2s_device *dev = tested_device();
    for (int i = 0; i < COUNTS; i++) {
        size_t n = counts[i], bytes = (n + 1) * sizeof(double);
        double *host = malloc(bytes), *device = NULL, expected = 0;
        for (size_t k = 0; k < n; k++)
            expected += host[k] = (double)(k * 7 % 13) - 5;
        cr_assert_eq(dev->ops->memory->take(dev, bytes, (void **)&device), V2S_OK);
        dev->ops->memory->upload(dev, device, host, bytes);
        dev->ops->total(dev, n, device, device + n);
        fetch(dev, host, device, bytes);
        cr_assert_eq(host[n], expected, "%zu numbers", n);
        dev->ops->memory->give(dev, device);
        free(host);
    }
    v2s_device_close(&dev);
}

// ---- what is not finite -------------------------------------------------------------------------

static void expect_halt(both *b, bool norm_is_finite) {
    const v2s_device *dev = b->dev;
    float *before[ARRAYS];
    for (int k = 0; k < ARRAYS; k++)
        before[k] = fetch_floats(dev, b->a.device[k], b->a.count);
    b->expected = b->host;
    run_both(b);
    cr_assert(b->host.result.done == 0 && b->host.halt == 1);
    cr_assert(b->expected.result.done == 0 && b->expected.halt == 1);
    cr_expect_eq(!!isfinite(b->host.result.norm), norm_is_finite);
    for (int k = 0; k < ARRAYS; k++) {
        fetch(dev, b->a.host[k], b->a.device[k], b->a.count * sizeof(float));
        cr_expect_eq(memcmp(before[k], b->a.host[k], b->a.count * sizeof(float)), 0, "array %d", k);
        free(before[k]);
    }
}

// A bad loss or gradient stops this update and those after it, until the host lets them go on.
Test(optim, what_is_not_finite_changes_nothing) {
    v2s_device *dev = tested_device();
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 3; i++) {
            both b = open_both(dev, 700, (v2s_optim_kind)kind, true);
            b.host.losses = bad[i];
            expect_halt(&b, true);
            b.host.losses = 1;
            expect_halt(&b, true); // a good one behind a bad one
            b.host.halt = 0;
            b.expected = b.host;
            run_both(&b);
            cr_assert(b.host.result.done == 1 && b.host.halt == 0);
            float spoilt = (float)bad[i];
            dev->ops->memory->upload(dev, b.a.device[GRAD] + 650, &spoilt, sizeof spoilt);
            b.a.exact[GRAD][650] = bad[i];
            expect_halt(&b, false);
            close_both(&b);
        }
    v2s_device_close(&dev);
}

// ---- repeatability ------------------------------------------------------------------------------

static void update_work(void *ctx) {
    both *b = ctx;
    b->dev->ops->optim_update(b->dev, &b->args, &b->scratch);
}

// Recorded once, repeated with another rate and step each time; twice the same bits.
Test(optim, recorded_updates_read_rate_and_step_as_they_are) {
    v2s_device *dev = tested_device();
    float *first[ARRAYS] = {NULL};
    for (int run = 0; run < 2; run++) {
        both b = open_both(dev, 5000, V2S_OPTIM_ADAMW, true);
        v2s_recording *recording = NULL;
        dev->ops->memory->upload(dev, b.device, &b.host, sizeof(control));
        cr_assert_eq(dev->ops->memory->record(dev, update_work, &b, &recording), V2S_OK);
        b.expected = b.host;
        for (int step = 1; step <= 4; step++) {
            b.host.now = (v2s_optim_now){0.02 / step, step};
            dev->ops->memory->upload(dev, b.device, &b.host.now, sizeof b.host.now);
            dev->ops->memory->replay(dev, recording);
            cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK);
            b.expected.now = b.host.now;
            run_exact(&b);
        }
        for (int k = 0; k < ARRAYS; k++) {
            cr_assert_leq(gap_of(dev, &b.a, k), tolerance, "array %d", k);
            if (run == 0)
                first[k] = fetch_floats(dev, b.a.device[k], 5000);
            else
                cr_assert_eq(memcmp(first[k], b.a.host[k], 5000 * sizeof(float)), 0);
        }
        dev->ops->memory->forget(dev, &recording);
        close_both(&b);
    }
    for (int k = 0; k < ARRAYS; k++)
        free(first[k]);
    v2s_device_close(&dev);
}
