// SPDX-License-Identifier: MIT
// The definitions, in double, against PyTorch (tests/data/golden/ops.txt). Every test repeats the
// cases of tests/tools/make_ops_golden.py: tensor number s is hash noise of stream s.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_tensor.h"
#include "tests/support/hash_noise.h"

enum { MOST = 400 };

static void fill(unsigned stream, size_t count, float scale, double *out) {
    float noise[MOST];
    cr_assert_leq(count, MOST);
    hash_noise(stream, count, scale, noise);
    for (size_t i = 0; i < count; i++)
        out[i] = (double)noise[i];
}

static double parsed(char **at) {
    char *end;
    double value = strtod(*at, &end);
    cr_assert(end != *at, "the line ends early");
    *at = end;
    return value;
}

static void compare(const char *name, char *at, const double *got, size_t count) {
    cr_assert_eq(parsed(&at), (double)count, "%s: another count", name);
    for (size_t i = 0; i < count; i++) {
        double want = parsed(&at), gap = fabs(got[i] - want);
        cr_assert((isnan(want) && isnan(got[i])) || gap <= 1e-11 * fmax(1.0, fabs(want)),
                  "%s[%zu]: %.12g, PyTorch says %.12g", name, i, got[i], want);
    }
}

// Asserts that a tensor of a case is what the file says.
static void expect(const char *name, const char *tensor, const double *got, size_t count) {
    FILE *file = fopen(V2S_TEST_DATA "/golden/ops.txt", "r");
    char *line = NULL, key[64];
    size_t size = 0;
    bool found = false;
    cr_assert_not_null(file);
    int length = snprintf(key, sizeof key, "%s %s ", name, tensor);
    while (!found && getline(&line, &size, file) > 0)
        if (strncmp(line, key, (size_t)length) == 0) {
            compare(key, line + length, got, count);
            found = true;
        }
    cr_assert(found, "no line %s", key);
    free(line);
    fclose(file);
}

static void check_conv2d(const char *name, v2s_conv2d_args_f64 a, bool with_bias) {
    double x[MOST], w[MOST], bias[MOST], y[MOST], dy[MOST];
    double dx[MOST] = {0}, dw[MOST] = {0}, dbias[MOST] = {0};
    size_t nx = (size_t)a.N * a.C * a.H * a.W, nw = (size_t)a.O * a.C * a.KH * a.KW;
    size_t no = (size_t)a.O, ny = (size_t)a.N * a.O * a.H * a.W;
    fill(1, nx, 1.0f, x);
    fill(2, nw, 1.0f, w);
    fill(3, no, 1.0f, bias);
    fill(4, ny, 1.0f, dy);
    a.x = x;
    a.w = w;
    a.bias = with_bias ? bias : NULL;
    a.y = y;
    v2s_conv2d_backward_args_f64 g = {a, dy, dx, dw, with_bias ? dbias : NULL};
    v2s_conv2d_forward_f64(NULL, &a, NULL);
    v2s_conv2d_backward_f64(NULL, &g, NULL);
    expect(name, "y", y, ny);
    expect(name, "dx", dx, nx);
    expect(name, "dw", dw, nw);
    if (with_bias)
        expect(name, "dbias", dbias, no);
}

Test(ops_golden, conv2d_equals_pytorch) {
    check_conv2d("conv3x3", (v2s_conv2d_args_f64){2, 3, 4, 5, 6, 3, 3, 1, 1, 0, 0, 0, 0}, true);
    check_conv2d("conv1x1", (v2s_conv2d_args_f64){2, 5, 3, 4, 4, 1, 1, 1, 1, 0, 0, 0, 0}, false);
    check_conv2d("conv3x5", (v2s_conv2d_args_f64){1, 2, 2, 6, 5, 3, 5, 1, 1, 0, 0, 0, 0}, true);
    check_conv2d("conv5x7-beyond", (v2s_conv2d_args_f64){1, 2, 2, 2, 3, 5, 7, 1, 1, 0, 0, 0, 0},
                 true);
}

