// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/support/op_check.h"

enum { Q, K, V, TENSORS };

// loss = sum(o * d_o)
typedef struct problem {
    v2s_attention_args_f64 a;
    size_t queries, no;
    op_tensor t[TENSORS];
    float *d_o;
    double *d_o_d;
    v2s_arena scratch;
    char what[96];
} problem;

static problem make(int B, int Nq, int Nk, int D, int E) {
    problem p = {.queries = (size_t)B * Nq, .no = (size_t)B * Nq * E};
    p.t[Q] = op_tensor_make("q", 1, (size_t)B * Nq * D, 1.0f);
    p.t[K] = op_tensor_make("k", 2, (size_t)B * Nk * D, 1.0f);
    p.t[V] = op_tensor_make("v", 3, (size_t)B * Nk * E, 1.0f);
    p.d_o = guarded_noise(4, p.no, 1.0f);
    p.d_o_d = doubles_of(p.d_o, p.no);
    p.a = (v2s_attention_args_f64){
        .B = B, .Nq = Nq, .Nk = Nk, .D = D, .E = E, .scale = (float)(3.0 / sqrt(D))};
    p.a.q = p.t[Q].value_d;
    p.a.k = p.t[K].value_d;
    p.a.v = p.t[V].value_d;
    p.a.o = calloc(p.no + 1, sizeof *p.a.o);
    p.a.lse = calloc(p.queries + 1, sizeof *p.a.lse);
    p.scratch = scratch_of(v2s_attention_scratch_f64(NULL, &p.a));
    snprintf(p.what, sizeof p.what, "B %d Nq %d Nk %d D %d E %d", B, Nq, Nk, D, E);
    return p;
}

static void discard(problem *p) {
    guarded_free(p->d_o, p->no);
    free(p->d_o_d);
    free(p->a.o);
    free(p->a.lse);
    v2s_arena_close(&p->scratch);
    for (int i = 0; i < TENSORS; i++)
        op_tensor_free(&p->t[i]);
}

static double loss(void *ctx) {
    problem *p = ctx;
    double sum = 0.0;
    v2s_attention_forward_f64(NULL, &p->a, &p->scratch);
    for (size_t i = 0; i < p->no; i++)
        sum += p->a.o[i] * p->d_o_d[i];
    return sum;
}

static void backward_double(problem *p) {
    v2s_attention_backward_args_f64 g = {p->a, p->d_o_d, p->t[Q].grad_d, p->t[K].grad_d,
                                         p->t[V].grad_d};
    v2s_attention_backward_f64(NULL, &g, NULL);
}

