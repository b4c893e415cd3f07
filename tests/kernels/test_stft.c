// SPDX-License-Identifier: MIT
// Short-time transforms against their definition and torch's, and their adjoints.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/support/gradient.h"
#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

#define Z V2S_STFT_ZERO_PAD
#define R V2S_STFT_REFLECT_PAD
#define NO V2S_STFT_NO_PAD

// Odd hops, windows of odd and even lengths, frames that do not reach the end.
static const struct {
    v2s_stft_config config;
    int T;
} cases[] = {
    {{16, 4, 16, NO}, 61}, {{16, 5, 11, NO}, 40},   {{16, 4, 16, Z}, 50}, {{16, 16, 16, Z}, 33},
    {{12, 5, 8, Z}, 3},    {{20, 7, 13, R}, 41},    {{16, 4, 16, R}, 9},  {{16, 3, 1, Z}, 20},
    {{16, 4, 16, NO}, 16}, {{16, 40, 16, NO}, 100}, {{4, 1, 4, R}, 3},    {{16, 4, 16, Z}, 1},
};
enum { CASES = sizeof cases / sizeof *cases };

static v2s_stft_f64 *open_f64(int i) {
    v2s_stft_f64 *s = NULL;
    cr_assert_eq(v2s_stft_open_f64(&cases[i].config, &s), V2S_OK, "%s", v2s_error_text());
    return s;
}

static double window_at(const v2s_stft_config *c, int i) {
    int j = i - (c->n - c->win) / 2;
    return j < 0 || j >= c->win ? 0.0 : 0.5 - 0.5 * cos(2.0 * M_PI * j / c->win);
}

// The header's xp at place p, which counts from the first padding sample.
static double padded_at(const v2s_stft_config *c, int T, const double *x, int p) {
    int t = p - (c->pad == NO ? 0 : c->n / 2);
    if (c->pad == R && t < 0)
        t = -t;
    if (c->pad == R && t >= T)
        t = 2 * T - 2 - t;
    return t < 0 || t >= T ? 0.0 : x[t];
}

Test(stft, matches_the_definition) {
    for (int i = 0; i < CASES; i++) {
        const v2s_stft_config *c = &cases[i].config;
        int T = cases[i].T, length = T + (c->pad == NO ? 0 : 2 * (c->n / 2));
        v2s_stft_f64 *s = open_f64(i);
        int F = v2s_stft_frames_f64(s, T), K = v2s_stft_bins_f64(s);
        cr_assert_eq(F, (length - c->n) / c->hop + 1, "case %d", i);
        cr_assert_eq(K, c->n / 2 + 1);
        double *x = noise_doubles(1, (size_t)T, 1.0);
        double *X = noise_doubles(2, 2 * (size_t)F * K, 9.0);
        v2s_stft_forward_f64(s, T, x, X);
        for (int f = 0; f < F; f++)
            for (int k = 0; k < K; k++) {
                double re = 0.0, im = 0.0;
                for (int j = 0; j < c->n; j++) {
                    double v = window_at(c, j) * padded_at(c, T, x, f * c->hop + j);
                    re += v * cos(2.0 * M_PI * k * j / c->n);
                    im -= v * sin(2.0 * M_PI * k * j / c->n);
                }
                const double *got = X + 2 * (f * K + k);
                cr_assert(hypot(got[0] - re, got[1] - im) < 1e-13, "case %d frame %d", i, f);
            }
        v2s_stft_close_f64(&s);
        cr_assert_null(s);
        free(x);
        free(X);
    }
}

// Every sample that a window reaches comes back, whatever the hop.
Test(stft, its_inverse_gives_the_signal_back) {
    for (int i = 0; i < CASES; i++) {
        const v2s_stft_config *c = &cases[i].config;
        int T = cases[i].T, pad = c->pad == NO ? 0 : c->n / 2;
        v2s_stft_f64 *s = open_f64(i);
        int F = v2s_stft_frames_f64(s, T), K = v2s_stft_bins_f64(s);
        double *x = noise_doubles(1, (size_t)T, 1.0), *back = noise_doubles(3, (size_t)T, 9.0);
        double *X = noise_doubles(2, 2 * (size_t)F * K, 9.0);
        v2s_stft_forward_f64(s, T, x, X);
        v2s_istft_forward_f64(s, F, X, T, back);
        int reached = 0;
        for (int t = 0; t < T; t++) {
            double sum = 0.0;
            for (int f = 0; f < F; f++) {
                int j = t + pad - f * c->hop;
                sum += j < 0 || j >= c->n ? 0.0 : window_at(c, j) * window_at(c, j);
            }
            reached += sum >= 1e-11;
            cr_assert_float_eq(back[t], sum < 1e-11 ? 0.0 : x[t], 1e-10, "case %d at %d", i, t);
        }
        cr_assert(reached > T / 3 || c->win == 1, "case %d", i);
        v2s_stft_close_f64(&s);
        free(x);
        free(back);
        free(X);
    }
}

