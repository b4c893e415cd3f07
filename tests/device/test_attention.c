// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/device/device_tensor.h"
#include "tests/support/guarded.h"

enum { Q, K, V, O, LSE, D_O, DQ, DK, DV, TENSORS };

typedef struct problem {
    v2s_attention_backward_args g;
    v2s_attention_backward_args_f64 exact;
    device_tensor t[TENSORS];
    double *bound[TENSORS]; // magnitude of what is summed; O, DQ, DK, DV
} problem;

static problem make(const v2s_device *dev, int B, int Nq, int Nk, int D, int E, bool aligned) {
    size_t nq = (size_t)B * Nq, nk = (size_t)B * Nk;
    const size_t counts[TENSORS] = {nq * D, nk * D, nk * E, nq * E, nq,
                                    nq * E, nq * D, nk * D, nk * E};
    problem p;
    for (unsigned i = 0; i < TENSORS; i++) {
        device_tensor noise = device_noise(dev, i, counts[i], 1.0f);
        for (size_t k = 0; k < counts[i] && (i == O || i == LSE); k++)
            noise.host[k] = NAN;
        p.t[i] = device_copy_of(dev, noise.host, counts[i], aligned);
        device_tensor_drop(dev, &noise);
        p.bound[i] = calloc(counts[i] + 1, sizeof(double));
    }
    float scale = (float)(3.0 / sqrt(D));
    device_tensor *t = p.t;
    v2s_attention_args a = {B, Nq, Nk, D, E, scale, t[Q].at, t[K].at, t[V].at, t[O].at, t[LSE].at};
    v2s_attention_args_f64 exact = {
        B, Nq, Nk, D, E, scale, t[Q].exact, t[K].exact, t[V].exact, t[O].exact, t[LSE].exact};
    p.g = (v2s_attention_backward_args){a, t[D_O].at, t[DQ].at, t[DK].at, t[DV].at};
    p.exact = (v2s_attention_backward_args_f64){exact, t[D_O].exact, t[DQ].exact, t[DK].exact,
                                                t[DV].exact};
    return p;
}

static void discard(const v2s_device *dev, problem *p) {
    for (int i = 0; i < TENSORS; i++) {
        device_tensor_drop(dev, &p->t[i]);
        free(p->bound[i]);
    }
}

static double magnitude(int count, const double *a, const double *b) {
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += fabs(a[i] * b[i]);
    return sum;
}

// What a pair of a query and a key adds to the bounds. P is off by as many roundings as the sum
// behind s is large.
static void bound_pair(problem *p, size_t query, size_t key) {
    const v2s_attention_args_f64 *a = &p->exact.of;
    const double *q = a->q + query * a->D, *k = a->k + key * a->D, *v = a->v + key * a->E;
    const double *d_o = p->exact.d_o + query * a->E, *o = a->o + query * a->E;
    double s = 0.0;
    for (int d = 0; d < a->D; d++)
        s += a->scale * q[d] * k[d];
    double P = exp(s - a->lse[query]) * (4.0 + a->scale * magnitude(a->D, q, k));
    double dS = a->scale * P * (magnitude(a->E, d_o, v) + magnitude(a->E, d_o, o));
    for (int e = 0; e < a->E; e++) {
        p->bound[O][query * a->E + e] += P * fabs(v[e]);
        p->bound[DV][key * a->E + e] += P * fabs(d_o[e]);
    }
    for (int d = 0; d < a->D; d++) {
        p->bound[DQ][query * a->D + d] += dS * fabs(k[d]);
        p->bound[DK][key * a->D + d] += dS * fabs(q[d]);
    }
}

static void definition(problem *p) {
    v2s_attention_args_f64 *a = &p->exact.of;
    v2s_arena scratch = scratch_of(v2s_attention_scratch_f64(NULL, a));
    v2s_attention_forward_f64(NULL, a, &scratch);
    v2s_attention_backward_f64(NULL, &p->exact, &scratch);
    v2s_arena_close(&scratch);
    for (int i = 0; i < a->B * a->Nq; i++)
        for (int j = 0; j < a->Nk; j++)
            bound_pair(p, (size_t)i, (size_t)(i / a->Nq * a->Nk + j));
}