static double dot(int count, const double *a, const double *b) {
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static double dot_magnitudes(int count, const double *a, const double *b) {
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += fabs(a[i] * b[i]);
    return sum;
}

// The whole map P of item b [Nq,Nk], by the book.
static double *map_of(const problem *p, int b) {
    const v2s_attention_args_f64 *a = &p->a;
    double *map = calloc((size_t)a->Nq * a->Nk + 1, sizeof *map);
    for (int i = 0; i < a->Nq; i++) {
        double *row = map + (size_t)i * a->Nk, sum = 0.0, most = -INFINITY;
        for (int j = 0; j < a->Nk; j++) {
            row[j] = a->scale * dot(a->D, a->q + ((size_t)b * a->Nq + i) * a->D,
                                    a->k + ((size_t)b * a->Nk + j) * a->D);
            most = fmax(most, row[j]);
        }
        for (int j = 0; j < a->Nk; j++)
            sum += row[j] = exp(row[j] - most);
        for (int j = 0; j < a->Nk; j++)
            row[j] /= sum;
    }
    return map;
}

Test(attention, equals_softmax_of_the_whole_map) {
    problem p = make(2, 7, 33, 5, 4);
    loss(&p);
    for (int b = 0; b < 2; b++) {
        double *map = map_of(&p, b);
        for (int i = 0; i < 7; i++)
            for (int e = 0; e < 4; e++) {
                double o = 0.0;
                for (int j = 0; j < 33; j++)
                    o += map[i * 33 + j] * p.a.v[(b * 33 + j) * 4 + e];
                cr_assert_float_eq(p.a.o[(b * 7 + i) * 4 + e], o, 1e-14);
            }
        free(map);
    }
    discard(&p);
}

// Whatever the map, a row of it sums to one.
Test(attention, of_equal_values_is_that_value) {
    enum { NQ = 5, NK = 300, D = 8, E = 3 };
    float *q = guarded_noise(1, NQ * D, 30.0f), *k = guarded_noise(2, NK * D, 30.0f);
    float v[NK * E], o[NQ * E], lse[NQ]; // exponents are thousands: exp alone would not do
    for (int i = 0; i < NK * D; i++)
        k[i] = fabsf(k[i]);
    for (int i = 0; i < D; i++)
        q[i] = -1.0f - fabsf(q[i]); // the first query's are all far below zero
    for (int i = 0; i < NK * E; i++)
        v[i] = (float)(i % E) - 0.75f;
    v2s_attention_args a = {1, NQ, NK, D, E, 1.0f, q, k, v, o, lse};
    v2s_arena scratch = scratch_of(v2s_attention_scratch(NULL, &a));
    v2s_attention_forward(NULL, &a, &scratch);
    for (int i = 0; i < NQ * E; i++)
        cr_assert_float_eq(o[i], (float)(i % E) - 0.75f, 2e-6);
    for (int i = 0; i < NQ; i++)
        cr_assert(isfinite(lse[i]));
    v2s_arena_close(&scratch);
    guarded_free(q, NQ * D);
    guarded_free(k, NK * D);
}

Test(attention, without_keys_is_zero) {
    float q[2] = {1, 2}, o[4] = {9, 9, 9, 9}, lse[2], d_o[4] = {1, 1, 1, 1}, dq[2] = {5, 6};
    v2s_attention_args a = {1, 2, 0, 1, 2, 1.0f, q, NULL, NULL, o, lse};
    v2s_attention_backward_args g = {a, d_o, dq, NULL, NULL};
    v2s_arena scratch = scratch_of(v2s_attention_scratch(NULL, &a));
    v2s_attention_forward(NULL, &a, &scratch);
    v2s_attention_backward(NULL, &g, &scratch);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(o[i], 0.0f);
    cr_assert(lse[0] == -INFINITY && lse[1] == -INFINITY && dq[0] == 5.0f && dq[1] == 6.0f);
    v2s_arena_close(&scratch);
}

static void check_numeric(int B, int Nq, int Nk, int D, int E) {
    problem p = make(B, Nq, Nk, D, E);
    loss(&p);
    backward_double(&p);
    op_check_numeric(p.t, TENSORS, loss, &p, p.what);
    discard(&p);
}

Test(attention, backward_is_the_derivative_of_forward) {
    check_numeric(2, 5, 9, 3, 4);
    check_numeric(1, 33, 31, 2, 1);
    check_numeric(3, 1, 2, 7, 5);
    check_numeric(1, 4, 4, 1, 33);
}

// Magnitudes behind o [B,Nq,E] and the gradients, of item b. P is off by as many roundings as s is
// large: `slack` of them.
static void bound_item(problem *p, int b, double slack, double *o) {
    const v2s_attention_args_f64 *a = &p->a;
    double *map = map_of(p, b);
    for (int i = 0; i < a->Nq; i++)
        for (int j = 0; j < a->Nk; j++) {
            size_t query = (size_t)b * a->Nq + i, key = (size_t)b * a->Nk + j;
            const double *d_o = p->d_o_d + query * a->E, *v = a->v + key * a->E;
            double P = slack * map[(size_t)i * a->Nk + j], delta = 0.0;
            for (int e = 0; e < a->E; e++) {
                o[query * a->E + e] += P * fabs(v[e]);
                p->t[V].bound[key * a->E + e] += P * fabs(d_o[e]);
                delta += fabs(d_o[e]); // no |o| is above 1
            }
            double dS = fabs(a->scale) * P * (dot_magnitudes(a->E, d_o, v) + delta);
            for (int d = 0; d < a->D; d++) {
                p->t[Q].bound[query * a->D + d] += dS * fabs(a->k[key * a->D + d]);
                p->t[K].bound[key * a->D + d] += dS * fabs(a->q[query * a->D + d]);
            }
        }
    free(map);
}

static void run_float(problem *p, const v2s_device *dev, float *o, float *lse) {
    v2s_attention_args_f64 s = p->a;
    v2s_attention_args a = {s.B,           s.Nq,          s.Nk,          s.D, s.E, (float)s.scale,
                            p->t[Q].value, p->t[K].value, p->t[V].value, o,   lse};
    v2s_attention_backward_args g = {a, p->d_o, p->t[Q].grad, p->t[K].grad, p->t[V].grad};
    size_t bytes = dev->ops->attention_scratch(dev, &a);
    size_t more = dev->ops->attention_backward_scratch(dev, &g);
    v2s_arena scratch = scratch_of(bytes > more ? bytes : more);
    memset(scratch.base, 0xff, scratch.size); // NaN: nothing may rely on zeroed scratch
    dev->ops->attention_forward(dev, &a, &scratch);
    dev->ops->attention_backward(dev, &g, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
}

// `scale` 0: that of make
static void check_scaled(const v2s_device *dev, int B, int Nq, int Nk, int D, int E, float scale) {
    problem p = make(B, Nq, Nk, D, E);
    p.a.scale = scale > 0.0f ? scale : p.a.scale;
    float *o = guarded_noise(5, p.no, 100.0f), *lse = guarded_noise(6, p.queries, 100.0f);
    double *bound = calloc(p.no + 1, sizeof *bound);
    loss(&p);
    backward_double(&p);
    for (int b = 0; b < B; b++)
        bound_item(&p, b, 4.0 + 2.0 * p.a.scale * sqrt(D), bound);
    run_float(&p, dev, o, lse);
    op_check_output(o, p.a.o, bound, p.no, 2.0 + 0.1 * sqrt(Nk), p.what);
    op_check_rounding(p.t, TENSORS, 2.0 + sqrt(Nq + Nk), p.what);
    for (size_t i = 0; i < p.queries && Nk > 0; i++)
        cr_assert_float_eq(lse[i], p.a.lse[i], 4e-6 + 4e-7 * fabs(p.a.lse[i]), "%s: lse", p.what);
    guarded_free(o, p.no);
    guarded_free(lse, p.queries);
    free(bound);
    discard(&p);
}

static void check_shape(const v2s_device *dev, int B, int Nq, int Nk, int D, int E) {
    check_scaled(dev, B, Nq, Nk, D, E, 0.0f);
}

Test(attention, of_every_table_equals_double) {
    const int sizes[] = {0, 1, 2, 31, 32, 33, 257};
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 7; i++) {
            check_shape(dev, 2, sizes[i], 9, 4, 5);
            check_shape(dev, 2, 9, sizes[i], 4, 5);
            if (sizes[i] > 0 && sizes[i] < 257) {
                check_shape(dev, sizes[i], 3, 5, 2, 2);
                check_shape(dev, 1, 20, 40, sizes[i], 6);
                check_shape(dev, 1, 20, 40, 6, sizes[i]);
            }
        }
        if (dev != NULL)
            check_shape(dev, 1, 300, 700, 8, 64);
        v2s_device_close(&dev);
    }
}

