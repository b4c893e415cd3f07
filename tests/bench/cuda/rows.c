// SPDX-License-Identifier: MIT
// The machine's own ceilings; linear and conv1d.
#include "tests/bench/cuda/bench.h"

// ---- ceilings ---------------------------------------------------------------------------------

typedef struct copy_args {
    void *to;
    const void *from;
    size_t bytes;
} copy_args;

static void run_copy(const v2s_device *dev, void *ctx) {
    const copy_args *a = ctx;
    dev->ops->memory->copy(dev, a->to, a->from, a->bytes);
}

static void run_linear(const v2s_device *dev, void *ctx);

typedef struct linear_state {
    v2s_linear_args forward;
    v2s_linear_backward_args backward;
    v2s_arena *scratch;
} linear_state;

static void take_linear(bench *b, linear_state *s, int M, int C, int O) {
    v2s_linear_args *a = &s->forward;
    *a = (v2s_linear_args){.M = M, .C = C, .O = O};
    a->x = bench_noise(b, (size_t)M * C);
    a->w = bench_noise(b, (size_t)O * C);
    a->bias = bench_noise(b, (size_t)O);
    a->y = bench_zeros(b, (size_t)M * O * sizeof(float));
}

// Bytes of a copy count as read and as written; several times what a cache holds.
static void copy_ceiling(bench *b) {
    static const size_t bytes[] = {(size_t)4 << 30, (size_t)1 << 30, (size_t)1 << 20};
    copy_args a = {.bytes = bytes[b->size]};
    if (b->copy_rate > 0 || !bench_wants(b, "copy", "N%zu", a.bytes))
        return;
    a.from = bench_noise(b, a.bytes / sizeof(float));
    a.to = bench_zeros(b, a.bytes);
    double seconds =
        bench_time(b, &(bench_work){.run = run_copy, .ctx = &a, .bytes = 2.0 * (double)a.bytes});
    if (seconds > 0)
        b->copy_rate = 2.0 * (double)a.bytes / seconds;
}

// Twice as deep as wide: what is not the product (the bias, y) counts little in any precision.
static void product_ceiling(bench *b) {
    static const int sides[] = {8192, 4096, 64};
    int n = sides[b->size];
    linear_state s = {0};
    if (!bench_wants(b, "product", "M%d C%d O%d", n, 2 * n, n))
        return;
    take_linear(b, &s, n, 2 * n, n);
    s.scratch = bench_scratch(b, b->dev->ops->linear_scratch(b->dev, &s.forward));
    double flops = 4.0 * n * n * n;
    double seconds = bench_time(
        b, &(bench_work){.run = run_linear, .ctx = &s, .flops = flops, .bytes = 20.0 * n * n});
    if (seconds > 0)
        b->product_rate[b->dev->precision] = flops / seconds;
}

void bench_ceilings(bench *b) {
    const char *filter = b->filter;
    b->filter = NULL; // every share needs them
    copy_ceiling(b);
    product_ceiling(b);
    b->filter = filter;
}

// ---- linear -----------------------------------------------------------------------------------

static void run_linear(const v2s_device *dev, void *ctx) {
    linear_state *s = ctx;
    dev->ops->linear_forward(dev, &s->forward, s->scratch);
}

static void run_linear_backward(const v2s_device *dev, void *ctx) {
    linear_state *s = ctx;
    dev->ops->linear_backward(dev, &s->backward, s->scratch);
}

// Forward reads x, w, bias and writes y; backward reads x, w, dy and adds into dx, dw, dbias.
static void linear(bench *b, int M, int C, int O) {
    linear_state s = {0};
    double mc = (double)M * C, mo = (double)M * O, oc = (double)O * C;
    if (bench_wants(b, "linear_forward", "M%d C%d O%d", M, C, O)) {
        take_linear(b, &s, M, C, O);
        s.scratch = bench_scratch(b, b->dev->ops->linear_scratch(b->dev, &s.forward));
        bench_time(b, &(bench_work){.run = run_linear,
                                    .ctx = &s,
                                    .flops = 2 * mc * O,
                                    .bytes = 4 * (mc + oc + O + mo)});
    }
    if (bench_wants(b, "linear_backward", "M%d C%d O%d", M, C, O)) {
        take_linear(b, &s, M, C, O);
        s.backward = (v2s_linear_backward_args){.of = s.forward,
                                                .dy = bench_noise(b, (size_t)M * O),
                                                .dx = bench_zeros(b, (size_t)M * C * 4),
                                                .dw = bench_zeros(b, (size_t)O * C * 4),
                                                .dbias = bench_zeros(b, (size_t)O * 4)};
        s.scratch = bench_scratch(b, b->dev->ops->linear_backward_scratch(b->dev, &s.backward));
        bench_time(b, &(bench_work){.run = run_linear_backward,
                                    .ctx = &s,
                                    .flops = 4 * mc * O + mo,
                                    .bytes = 4 * (3 * mc + 3 * oc + 2 * O + mo)});
    }
}