static void run(const v2s_device *dev, const problem *p) {
    size_t bytes = dev->ops->attention_scratch(dev, &p->g.of);
    size_t more = dev->ops->attention_backward_scratch(dev, &p->g);
    v2s_arena scratch = device_scratch(dev, bytes > more ? bytes : more);
    dev->ops->attention_forward(dev, &p->g.of, &scratch);
    dev->ops->attention_backward(dev, &p->g, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_device_arena_close(dev, &scratch);
}

static void check_bounds(const v2s_device *dev, const problem *p, int i, double factor) {
    const device_tensor *t = &p->t[i];
    float *now = device_tensor_now(dev, t);
    const v2s_attention_args *a = &p->g.of;
    for (size_t k = 0; k < t->count; k++) {
        double start = i == O ? 0.0 : fabs(t->host[k]);
        double gap = fabs(now[k] - t->exact[k]);
        double limit = factor * 0x1p-24 * (p->bound[i][k] + start) + 1e-30;
        cr_assert(gap <= limit, "%d of B %d Nq %d Nk %d D %d E %d: %zu: off by %g, not %g", i, a->B,
                  a->Nq, a->Nk, a->D, a->E, k, gap, limit);
    }
    free(now);
}

// `slack`: units of rounding, relative to those of float.
static void check_to(const v2s_device *dev, int B, int Nq, int Nk, int D, int E, double slack,
                     bool aligned) {
    problem p = make(dev, B, Nq, Nk, D, E, aligned);
    float *first[TENSORS];
    definition(&p);
    run(dev, &p);
    check_bounds(dev, &p, O, slack * (2.0 + 0.1 * sqrt(Nk)));
    check_bounds(dev, &p, DQ, slack * (2.0 + sqrt(Nk + E)));
    check_bounds(dev, &p, DK, slack * (2.0 + sqrt(Nq + E)));
    check_bounds(dev, &p, DV, slack * (2.0 + sqrt(Nq)));
    float *lse = device_tensor_now(dev, &p.t[LSE]);
    for (size_t i = 0; i < p.t[LSE].count; i++)
        cr_assert(Nk == 0 ? lse[i] == -INFINITY : fabs(lse[i] - p.t[LSE].exact[i]) <= slack * 6e-6,
                  "lse of Nk %d D %d", Nk, D);
    free(lse);
    for (int i = 0; i < TENSORS; i++) {
        first[i] = device_tensor_now(dev, &p.t[i]);
        device_tensor_reset(dev, &p.t[i]);
    }
    run(dev, &p);
    for (int i = 0; i < TENSORS; i++) {
        float *second = device_tensor_now(dev, &p.t[i]);
        cr_assert_eq(memcmp(first[i], second, p.t[i].count * sizeof *second), 0);
        free(first[i]);
        free(second);
    }
    discard(dev, &p);
}

static void check(const v2s_device *dev, int B, int Nq, int Nk, int D, int E) {
    check_to(dev, B, Nq, Nk, D, E, 1.0, false);
}

Test(attention, equals_the_definition_in_double) {
    v2s_device *dev = tested_device();
    const int sizes[][5] = {{1, 1, 1, 1, 1},      {2, 2, 3, 4, 5},     {3, 31, 33, 8, 7},
                            {1, 64, 64, 32, 32},  {2, 65, 63, 33, 31}, {1, 33, 129, 5, 64},
                            {1, 130, 65, 31, 65}, {33, 1, 2, 3, 3},    {1, 5, 257, 2, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check(dev, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], sizes[i][4]);
    v2s_device_close(&dev);
}

// Every width of a block's columns, and several blocks of columns; rows that may be copied four
// numbers at a time, and rows that may not.
Test(attention, of_many_columns_equals_the_definition_in_double) {
    v2s_device *dev = tested_device();
    const int columns[][2] = {{48, 96},   {64, 128},  {96, 161}, {65, 257}, {129, 384},
                              {200, 512}, {100, 192}, {4, 8},    {32, 36}};
    for (int i = 0; i < 9; i++)
        check_to(dev, 1 + i % 2, 20 + i, 70 - i, columns[i][0], columns[i][1], 1.0, i % 4 != 3);
    v2s_device_close(&dev);
}

Test(attention, of_nothing_is_nothing) {
    v2s_device *dev = tested_device();
    check(dev, 0, 3, 4, 2, 2);
    check(dev, 2, 0, 4, 2, 2);
    check(dev, 2, 3, 0, 2, 2);
    v2s_device_close(&dev);
}

// Factors of products are rounded to 11 bits (TF32) or 8 (BF16). An emulated GPU of one
// multiprocessor takes the last two maps in pieces: items, then rows.
Test(attention, of_a_lesser_precision_rounds_the_factors) {
    const struct {
        v2s_precision precision;
        double slack;
    } all[] = {{V2S_PRECISION_TF32, 0x1p13}, {V2S_PRECISION_BF16, 0x1p16}};
    setenv("V2S_EMULATION_MULTIPROCESSORS", "1", 1);
    for (int i = 0; i < 2 && strncmp(tested_device_spec(), "cuda", 4) == 0; i++) {
        v2s_device *dev = tested_device_with(all[i].precision, false);
        check_to(dev, 2, 5, 7, 3, 4, all[i].slack, i > 0);
        check_to(dev, 3, 65, 33, 32, 70, all[i].slack, i > 0);
        check_to(dev, 2, 3, 0, 2, 2, all[i].slack, i > 0);
        if (i == 0)
            check_to(dev, 5, 410, 500, 2, 2, all[i].slack, i > 0);
        else
            check_to(dev, 2, 800, 700, 3, 1, all[i].slack, i > 0);
        v2s_device_close(&dev);
    }
}

// Forward of q [Nq,1], k [Nk,1], v [Nk,1] with scale 1; free() what comes back.
static float *forward(const v2s_device *dev, int Nq, int Nk, const float *q, const float *k,
                      const float *v) {
    device_tensor tq = device_copy_of(dev, q, (size_t)Nq, true);
    device_tensor tk = device_copy_of(dev, k, (size_t)Nk, true);
    device_tensor tv = device_copy_of(dev, v, (size_t)Nk, true), o = device_output(dev, (size_t)Nq);
    v2s_attention_args a = {1, Nq, Nk, 1, 1, 1.0f, tq.at, tk.at, tv.at, o.at, NULL};
    v2s_arena scratch = device_scratch(dev, dev->ops->attention_scratch(dev, &a));
    dev->ops->attention_forward(dev, &a, &scratch);
    float *now = device_tensor_now(dev, &o);
    v2s_device_arena_close(dev, &scratch);
    device_tensor_drop(dev, &tq);
    device_tensor_drop(dev, &tk);
    device_tensor_drop(dev, &tv);
    device_tensor_drop(dev, &o);
    return now;
}

// Equal weights of a power of two of whole numbers; then exponents of which exp alone would
// overflow, keys that count for nothing, a query of which nothing is known.
Test(attention, of_extremes) {
    enum { NK = 128 };
    v2s_device *dev = tested_device();
    const float q[4] = {0.0f, 1.0f, -1.0f, NAN};
    float k[NK], v[NK], sum = 0.0f;
    for (int j = 0; j < NK; j++) {
        k[j] = 1000.0f * (float)(j / 32);
        v[j] = (float)(j * 37 % 101 - 50);
        sum += v[j];
    }
    float *o = forward(dev, 4, NK, q, k, v), last = 0.0f, early = 0.0f;
    for (int j = 0; j < 32; j++) {
        early += v[j];
        last += v[NK - 32 + j];
    }
    cr_assert_eq(o[0], sum / NK);
    cr_assert_eq(o[1], last / 32);
    cr_assert_eq(o[2], early / 32);
    cr_assert(isnan(o[3]));
    free(o);
    for (int j = 0; j < NK; j++)
        k[j] = j < NK - 32 ? -INFINITY : 7.0f; // the first tile of the GPU has nothing else
    o = forward(dev, 1, NK, q + 1, k, v);
    cr_assert_eq(o[0], last / 32);
    free(o);
    v2s_device_close(&dev);
}

typedef struct recorded {
    const v2s_device *dev;
    const problem *p;
    v2s_arena scratch;
} recorded;

static void work(void *ctx) {
    recorded *r = ctx;
    r->dev->ops->attention_forward(r->dev, &r->p->g.of, &r->scratch);
    r->dev->ops->attention_backward(r->dev, &r->p->g, &r->scratch);
}

Test(attention, can_be_recorded) {
    v2s_device *dev = tested_device();
    const v2s_memory_ops *memory = dev->ops->memory;
    problem p = make(dev, 2, 5, 70, 3, 4, false);
    size_t bytes = dev->ops->attention_scratch(dev, &p.g.of);
    size_t more = dev->ops->attention_backward_scratch(dev, &p.g);
    recorded r = {dev, &p, device_scratch(dev, bytes > more ? bytes : more)};
    v2s_recording *recording = NULL;
    cr_assert_eq(memory->record(dev, work, &r, &recording), V2S_OK, "%s", v2s_error_text());
    for (int i = 0; i < 2; i++) { // the gradients are added twice
        memory->replay(dev, recording);
        definition(&p);
    }
    for (int i = 0; i < TENSORS; i++)
        cr_assert_leq(device_tensor_gap(dev, &p.t[i]), 2e-5, "%d", i);
    memory->forget(dev, &recording);
    v2s_device_arena_close(dev, &r.scratch);
    discard(dev, &p);
    v2s_device_close(&dev);
}
