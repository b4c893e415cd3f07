// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64.h"
#include "tests/support/op_check.h"

// x, then per direction w_ih, w_hh, b_ih, b_hh, h0.
enum { X, FIRST, W_IH = 0, W_HH, B_IH, B_HH, H0, PER_DIRECTION, TENSORS = 1 + 2 * PER_DIRECTION };
enum { EXTRA = 3 }; // columns of y that the operation must leave alone

typedef struct shape {
    int B, T, C, H, D;
    bool reverse, states, want_dx;
} shape;

// loss = sum(y * dy) + sum(h_end * dh_end), the second with `states` only
typedef struct problem {
    shape s;
    int tensors, ldy;
    op_tensor t[TENSORS];
    size_t ny, nh;
    float *dy, *y, *dh_end[2];
    double *dy_d, *y_d, *dh_end_d[2], *h_end_d[2];
    char what[128];
} problem;

static problem make(shape s) {
    static const char *const names[] = {"w_ih", "w_hh", "b_ih", "b_hh", "h0"};
    problem p = {.s = s, .tensors = FIRST + s.D * PER_DIRECTION, .ldy = s.D * s.H + EXTRA};
    size_t H = (size_t)s.H, C = (size_t)s.C, rows = (size_t)s.B * s.T;
    p.ny = rows * p.ldy;
    p.nh = s.B * H;
    p.t[X] = op_tensor_make("x", 1, rows * C, 1.0f);
    const size_t counts[] = {3 * H * C, 3 * H * H, 3 * H, 3 * H, p.nh};
    const float scales[] = {2.0f / sqrtf((float)C), 2.0f / sqrtf((float)H), 0.9f, 0.9f, 0.9f};
    for (int i = 0; i < s.D * PER_DIRECTION; i++)
        p.t[FIRST + i] = op_tensor_make(names[i % PER_DIRECTION], (unsigned)(2 + i),
                                        counts[i % PER_DIRECTION], scales[i % PER_DIRECTION]);
    p.dy = guarded_noise(50, p.ny, 1.0f);
    p.y = guarded_noise(51, p.ny, 100.0f);
    p.dy_d = doubles_of(p.dy, p.ny);
    p.y_d = doubles_of(p.y, p.ny);
    for (int d = 0; d < s.D; d++) {
        p.dh_end[d] = guarded_noise((unsigned)(52 + d), p.nh, 1.0f);
        p.dh_end_d[d] = doubles_of(p.dh_end[d], p.nh);
        p.h_end_d[d] = calloc(p.nh + 1, sizeof(double));
    }
    snprintf(p.what, sizeof p.what, "B %d T %d C %d H %d D %d%s%s%s", s.B, s.T, s.C, s.H, s.D,
             s.reverse ? " reverse" : "", s.states ? " states" : "",
             s.want_dx ? "" : " without dx");
    return p;
}

static void discard(problem *p) {
    guarded_free(p->dy, p->ny);
    guarded_free(p->y, p->ny);
    free(p->dy_d);
    free(p->y_d);
    for (int d = 0; d < p->s.D; d++) {
        guarded_free(p->dh_end[d], p->nh);
        free(p->dh_end_d[d]);
        free(p->h_end_d[d]);
    }
    for (int i = 0; i < p->tensors; i++)
        op_tensor_free(&p->t[i]);
}

static v2s_gru_args_f64 args_double(problem *p) {
    const shape *s = &p->s;
    v2s_gru_args_f64 a = {.B = s->B,
                          .T = s->T,
                          .C = s->C,
                          .H = s->H,
                          .D = s->D,
                          .reverse = s->reverse,
                          .x = p->t[X].value_d,
                          .y = p->y_d,
                          .ldy = p->ldy};
    for (int d = 0; d < s->D; d++) {
        const op_tensor *t = &p->t[FIRST + d * PER_DIRECTION];
        a.dir[d] = (v2s_gru_direction_f64){.w_ih = t[W_IH].value_d,
                                           .w_hh = t[W_HH].value_d,
                                           .b_ih = t[B_IH].value_d,
                                           .b_hh = t[B_HH].value_d,
                                           .h0 = s->states ? t[H0].value_d : NULL,
                                           .h_end = p->h_end_d[d]};
    }
    return a;
}

