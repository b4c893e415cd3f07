// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64.h"
#include "tests/support/guarded.h"

static double logistic(double x) {
    return 1.0 / (1.0 + exp(-x));
}

// One unit, one input, two steps, every parameter different: gate order r, z, n; the reset gate
// multiplies W_hn h + b_hn, after the product.
Test(gru, definition_by_hand) {
    const double x[] = {0.5, -1.0}, w_ih[] = {0.7, -0.4, 1.1}, w_hh[] = {0.3, 0.9, -0.8};
    const double b_ih[] = {0.1, 0.2, 0.3}, b_hh[] = {-0.05, 0.15, 0.25}, h0 = 0.6;
    double y[2], h_end, h = h0;
    v2s_gru_args_f64 a = {.B = 1,
                          .T = 2,
                          .C = 1,
                          .H = 1,
                          .D = 1,
                          .x = x,
                          .y = y,
                          .ldy = 1,
                          .dir = {{w_ih, w_hh, b_ih, b_hh, &h0, &h_end, NULL}}};
    v2s_arena scratch = scratch_of(v2s_gru_scratch_f64(NULL, &a));
    v2s_gru_forward_f64(NULL, &a, &scratch);
    for (int t = 0; t < 2; t++) {
        double r = logistic(0.7 * x[t] + 0.1 + 0.3 * h - 0.05);
        double z = logistic(-0.4 * x[t] + 0.2 + 0.9 * h + 0.15);
        double n = tanh(1.1 * x[t] + 0.3 + r * (-0.8 * h + 0.25));
        h = (1.0 - z) * n + z * h;
        cr_assert_float_eq(y[t], h, 1e-15);
    }
    cr_assert_float_eq(h_end, h, 1e-15);
    v2s_arena_close(&scratch);
}

typedef struct shape {
    int B, T, C, H, D;
    bool reverse, states, packed, output;
    int overlap;
    float update_bias; // added to b_iz: a memory of about e^update_bias steps
} shape;

typedef struct buffers {
    size_t n[8]; // of x, y, then per direction: w_ih, w_hh, b_ih, b_hh, h0, h_end
    float *x, *y, *dir[2][6];
    double *xd, *yd, *dird[2][6];
} buffers;

static buffers make_buffers(const shape *s) {
    size_t H = (size_t)s->H, C = (size_t)s->C, BT = (size_t)s->B * s->T, BH = (size_t)s->B * H;
    size_t ldy = s->D * H + 3; // columns that the operation must leave alone
    buffers b = {.n = {BT * C, BT * ldy, 3 * H * C, 3 * H * H, 3 * H, 3 * H, BH, BH}};
    b.x = guarded_noise(1, b.n[0], 1.0f);
    b.y = guarded_noise(2, b.n[1], 100.0f);
    b.xd = doubles_of(b.x, b.n[0]);
    b.yd = doubles_of(b.y, b.n[1]);
    for (int d = 0; d < s->D; d++)
        for (int i = 0; i < 6; i++) {
            float scale = i == 0 ? 2.0f / sqrtf((float)C) : i == 1 ? 2.0f / sqrtf((float)H) : 0.9f;
            b.dir[d][i] = guarded_noise((unsigned)(10 + 6 * d + i), b.n[2 + i], scale);
            for (size_t j = H; i == 2 && j < 2 * H; j++)
                b.dir[d][i][j] += s->update_bias;
            b.dird[d][i] = doubles_of(b.dir[d][i], b.n[2 + i]);
        }
    return b;
}

static void free_buffers(const shape *s, buffers *b) {
    guarded_free(b->x, b->n[0]);
    guarded_free(b->y, b->n[1]);
    free(b->xd);
    free(b->yd);
    for (int d = 0; d < s->D; d++)
        for (int i = 0; i < 6; i++) {
            guarded_free(b->dir[d][i], b->n[2 + i]);
            free(b->dird[d][i]);
        }
}

static void run_double(const shape *s, const buffers *b) {
    v2s_gru_args_f64 a = {.B = s->B,
                          .T = s->T,
                          .C = s->C,
                          .H = s->H,
                          .D = s->D,
                          .reverse = s->reverse,
                          .x = b->xd,
                          .y = s->output ? b->yd : NULL,
                          .ldy = s->D * s->H + 3};
    for (int d = 0; d < s->D; d++) {
        double *const *p = b->dird[d];
        a.dir[d] =
            (v2s_gru_direction_f64){p[0], p[1], p[2], p[3], s->states ? p[4] : NULL, p[5], NULL};
    }
    v2s_arena scratch = scratch_of(v2s_gru_scratch_f64(NULL, &a));
    v2s_gru_forward_f64(NULL, &a, &scratch);
    v2s_arena_close(&scratch);
}