static void check_batch_norm(const char *name, bool training, bool relu) {
    enum { C = 3, COUNT = 2 * C * 4 * 5 };
    double x[COUNT], y[COUNT], dy[COUNT], dx[COUNT] = {0}, weight[C], bias[C];
    double mean[C], var[C], saved_mean[C], saved_inv_std[C], dweight[C] = {0}, dbias[C] = {0};
    fill(1, COUNT, 1.0f, x);
    fill(2, C, 1.0f, weight);
    fill(3, C, 1.0f, bias);
    fill(4, C, 1.0f, mean);
    fill(5, C, 1.0f, var);
    fill(6, COUNT, 1.0f, dy);
    for (int c = 0; c < C; c++)
        var[c] = fabs(var[c]) + 0.5;
    v2s_batch_norm_args_f64 a = {
        2, C,      4,    5,    1,   training, relu,       1e-5,         0.25,
        x, weight, bias, mean, var, y,        saved_mean, saved_inv_std};
    v2s_batch_norm_backward_args_f64 g = {a, dy, dx, dweight, dbias};
    v2s_batch_norm_forward_f64(NULL, &a, NULL);
    v2s_batch_norm_backward_f64(NULL, &g, NULL);
    expect(name, "y", y, COUNT);
    expect(name, "dx", dx, COUNT);
    expect(name, "dweight", dweight, C);
    expect(name, "dbias", dbias, C);
    expect(name, "running_mean", mean, C);
    expect(name, "running_var", var, C);
}

Test(ops_golden, batch_norm_equals_pytorch) {
    check_batch_norm("norm-training", true, false);
    check_batch_norm("norm-inference", false, false);
    check_batch_norm("norm-relu-training", true, true);
    check_batch_norm("norm-relu-inference", false, true);
}

Test(ops_golden, pool2d_equals_pytorch) {
    enum { ONE = 3 * 7 * 9, COUNT = 2 * ONE, OUT = 2 * 3 * 3 * 4 };
    double x[COUNT], y[OUT], dy[OUT], dx[COUNT] = {0}, places[OUT];
    uint8_t index[OUT];
    fill(1, COUNT, 1.0f, x);
    fill(2, OUT, 1.0f, dy);
    for (int i = 0; i < ONE; i++)
        x[i] = rint(2.0 * x[i]);
    double *last = x + ONE + 2 * 63;
    last[1] = last[2 * 9 + 2] = last[3 * 9 + 3] = NAN;
    v2s_pool2d_args_f64 a = {2, 3, 7, 9, 1, x, y, index, dy, dx};
    v2s_pool2d_forward_f64(NULL, &a, NULL);
    v2s_pool2d_backward_f64(NULL, &a, NULL);
    for (int i = 0; i < OUT; i++)
        places[i] = index[i];
    expect("pool", "y", y, OUT);
    expect("pool", "index", places, OUT);
    expect("pool", "dx", dx, COUNT);
}

static void check_upsample2d(const char *name, int H, int W, int OH, int OW) {
    double x[MOST], y[MOST], dy[MOST], dx[MOST] = {0};
    size_t nx = (size_t)4 * H * W, ny = (size_t)4 * OH * OW;
    fill(1, nx, 1.0f, x);
    fill(2, ny, 1.0f, dy);
    v2s_upsample2d_args_f64 a = {2, 2, H, W, OH, OW, 1, x, y, dy, dx};
    v2s_upsample2d_forward_f64(NULL, &a, NULL);
    v2s_upsample2d_backward_f64(NULL, &a, NULL);
    expect(name, "y", y, ny);
    expect(name, "dx", dx, nx);
}

Test(ops_golden, upsample2d_equals_pytorch) {
    check_upsample2d("double", 4, 5, 8, 10);
    check_upsample2d("other-size", 5, 3, 4, 11);
    check_upsample2d("one-row", 1, 4, 3, 1);
}

Test(ops_golden, softmax_equals_pytorch) {
    enum { M = 5, N = 33, COUNT = M * N };
    double x[COUNT], y[COUNT], dy[COUNT], dx[COUNT] = {0};
    fill(1, COUNT, 8.0f, x);
    fill(2, COUNT, 1.0f, dy);
    v2s_softmax_args_f64 a = {M, N, x, y, dy, dx};
    v2s_softmax_forward_f64(NULL, &a, NULL);
    v2s_softmax_backward_f64(NULL, &a, NULL);
    expect("softmax", "y", y, COUNT);
    expect("softmax", "dx", dx, COUNT);
}

static void check_attention(const char *name, int B, int Nq, int Nk, int D, int E) {
    double q[MOST], k[MOST], v[MOST], o[MOST], lse[MOST], d_o[MOST];
    double dq[MOST] = {0}, dk[MOST] = {0}, dv[MOST] = {0};
    size_t nq = (size_t)B * Nq * D, nk = (size_t)B * Nk * D, nv = (size_t)B * Nk * E;
    size_t no = (size_t)B * Nq * E;
    fill(1, nq, 1.0f, q);
    fill(2, nk, 1.0f, k);
    fill(3, nv, 1.0f, v);
    fill(4, no, 1.0f, d_o);
    v2s_attention_args_f64 a = {B, Nq, Nk, D, E, 2.5, q, k, v, o, lse};
    v2s_attention_backward_args_f64 g = {a, d_o, dq, dk, dv};
    v2s_arena scratch;
    cr_assert_eq(v2s_arena_open(&scratch, v2s_attention_scratch_f64(NULL, &a)), V2S_OK);
    v2s_attention_forward_f64(NULL, &a, &scratch);
    v2s_attention_backward_f64(NULL, &g, &scratch);
    v2s_arena_close(&scratch);
    expect(name, "o", o, no);
    expect(name, "lse", lse, (size_t)B * Nq);
    expect(name, "dq", dq, nq);
    expect(name, "dk", dk, nk);
    expect(name, "dv", dv, nv);
}