typedef struct weighed {
    v2s_stft_f64 *s;
    int T, F;
    size_t bins; // 2 F K
    double *w, *out;
} weighed;

static double weighed_stft(void *ctx, const double *x) {
    weighed *p = ctx;
    double sum = 0.0;
    v2s_stft_forward_f64(p->s, p->T, x, p->out);
    for (size_t i = 0; i < p->bins; i++)
        sum += p->w[i] * p->out[i];
    return sum;
}

static double weighed_istft(void *ctx, const double *X) {
    weighed *p = ctx;
    double sum = 0.0;
    v2s_istft_forward_f64(p->s, p->F, X, p->T, p->out);
    for (int t = 0; t < p->T; t++)
        sum += p->w[t] * p->out[t];
    return sum;
}

// Gradients of sum(w * output) with random w, added to what the buffer held. The step may be large:
// both are linear.
Test(stft, backward_matches_differences) {
    for (int i = 0; i < CASES; i++) {
        if (cases[i].config.win == 1)
            continue; // a window of one zero
        v2s_stft_f64 *s = open_f64(i);
        int T = cases[i].T, F = v2s_stft_frames_f64(s, T);
        size_t bins = 2 * (size_t)F * (size_t)v2s_stft_bins_f64(s);
        double *x = noise_doubles(1, (size_t)T, 1.0), *X = noise_doubles(2, bins, 1.0);
        double *w = noise_doubles(3, bins + (size_t)T, 1.0), *out = noise_doubles(4, bins + T, 1.0);
        double *noise = noise_doubles(5, bins + (size_t)T, 1.0);
        double *dx = noise_doubles(5, (size_t)T, 1.0), *dX = noise_doubles(5, bins, 1.0);
        weighed p = {s, T, F, bins, w, out};
        v2s_stft_backward_f64(s, T, w, dx);
        v2s_istft_backward_f64(s, F, T, w, dX);
        for (int t = 0; t < T; t++)
            dx[t] -= noise[t];
        for (size_t b = 0; b < bins; b++)
            dX[b] -= noise[b];
        if (T > 1) // one sample stands under the window's first zero
            cr_assert_lt(gradient_error(weighed_stft, &p, x, dx, (size_t)T, 1, 0.1), 1e-10, "%d",
                         i);
        if (T > 1)
            cr_assert_lt(gradient_error(weighed_istft, &p, X, dX, bins, 1, 0.1), 1e-10, "%d", i);
        v2s_stft_close_f64(&s);
        free(x);
        free(X);
        free(w);
        free(out);
        free(noise);
        free(dx);
        free(dX);
    }
}

static void check_float(int i, double tolerance) {
    v2s_stft_f64 *d = open_f64(i);
    v2s_stft *s = NULL;
    cr_assert_eq(v2s_stft_open(&cases[i].config, &s), V2S_OK);
    int T = cases[i].T, F = v2s_stft_frames(s, T);
    size_t bins = 2 * (size_t)F * (size_t)v2s_stft_bins(s), N = (size_t)T;
    float *in[] = {guarded_noise(1, N, 1.0f), guarded_noise(2, bins, 1.0f)};
    float *out[] = {guarded_noise(3, bins, 1.0f), guarded_noise(4, N, 1.0f),
                    guarded_noise(5, N, 1.0f), guarded_noise(6, bins, 1.0f)};
    double *ind[] = {doubles_of(in[0], N), doubles_of(in[1], bins)};
    double *outd[] = {doubles_of(out[0], bins), doubles_of(out[1], N), doubles_of(out[2], N),
                      doubles_of(out[3], bins)};
    v2s_stft_forward(s, T, in[0], out[0]);
    v2s_stft_forward_f64(d, T, ind[0], outd[0]);
    v2s_istft_forward(s, F, in[1], T, out[1]);
    v2s_istft_forward_f64(d, F, ind[1], T, outd[1]);
    v2s_stft_backward(s, T, in[1], out[2]);
    v2s_stft_backward_f64(d, T, ind[1], outd[2]);
    v2s_istft_backward(s, F, T, in[0], out[3]);
    v2s_istft_backward_f64(d, F, T, ind[0], outd[3]);
    for (int o = 0; o < 4; o++) {
        size_t count = o == 0 || o == 3 ? bins : N;
        double largest = 1.0;
        for (size_t j = 0; j < count; j++)
            largest = fmax(largest, fabs(outd[o][j]));
        cr_assert_lt(largest_gap(out[o], outd[o], count) / largest, tolerance, "%d: %d", i, o);
        guarded_free(out[o], count);
        free(outd[o]);
    }
    for (int j = 0; j < 2; j++) {
        guarded_free(in[j], j == 0 ? N : bins);
        free(ind[j]);
    }
    v2s_stft_close_f64(&d);
    v2s_stft_close(&s);
}