static double loss(void *ctx) {
    problem *p = ctx;
    v2s_gru_args_f64 a = args_double(p);
    v2s_arena scratch = scratch_of(v2s_gru_scratch_f64(NULL, &a));
    v2s_gru_forward_f64(NULL, &a, &scratch);
    v2s_arena_close(&scratch);
    double sum = 0.0;
    for (size_t row = 0; row < (size_t)p->s.B * p->s.T; row++)
        for (int j = 0; j < p->s.D * p->s.H; j++)
            sum += p->y_d[row * p->ldy + j] * p->dy_d[row * p->ldy + j];
    for (int d = 0; p->s.states && d < p->s.D; d++)
        for (size_t i = 0; i < p->nh; i++)
            sum += p->h_end_d[d][i] * p->dh_end_d[d][i];
    return sum;
}

static void backward_double(problem *p) {
    v2s_gru_backward_args_f64 a = {
        .of = args_double(p), .dy = p->dy_d, .dx = p->s.want_dx ? p->t[X].grad_d : NULL};
    for (int d = 0; d < p->s.D; d++) {
        const op_tensor *t = &p->t[FIRST + d * PER_DIRECTION];
        a.grad[d] = (v2s_gru_gradients_f64){t[W_IH].grad_d,
                                            t[W_HH].grad_d,
                                            t[B_IH].grad_d,
                                            t[B_HH].grad_d,
                                            p->s.states ? p->dh_end_d[d] : NULL,
                                            p->s.states ? t[H0].grad_d : NULL};
    }
    a.of.saved = malloc(v2s_gru_saved_size_f64(NULL, &a.of) + 1);
    v2s_arena forward = scratch_of(v2s_gru_scratch_f64(NULL, &a.of));
    v2s_arena backward = scratch_of(v2s_gru_backward_scratch_f64(NULL, &a));
    v2s_gru_forward_f64(NULL, &a.of, &forward);
    v2s_gru_backward_f64(NULL, &a, &backward);
    v2s_arena_close(&forward);
    v2s_arena_close(&backward);
    free(a.of.saved);
}

static v2s_gru_backward_args args_float(problem *p) {
    const shape *s = &p->s;
    v2s_gru_backward_args a = {.of = {.B = s->B,
                                      .T = s->T,
                                      .C = s->C,
                                      .H = s->H,
                                      .D = s->D,
                                      .reverse = s->reverse,
                                      .overlap = 2, // not used where gates are saved
                                      .x = p->t[X].value,
                                      .y = p->y,
                                      .ldy = p->ldy},
                               .dy = p->dy,
                               .dx = s->want_dx ? p->t[X].grad : NULL};
    for (int d = 0; d < s->D; d++) {
        const op_tensor *t = &p->t[FIRST + d * PER_DIRECTION];
        a.of.dir[d] = (v2s_gru_direction){.w_ih = t[W_IH].value,
                                          .w_hh = t[W_HH].value,
                                          .b_ih = t[B_IH].value,
                                          .b_hh = t[B_HH].value,
                                          .h0 = s->states ? t[H0].value : NULL};
        a.grad[d] = (v2s_gru_gradients){t[W_IH].grad,
                                        t[W_HH].grad,
                                        t[B_IH].grad,
                                        t[B_HH].grad,
                                        s->states ? p->dh_end[d] : NULL,
                                        s->states ? t[H0].grad : NULL};
    }
    return a;
}

// Scratch of a size, full of NaN: nothing may rely on zeros there.
static v2s_arena dirty(size_t bytes) {
    v2s_arena arena = scratch_of(bytes);
    memset(arena.base, 0xff, arena.size);
    return arena;
}