Test(ops_golden, attention_equals_pytorch) {
    check_attention("cross", 2, 5, 9, 3, 4);
    check_attention("one-key", 1, 3, 1, 2, 2);
}

static void check_reduce(const char *name, v2s_reduce_kind kind, v2s_reduce_axis axis) {
    enum { M = 7, N = 11, COUNT = M * N };
    double x[COUNT], y[N], dy[N], dx[COUNT] = {0};
    int32_t index[N];
    size_t lines = axis == V2S_REDUCE_ROWS ? M : N;
    fill(1, COUNT, 1.0f, x);
    fill(2, lines, 1.0f, dy);
    v2s_reduce_args_f64 a = {kind, axis, M, N, x, y, index, dy, dx};
    v2s_reduce_forward_f64(NULL, &a, NULL);
    v2s_reduce_backward_f64(NULL, &a, NULL);
    expect(name, "y", y, lines);
    expect(name, "dx", dx, COUNT);
}

Test(ops_golden, reduce_equals_pytorch) {
    check_reduce("sum-rows", V2S_REDUCE_SUM, V2S_REDUCE_ROWS);
    check_reduce("mean-rows", V2S_REDUCE_MEAN, V2S_REDUCE_ROWS);
    check_reduce("max-rows", V2S_REDUCE_MAX, V2S_REDUCE_ROWS);
    check_reduce("sum-columns", V2S_REDUCE_SUM, V2S_REDUCE_COLUMNS);
    check_reduce("mean-columns", V2S_REDUCE_MEAN, V2S_REDUCE_COLUMNS);
    check_reduce("max-columns", V2S_REDUCE_MAX, V2S_REDUCE_COLUMNS);
}

Test(ops_golden, residual_equals_pytorch) {
    enum { COUNT = 14 };
    double x[COUNT], branch[COUNT], gamma, y[COUNT], dy[COUNT];
    double dx[COUNT] = {0}, dbranch[COUNT] = {0}, dgamma = 0;
    fill(1, COUNT, 1.0f, x);
    fill(2, COUNT, 1.0f, branch);
    fill(3, 1, 1.0f, &gamma);
    fill(4, COUNT, 1.0f, dy);
    v2s_residual_args_f64 a = {COUNT, x, branch, &gamma, y, dy, dx, dbranch, &dgamma};
    v2s_residual_forward_f64(NULL, &a, NULL);
    v2s_residual_backward_f64(NULL, &a, NULL);
    expect("residual", "y", y, COUNT);
    expect("residual", "dx", dx, COUNT);
    expect("residual", "dbranch", dbranch, COUNT);
    expect("residual", "dgamma", &dgamma, 1);
}

static void check_loss_depth(const char *name, double bound) {
    enum { N = 3, H = 8, W = 9, COUNT = N * H * W };
    double p[COUNT], g[COUNT], valid[COUNT], dp[COUNT], terms[3];
    float g_float[COUNT];
    fill(1, COUNT, 2.0f, p);
    fill(2, COUNT, 1.0f, g);
    fill(3, COUNT, 1.0f, valid);
    for (int i = 0; i < COUNT; i++) {
        g[i] = valid[i] > bound ? g[i] + 2.0 : 0.0;
        g_float[i] = (float)g[i];
    }
    v2s_loss_depth_args_f64 a = {
        N, H, W, {0, 0, 0}, .weight_l1 = 1.0, .weight_edge = 0.2, .weight_smooth = 0.1};
    v2s_loss_depth_count(N, H, W, g_float, &a.counts);
    a.p = p;
    a.g = g;
    a.dp = dp;
    a.terms = terms;
    v2s_loss_depth_f64(NULL, &a, NULL);
    expect(name, "terms", terms, 3);
    expect(name, "dp", dp, COUNT);
}

Test(ops_golden, loss_depth_equals_pytorch) {
    check_loss_depth("depth-all", -2.0);
    check_loss_depth("depth-most", -0.7);
    check_loss_depth("depth-half", 0.0);
    check_loss_depth("depth-none", 2.0);
}