Test(stft, in_float_equals_double) {
    for (int i = 0; i < CASES; i++)
        check_float(i, 2e-6);
}

Test(stft, has_no_frame_where_the_signal_is_too_short) {
    v2s_stft *s = NULL;
    v2s_stft_config c = {16, 4, 16, NO};
    cr_assert_eq(v2s_stft_open(&c, &s), V2S_OK);
    cr_assert_eq(v2s_stft_frames(s, 15), 0);
    cr_assert_eq(v2s_stft_frames(s, 0), 0);
    v2s_stft_close(&s);
    c.pad = R;
    cr_assert_eq(v2s_stft_open(&c, &s), V2S_OK);
    cr_assert_eq(v2s_stft_frames(s, 8), 0);
    cr_assert_eq(v2s_stft_frames(s, 9), 3);
    v2s_stft_close(&s);
    c.pad = Z;
    cr_assert_eq(v2s_stft_open(&c, &s), V2S_OK);
    cr_assert_eq(v2s_stft_frames(s, 0), 0);
    cr_assert_eq(v2s_stft_frames(s, 1), 1);
    v2s_stft_close(&s);
}

Test(stft, refuses_sizes_in_one_sentence) {
    const v2s_stft_config bad[] = {
        {0, 4, 4, Z}, {16, 0, 16, Z}, {16, 4, 17, Z}, {16, 4, 0, Z}, {22, 4, 16, Z}};
    for (int i = 0; i < 5; i++) {
        v2s_stft *s = NULL;
        cr_assert_eq(v2s_stft_open(&bad[i], &s), V2S_ARG, "%d", i);
        cr_assert_null(s);
        cr_assert(strstr(v2s_error_text(), "need"));
    }
}

enum { GOLDEN_T = 500 };

// The golden file's sound, channel 0 (tests/tools/make_loss_golden.py).
static void golden_signal(double *x) {
    float a[GOLDEN_T * 4], b[GOLDEN_T * 4];
    hash_noise(200, GOLDEN_T * 4, 0.5f, a);
    hash_noise(201, GOLDEN_T * 4, 0.5f, b);
    for (int t = 0; t < GOLDEN_T; t++)
        x[t] = exp(-4.0 * t / GOLDEN_T) * (0.6 * (double)a[4 * t] + 0.4 * (double)b[4 * t]);
}

static int check_torch(const char *name, v2s_stft_config c) {
    double x[GOLDEN_T], back[GOLDEN_T], re, im;
    v2s_stft_f64 *s = NULL;
    char line[256], of[16];
    int f, k, found = 0;
    golden_signal(x);
    cr_assert_eq(v2s_stft_open_f64(&c, &s), V2S_OK);
    int F = v2s_stft_frames_f64(s, GOLDEN_T), K = v2s_stft_bins_f64(s);
    double *X = noise_doubles(1, 2 * (size_t)F * K, 1.0);
    double *W = noise_doubles(1, 2 * (size_t)F * K, 1.0);
    float *weight = guarded_noise(203, (size_t)F * K, 1.0f);
    v2s_stft_forward_f64(s, GOLDEN_T, x, X);
    for (int i = 0; i < 2 * F * K; i++)
        W[i] = X[i] * (double)weight[i / 2];
    v2s_istft_forward_f64(s, F, W, GOLDEN_T, back);
    FILE *file = fopen(V2S_TEST_DATA "/golden/losses.txt", "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "stft %15s %d %d %lf %lf", of, &f, &k, &re, &im) == 5 &&
            strcmp(of, name) == 0 && ++found)
            cr_assert(hypot(X[2 * (f * K + k)] - re, X[2 * (f * K + k) + 1] - im) < 1e-13);
        if (sscanf(line, "istft %15s %d %lf", of, &f, &re) == 3 && strcmp(of, name) == 0 && ++found)
            cr_assert_float_eq(back[f], re, 1e-13);
    }
    fclose(file);
    v2s_stft_close_f64(&s);
    guarded_free(weight, (size_t)F * K);
    free(X);
    free(W);
    return found;
}

Test(stft, equals_torch) {
    cr_assert_eq(check_torch("none", (v2s_stft_config){64, 16, 64, NO}), 50);
    cr_assert_gt(check_torch("zero", (v2s_stft_config){64, 16, 40, Z}), 70);
    cr_assert_gt(check_torch("reflect", (v2s_stft_config){48, 20, 48, R}), 60);
}