static void run_float(const v2s_device *dev, const shape *s, const buffers *b) {
    v2s_gru_args a = {.B = s->B,
                      .T = s->T,
                      .C = s->C,
                      .H = s->H,
                      .D = s->D,
                      .reverse = s->reverse,
                      .overlap = s->overlap,
                      .x = b->x,
                      .y = s->output ? b->y : NULL,
                      .ldy = s->D * s->H + 3};
    size_t bytes = dev->ops->gru_packed_size(dev, s->C, s->H);
    v2s_arena packed = scratch_of(2 * (bytes + V2S_ARENA_ALIGN));
    for (int d = 0; d < s->D; d++) {
        float *const *p = b->dir[d];
        a.dir[d] = (v2s_gru_direction){p[0], p[1], p[2], p[3], s->states ? p[4] : NULL, p[5], NULL};
        if (s->packed && bytes > 0) {
            void *to = v2s_arena_take(&packed, bytes, 1);
            dev->ops->gru_pack(dev, s->C, s->H, &a.dir[d], to);
            a.dir[d].packed = to;
        }
    }
    v2s_arena scratch = scratch_of(dev->ops->gru_scratch(dev, &a));
    memset(scratch.base, 0xff, scratch.size); // NaN: nothing may rely on zeroed scratch
    dev->ops->gru_forward(dev, &a, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_arena_close(&scratch);
    v2s_arena_close(&packed);
}

static void check_shape(const v2s_device *dev, shape s, double tolerance) {
    buffers b = make_buffers(&s);
    run_double(&s, &b);
    run_float(dev, &s, &b);
    double gap = largest_gap(b.y, b.yd, b.n[1]);
    for (int d = 0; d < s.D; d++)
        gap = fmax(gap, largest_gap(b.dir[d][5], b.dird[d][5], b.n[7]));
    cr_assert_lt(gap, tolerance, "%s: B %d T %d C %d H %d D %d%s: %g", dev->name, s.B, s.T, s.C,
                 s.H, s.D, s.reverse ? " reverse" : "", gap);
    free_buffers(&s, &b);
}

static void check_isa(v2s_isa isa, double tolerance) {
    v2s_device *dev = device_of(isa, 2);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    const int sizes[] = {1, 2, 31, 32, 33, 257};
    for (int i = 0; i < 6; i++) {
        check_shape(dev, (shape){1, 5, 3, sizes[i], 2, false, true, false, true, 0, 0}, tolerance);
        check_shape(dev, (shape){2, 4, sizes[i], 9, 1, true, true, true, true, 0, 0}, tolerance);
        check_shape(dev, (shape){1, sizes[i], 6, 20, 2, false, false, true, true, 0, 0}, tolerance);
    }
    for (int H = 8; H <= 136; H += 8) // every width of a last tile,
        for (int B = 1; B <= 3; B++)  // on one row, two side by side, and both
            check_shape(dev, (shape){B, 3, 2, H, 1, false, true, false, true, 0, 0}, tolerance);
    check_shape(dev, (shape){1, 1, 1, 1, 1, false, false, false, true, 0, 0}, tolerance);
    check_shape(dev, (shape){2, 50, 64, 128, 1, true, true, false, false, 0, 0}, tolerance);
    check_shape(dev, (shape){2, 0, 4, 5, 2, false, true, false, true, 0, 0}, tolerance);
    check_shape(dev, (shape){0, 3, 4, 5, 2, false, true, false, true, 0, 0}, tolerance);
    check_shape(dev, (shape){3, 100, 64, 128, 2, false, true, true, true, 0, 0}, tolerance);
    v2s_device_close(&dev);
}

// Long rows in two halves: with weights that forget within the overlap, and with weights that do
// not, where the second half has to be run again.
static void check_cut(v2s_isa isa, double tolerance) {
    v2s_device *dev = device_of(isa, 2);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    for (int T = 8 * 40 - 1; T <= 8 * 40 + 51; T += 13)
        for (int i = 0; i < 4; i++) {
            shape s = {1 + 2 * (i & 1), T, 3, 20, 2, false, true, false, true, 40, 0.0f};
            s.update_bias = i & 2 ? 6.0f : 0.0f;
            check_shape(dev, s, tolerance);
            s.D = 1;
            s.reverse = true;
            check_shape(dev, s, tolerance);
        }
    v2s_device_close(&dev);
}

Test(gru, a_cut_row_equals_the_definition_avx2) {
    check_cut(V2S_ISA_AVX2, 4e-6);
}

Test(gru, a_cut_row_equals_the_definition_avx512) {
    check_cut(V2S_ISA_AVX512, 4e-6);
}

Test(gru, float_definition_equals_double) {
    check_isa(V2S_ISA_SCALAR, 4e-6);
}

Test(gru, avx2_equals_definition) {
    check_isa(V2S_ISA_AVX2, 4e-6);
}

Test(gru, avx512_equals_definition) {
    check_isa(V2S_ISA_AVX512, 4e-6);
}

// Weights twice as large as a trained layer's: 8 bits of each product remain.
Test(gru, bf16_stays_near_the_definition) {
    check_isa(V2S_ISA_AVX512_BF16, 4e-2);
}

// h' of one unit with all weights zero: the biases alone set r, z and n, so a sweep of the biases
// is a sweep of the gate functions. h0 = 0: h' = (1 - sigmoid(z)) * tanh(n).
static void check_gates(v2s_isa isa) {
    v2s_device *dev = device_of(isa, 1);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    const float zero = 0.0f;
    double most = 0.0;
    for (int i = -3000; i <= 3000; i++) {
        float v = (float)i * (i % 7 == 0 ? 0.07f : 0.003f);
        float n_saturated[] = {0, v, 40.0f}, z_open[] = {0, -200.0f, v}, b_hh[3] = {0}, x = 0;
        float w3[3] = {0}, sigmoid_part, tanh_part;
        v2s_gru_args a = {.B = 1, .T = 1, .C = 1, .H = 1, .D = 1, .x = &x, .ldy = 1};
        v2s_gru_direction d = {w3, w3, n_saturated, b_hh, &zero, NULL, NULL};
        a.dir[0] = d;
        v2s_arena scratch = scratch_of(dev->ops->gru_scratch(dev, &a));
        a.y = &sigmoid_part;
        dev->ops->gru_forward(dev, &a, &scratch);
        a.dir[0].b_ih = z_open;
        a.y = &tanh_part;
        dev->ops->gru_forward(dev, &a, &scratch);
        v2s_arena_close(&scratch);
        most = fmax(most, fabs(sigmoid_part - (1.0 - logistic(v))));
        most = fmax(most, fabs(tanh_part - tanh((double)v)));
    }
    cr_assert_lt(most, 1.5e-7, "%g", most);
    v2s_device_close(&dev);
}

Test(gru, gate_functions_are_exact_to_a_float_avx2) {
    check_gates(V2S_ISA_AVX2);
}

Test(gru, gate_functions_are_exact_to_a_float_avx512) {
    check_gates(V2S_ISA_AVX512);
}

// What is not a number must not turn into one.
static void check_nan(v2s_isa isa) {
    v2s_device *dev = device_of(isa, 1);
    if (dev == NULL)
        cr_skip("this processor has no %s", v2s_isa_name(isa));
    const float x[] = {NAN}, w[] = {1, 1, 1}, b[] = {0, 0, 0};
    float y = 0.0f;
    v2s_gru_args a = {.B = 1,
                      .T = 1,
                      .C = 1,
                      .H = 1,
                      .D = 1,
                      .x = x,
                      .y = &y,
                      .ldy = 1,
                      .dir = {{w, w, b, b, NULL, NULL, NULL}}};
    v2s_arena scratch = scratch_of(dev->ops->gru_scratch(dev, &a));
    dev->ops->gru_forward(dev, &a, &scratch);
    cr_assert(isnan(y));
    v2s_arena_close(&scratch);
    v2s_device_close(&dev);
}

Test(gru, nan_stays_nan_avx2) {
    check_nan(V2S_ISA_AVX2);
}

Test(gru, nan_stays_nan_avx512) {
    check_nan(V2S_ISA_AVX512);
}