// Several tiles of keys and blocks of queries with a rest each, and every rest of a register and
// of a panel of columns.
Test(attention, of_many_tiles_equals_double) {
    for (int isa = V2S_ISA_AVX2; isa <= V2S_ISA_AVX512_BF16; isa++)
        for (int threads = 1; threads <= 2; threads++) {
            v2s_device *dev = device_of((v2s_isa)isa, threads);
            for (int i = 1; dev != NULL && i < 36; i += threads == 1 ? 1 : 7)
                check_shape(dev, 1, 1 + i % 13, 250 + i, 36 - i, i);
            if (dev != NULL) {
                check_shape(dev, 2, 205, 521, 16, 128);
                check_shape(dev, 1, 97, 193, 64, 200);
                check_shape(dev, 1, 96, 192, 8, 17);
            }
            v2s_device_close(&dev);
        }
}

// As many keys, and as many queries, as level 2 of the depth network has.
Test(attention, of_sixteen_thousand_keys_equals_double) {
    for (int isa = V2S_ISA_AVX2; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        if (dev != NULL) {
            check_shape(dev, 1, 5, 16384, 16, 40);
            check_shape(dev, 1, 16384, 5, 16, 40);
        }
        v2s_device_close(&dev);
    }
}

// Scores of plus and minus hundreds: a few keys have all the weight.
Test(attention, of_peaked_maps_equals_double) {
    for (int isa = V2S_ISA_SCALAR; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *dev = device_of((v2s_isa)isa, 2);
        for (int i = 0; dev != NULL && i < 4; i++)
            check_scaled(dev, 1, 50, 700, 16, 24, 10.0f * (float)(1 << 2 * i));
        v2s_device_close(&dev);
    }
}

typedef struct bits {
    float *o, *lse, *dq, *dk, *dv;
    size_t queries, keys;
} bits;

enum { SAME_Q = 301, SAME_K = 777, SAME_D = 5, SAME_E = 33 };

static bits run_bits(const v2s_device *dev, problem *p) {
    bits b = {.queries = p->queries, .keys = p->t[K].count / SAME_D};
    b.o = calloc(p->no, sizeof(float));
    b.lse = calloc(b.queries, sizeof(float));
    float **grad[] = {&b.dq, &b.dk, &b.dv}, *before[TENSORS];
    for (int i = 0; i < TENSORS; i++) {
        before[i] = p->t[i].grad;
        p->t[i].grad = *grad[i] = calloc(p->t[i].count, sizeof(float));
    }
    run_float(p, dev, b.o, b.lse);
    for (int i = 0; i < TENSORS; i++)
        p->t[i].grad = before[i];
    return b;
}