// ---- conv1d -----------------------------------------------------------------------------------

typedef struct conv1d_state {
    v2s_conv1d_args forward;
    v2s_conv1d_backward_args backward;
    v2s_arena *scratch;
} conv1d_state;

static void run_conv1d(const v2s_device *dev, void *ctx) {
    conv1d_state *s = ctx;
    dev->ops->conv1d_forward(dev, &s->forward, s->scratch);
}

static void run_conv1d_backward(const v2s_device *dev, void *ctx) {
    conv1d_state *s = ctx;
    dev->ops->conv1d_backward(dev, &s->backward, s->scratch);
}

static void take_conv1d(bench *b, conv1d_state *s, const v2s_conv1d_args *sizes) {
    v2s_conv1d_args *a = &s->forward;
    *a = *sizes;
    a->x = bench_noise(b, (size_t)a->B * a->T * a->C);
    a->w = bench_noise(b, (size_t)a->O * a->C * a->K);
    a->bias = bench_noise(b, (size_t)a->O);
    a->y = bench_zeros(b, (size_t)a->B * a->T * a->O * sizeof(float));
}

static void conv1d(bench *b, v2s_conv1d_args sizes) {
    conv1d_state s = {0};
    const char *shape = "B%d T%d C%d O%d K%d";
    int B = sizes.B, T = sizes.T, C = sizes.C, O = sizes.O, K = sizes.K;
    double rows = (double)B * T, weights = (double)O * C * K;
    if (bench_wants(b, "conv1d_forward", shape, B, T, C, O, K)) {
        take_conv1d(b, &s, &sizes);
        s.scratch = bench_scratch(b, b->dev->ops->conv1d_scratch(b->dev, &s.forward));
        bench_time(b, &(bench_work){.run = run_conv1d,
                                    .ctx = &s,
                                    .flops = 2 * rows * weights,
                                    .bytes = 4 * (rows * (C + O) + weights + O)});
    }
    if (bench_wants(b, "conv1d_backward", shape, B, T, C, O, K)) {
        take_conv1d(b, &s, &sizes);
        s.backward = (v2s_conv1d_backward_args){.of = s.forward,
                                                .dy = bench_noise(b, (size_t)B * T * O),
                                                .dx = bench_zeros(b, (size_t)B * T * C * 4),
                                                .dw = bench_zeros(b, (size_t)O * C * K * 4),
                                                .dbias = bench_zeros(b, (size_t)O * 4)};
        s.scratch = bench_scratch(b, b->dev->ops->conv1d_backward_scratch(b->dev, &s.backward));
        bench_time(b, &(bench_work){.run = run_conv1d_backward,
                                    .ctx = &s,
                                    .flops = 4 * rows * weights + rows * O,
                                    .bytes = 4 * (rows * (3 * C + O) + 3 * weights + 2 * O)});
    }
}

void bench_rows(bench *b) {
    if (b->size == BENCH_TINY) {
        linear(b, 33, 5, 7);
        conv1d(b, (v2s_conv1d_args){.B = 2, .T = 33, .C = 3, .O = 5, .K = 5});
        return;
    }
    linear(b, 512000, 256, 4);  // the seed refiner's last layer at 32 x 16000
    linear(b, 512000, 64, 384); // the projection of the GRU's input
    conv1d(b, (v2s_conv1d_args){.B = 32, .T = 16000, .C = 4, .O = 64, .K = 15});
    conv1d(b, (v2s_conv1d_args){.B = 32, .T = 16000, .C = 64, .O = 64, .K = 15});
}
