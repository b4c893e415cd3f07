// SPDX-License-Identifier: MIT
// Whole-signal convolution against the sum it stands for, and its adjoint.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"
#include "tests/support/guarded.h"

typedef struct shape {
    int T, inputs, outputs, taps;
} shape;

static const shape shapes[] = {{20, 4, 2, 7}, {1, 1, 1, 1}, {5, 2, 3, 33}, {64, 3, 1, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static double *filters_of(const shape *s) {
    return noise_doubles(1, (size_t)s->inputs * s->outputs * s->taps, 1.0);
}

static v2s_fir_matrix_f64 *open_f64(const shape *s, const double *h) {
    v2s_fir_matrix_f64 *m = NULL;
    // Opened for more samples than are given.
    cr_assert_eq(v2s_fir_matrix_open_f64(s->T + 9, s->inputs, s->outputs, s->taps, h, &m), V2S_OK);
    return m;
}

Test(fir_matrix, forward_is_the_convolution) {
    for (int i = 0; i < SHAPES; i++) {
        const shape s = shapes[i];
        int length = s.T + s.taps - 1;
        double *h = filters_of(&s), *x = noise_doubles(2, (size_t)s.T * s.inputs, 1.0);
        double *y = noise_doubles(3, (size_t)length * s.outputs, 9.0);
        v2s_fir_matrix_f64 *m = open_f64(&s, h);
        v2s_fir_matrix_forward_f64(m, s.T, x, y);
        for (int t = 0; t < length; t++)
            for (int o = 0; o < s.outputs; o++) {
                double sum = 0.0;
                for (int j = 0; j < s.inputs; j++)
                    for (int k = 0; k < s.taps; k++)
                        if (t - k >= 0 && t - k < s.T)
                            sum += h[(o * s.inputs + j) * s.taps + k] * x[(t - k) * s.inputs + j];
                cr_assert_float_eq(y[t * s.outputs + o], sum, 1e-12, "shape %d at %d", i, t);
            }
        v2s_fir_matrix_close_f64(&m);
        cr_assert_null(m);
        free(h);
        free(x);
        free(y);
    }
}

typedef struct weighed {
    v2s_fir_matrix_f64 *m;
    int T;
    size_t count;
    double *w, *y;
} weighed;

static double weighed_forward(void *ctx, const double *x) {
    weighed *p = ctx;
    double sum = 0.0;
    v2s_fir_matrix_forward_f64(p->m, p->T, x, p->y);
    for (size_t i = 0; i < p->count; i++)
        sum += p->w[i] * p->y[i];
    return sum;
}

Test(fir_matrix, backward_matches_differences) {
    for (int i = 0; i < SHAPES; i++) {
        const shape s = shapes[i];
        size_t in = (size_t)s.T * s.inputs, out = (size_t)(s.T + s.taps - 1) * s.outputs;
        double *h = filters_of(&s), *x = noise_doubles(2, in, 1.0);
        double *w = noise_doubles(3, out, 1.0), *y = noise_doubles(4, out, 1.0);
        double *dx = noise_doubles(5, in, 1.0), *noise = noise_doubles(5, in, 1.0);
        v2s_fir_matrix_f64 *m = open_f64(&s, h);
        weighed p = {m, s.T, out, w, y};
        v2s_fir_matrix_backward_f64(m, s.T, w, dx);
        for (size_t j = 0; j < in; j++)
            dx[j] -= noise[j];
        cr_assert_lt(gradient_error(weighed_forward, &p, x, dx, in, 1, 0.1), 1e-10, "%d", i);
        v2s_fir_matrix_close_f64(&m);
        free(h);
        free(x);
        free(w);
        free(y);
        free(dx);
        free(noise);
    }
}

Test(fir_matrix, in_float_equals_double) {
    for (int i = 0; i < SHAPES; i++) {
        const shape s = shapes[i];
        size_t in = (size_t)s.T * s.inputs, out = (size_t)(s.T + s.taps - 1) * s.outputs;
        size_t all = (size_t)s.inputs * s.outputs * s.taps;
        float *h = guarded_noise(1, all, 1.0f), *x = guarded_noise(2, in, 1.0f);
        float *y = guarded_noise(3, out, 9.0f), *dx = guarded_noise(4, in, 1.0f);
        double *hd = doubles_of(h, all), *xd = doubles_of(x, in), *yd = doubles_of(y, out);
        double *dxd = doubles_of(dx, in), bound = 1e-6 * sqrt((double)(s.inputs * s.taps)) * 4.0;
        v2s_fir_matrix *m = NULL;
        v2s_fir_matrix_f64 *d = open_f64(&s, hd);
        cr_assert_eq(v2s_fir_matrix_open(s.T, s.inputs, s.outputs, s.taps, h, &m), V2S_OK);
        v2s_fir_matrix_forward(m, s.T, x, y);
        v2s_fir_matrix_forward_f64(d, s.T, xd, yd);
        v2s_fir_matrix_backward(m, s.T, y, dx);
        v2s_fir_matrix_backward_f64(d, s.T, yd, dxd);
        cr_assert_lt(largest_gap(y, yd, out), bound, "%d", i);
        cr_assert_lt(largest_gap(dx, dxd, in), bound * 10.0, "%d", i);
        v2s_fir_matrix_close(&m);
        v2s_fir_matrix_close_f64(&d);
        guarded_free(h, all);
        guarded_free(x, in);
        guarded_free(y, out);
        guarded_free(dx, in);
        free(hd);
        free(xd);
        free(yd);
        free(dxd);
    }
}

Test(fir_matrix, refuses_sizes_in_one_sentence) {
    const float h[1] = {1.0f};
    v2s_fir_matrix *m = NULL;
    cr_assert_eq(v2s_fir_matrix_open(0, 1, 1, 1, h, &m), V2S_ARG);
    cr_assert_eq(v2s_fir_matrix_open(1, 1, 1, 0, h, &m), V2S_ARG);
    cr_assert_eq(v2s_fir_matrix_open(1 << 30, 1, 1, 1, h, &m), V2S_ARG);
    cr_assert(strstr(v2s_error_text(), "too long"));
    cr_assert_null(m);
}