static void drop_bits(bits *b) {
    float *all[] = {b->o, b->lse, b->dq, b->dk, b->dv};
    for (int i = 0; i < 5; i++)
        free(all[i]);
}

Test(attention, does_not_depend_on_the_number_of_threads) {
    problem p = make(2, SAME_Q, SAME_K, SAME_D, SAME_E);
    for (int isa = V2S_ISA_AVX2; isa <= V2S_ISA_AVX512_BF16; isa++) {
        v2s_device *one = device_of((v2s_isa)isa, 1);
        if (one == NULL)
            continue;
        bits a = run_bits(one, &p);
        for (int threads = 2; threads <= 9; threads += 7) {
            v2s_device *more = device_of((v2s_isa)isa, threads);
            bits b = run_bits(more, &p);
            cr_assert_eq(memcmp(a.o, b.o, p.no * sizeof(float)), 0);
            cr_assert_eq(memcmp(a.lse, b.lse, a.queries * sizeof(float)), 0);
            cr_assert_eq(memcmp(a.dq, b.dq, p.t[Q].count * sizeof(float)), 0);
            cr_assert_eq(memcmp(a.dk, b.dk, p.t[K].count * sizeof(float)), 0);
            cr_assert_eq(memcmp(a.dv, b.dv, p.t[V].count * sizeof(float)), 0);
            drop_bits(&b);
            v2s_device_close(&more);
        }
        drop_bits(&a);
        v2s_device_close(&one);
    }
    discard(&p);
}

// o [NQ,2] and lse [NQ] of one feature; scratch is not zeroed.
enum { HOSTILE_Q = 9, HOSTILE_K = 300 };

static void hostile_forward(const v2s_device *dev, const float *q, const float *k, const float *v,
                            float *o, float *lse) {
    v2s_attention_args a = {1, HOSTILE_Q, HOSTILE_K, 1, 2, 1.0f, q, k, v, o, lse};
    v2s_arena scratch = scratch_of(dev->ops->attention_scratch(dev, &a));
    dev->ops->attention_forward(dev, &a, &scratch);
    v2s_arena_close(&scratch);
}

// What is no number in the definition is none in any table, and the rest is a number.
Test(attention, of_no_numbers_is_as_defined) {
    const float what[] = {NAN, -NAN, INFINITY, -INFINITY};
    v2s_device *plain = device_of(V2S_ISA_SCALAR, 1);
    for (int isa = V2S_ISA_AVX2; isa <= V2S_ISA_AVX512_BF16; isa++)
        for (int at = 0; at < 17; at++) {
            v2s_device *dev = device_of((v2s_isa)isa, 2);
            float q[HOSTILE_Q], k[HOSTILE_K], v[2 * HOSTILE_K];
            float o[2][2 * HOSTILE_Q], lse[2][HOSTILE_Q];
            for (int i = 0; i < HOSTILE_Q; i++)
                q[i] = 0.25f * (float)(i + 1);
            for (int i = 0; i < HOSTILE_K; i++) {
                k[i] = (float)(i % 7) - 3.0f;
                v[2 * i] = v[2 * i + 1] = (float)(i % 5);
            }
            if (at / 4 == 0)
                q[4] = what[at % 4];
            else if (at / 4 == 1)
                k[at % 2 * 299] = what[at % 4];
            else if (at / 4 == 2)
                v[2 * 260 + 1] = what[at % 4];
            for (int i = 0; i < HOSTILE_K && at / 4 == 3; i++)
                k[i] = what[at % 4];
            for (int i = 0; i < 290 && at == 16; i++) // more than a tile counts for nothing
                k[i] = -INFINITY;
            if (dev != NULL) {
                hostile_forward(plain, q, k, v, o[0], lse[0]);
                hostile_forward(dev, q, k, v, o[1], lse[1]);
                for (int i = 0; i < 2 * HOSTILE_Q; i++)
                    cr_assert(isnan(o[0][i]) == isnan(o[1][i]), "case %d o %d", at, i);
                for (int i = 0; i < HOSTILE_Q; i++)
                    cr_assert(isnan(lse[0][i]) == isnan(lse[1][i]), "case %d lse %d", at, i);
            }
            v2s_device_close(&dev);
        }
    v2s_device_close(&plain);
}