static void backward_float(problem *p, const v2s_device *dev) {
    v2s_gru_backward_args a = args_float(p);
    v2s_arena saved = dirty(dev->ops->gru_saved_size(dev, &a.of) + V2S_ARENA_ALIGN);
    v2s_arena forward = dirty(dev->ops->gru_scratch(dev, &a.of));
    v2s_arena backward = dirty(dev->ops->gru_backward_scratch(dev, &a));
    a.of.saved = saved.base;
    float *h_end = guarded_noise(60, p->nh, 1.0f);
    a.of.dir[0].h_end = h_end;
    dev->ops->gru_forward(dev, &a.of, &forward);
    cr_assert_eq(forward.used, 0);
    cr_assert_lt(largest_gap(p->y, p->y_d, p->ny), 4e-6, "%s: y", p->what);
    cr_assert_lt(largest_gap(h_end, p->h_end_d[0], p->nh), 4e-6, "%s: h_end", p->what);
    dev->ops->gru_backward(dev, &a, &backward);
    cr_assert_eq(backward.used, 0);
    guarded_free(h_end, p->nh);
    v2s_arena_close(&saved);
    v2s_arena_close(&forward);
    v2s_arena_close(&backward);
}

static void check_numeric(shape s) {
    problem p = make(s);
    backward_double(&p);
    op_check_numeric(p.t, p.tensors, loss, &p, p.what);
    discard(&p);
}

Test(gru_backward, is_the_derivative_of_forward) {
    const int sizes[] = {1, 2, 31, 32, 33};
    for (int i = 0; i < 5; i++) {
        check_numeric((shape){1, 4, 3, sizes[i], 2, false, true, true});
        check_numeric((shape){2, 3, sizes[i], 4, 1, true, true, true});
        check_numeric((shape){1, sizes[i], 3, 5, 2, false, true, true});
        check_numeric((shape){sizes[i], 2, 3, 2, 1, false, true, true});
    }
    check_numeric((shape){2, 6, 3, 5, 2, false, false, true});
}

// A multiple of what the definition itself loses in float, tensor by tensor.
static void check_shape(const v2s_device *dev, shape s) {
    problem p = make(s), definition = make(s);
    v2s_device *scalar = device_of(V2S_ISA_SCALAR, 1);
    backward_double(&p);
    backward_double(&definition);
    backward_float(&p, dev);
    backward_float(&definition, scalar);
    for (int i = 0; i < p.tensors; i++) {
        double largest = 1.0; // of the noise that was there
        for (size_t j = 0; j < p.t[i].count; j++)
            largest = fmax(largest, fabs(p.t[i].grad_d[j]));
        double gap = op_gap(&p.t[i]), limit = 4 * op_gap(&definition.t[i]) + 0x1p-21 * largest;
        cr_assert(gap <= limit, "%s: %s: d(%s): off by %g, %g allowed", dev->name, p.what,
                  p.t[i].name, gap, limit);
    }
    v2s_device_close(&scalar);
    discard(&p);
    discard(&definition);
}

static void check_isa(v2s_isa isa) {
    v2s_device *dev = device_of(isa, 2);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    const int sizes[] = {1, 2, 7, 8, 9, 31, 32, 33};
    for (int i = 0; i < 8; i++) {
        check_shape(dev, (shape){1, 5, 3, sizes[i], 2, false, true, true});
        check_shape(dev, (shape){3, 4, sizes[i], 9, 1, true, true, true});
        check_shape(dev, (shape){1, sizes[i], 6, 20, 2, false, false, true});
        check_shape(dev, (shape){sizes[i], 5, 6, 17, 2, false, true, i % 2 == 0});
    }
    for (int H = 8; H <= 72; H += 8) // every width of a last tile, with every number of rows
        for (int B = 1; B <= 9; B += 1)
            check_shape(dev, (shape){B, 3, 2, H, 1, B % 2 == 0, true, true});
    check_shape(dev, (shape){2, 0, 4, 5, 2, false, true, true});
    check_shape(dev, (shape){0, 3, 4, 5, 2, false, true, true});
    check_shape(dev, (shape){5, 70, 12, 40, 2, false, true, true});
    check_shape(dev, (shape){1, 300, 8, 16, 2, false, true, true});
    check_shape(dev, (shape){2, 20, 64, 128, 2, false, false, true});
    v2s_device_close(&dev);
}

Test(gru_backward, float_definition_equals_double) {
    check_isa(V2S_ISA_SCALAR);
}

Test(gru_backward, avx2_equals_definition) {
    check_isa(V2S_ISA_AVX2);
}

Test(gru_backward, avx512_equals_definition) {
    check_isa(V2S_ISA_AVX512);
}
