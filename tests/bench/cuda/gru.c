// SPDX-License-Identifier: MIT
// The GRU: forward, forward that keeps what backward needs, and both ways.
//
// Backward uses up what forward saved (kernels/gru.h), so that it is timed together with the
// forward call before it.
#include "tests/bench/cuda/bench.h"

typedef struct gru_sizes {
    int B, T, C, H, D;
} gru_sizes;

typedef struct gru_state {
    v2s_gru_args forward;
    v2s_gru_backward_args backward;
    v2s_arena *scratch;
} gru_state;

static void run_forward(const v2s_device *dev, void *ctx) {
    gru_state *s = ctx;
    dev->ops->gru_forward(dev, &s->forward, s->scratch);
}

static void run_both(const v2s_device *dev, void *ctx) {
    gru_state *s = ctx;
    dev->ops->gru_forward(dev, &s->forward, s->scratch);
    dev->ops->gru_backward(dev, &s->backward, s->scratch);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

// Weights as PyTorch draws them, so that the states stay where a network has them.
static float *weights(bench *b, size_t count, int H) {
    float *w = bench_noise(b, count);
    v2s_elementwise_args scale = {.kind = V2S_ELEMENTWISE_SCALE, .count = count, .a = w, .y = w};
    for (scale.factor = 1; scale.factor * scale.factor * (float)H > 1;)
        scale.factor *= 0.5f;
    if (b->status == V2S_OK)
        b->dev->ops->elementwise_forward(b->dev, &scale, NULL);
    return w;
}

static void take_forward(bench *b, gru_state *s, gru_sizes g, bool saved) {
    v2s_gru_args *a = &s->forward;
    size_t rows = (size_t)g.B * g.T, gates = (size_t)3 * g.H;
    *a = (v2s_gru_args){.B = g.B, .T = g.T, .C = g.C, .H = g.H, .D = g.D, .ldy = g.D * g.H};
    a->x = bench_noise(b, rows * g.C);
    a->y = bench_zeros(b, rows * a->ldy * sizeof(float));
    for (int d = 0; d < g.D; d++) {
        a->dir[d].w_ih = weights(b, gates * g.C, g.H);
        a->dir[d].w_hh = weights(b, gates * g.H, g.H);
        a->dir[d].b_ih = weights(b, gates, g.H);
        a->dir[d].b_hh = weights(b, gates, g.H);
    }
    if (saved)
        a->saved = bench_zeros(b, b->dev->ops->gru_saved_size(b->dev, a));
}

static void take_backward(bench *b, gru_state *s, gru_sizes g) {
    v2s_gru_backward_args *a = &s->backward;
    size_t rows = (size_t)g.B * g.T, gates = (size_t)3 * g.H * sizeof(float);
    *a = (v2s_gru_backward_args){.of = s->forward};
    a->dy = bench_noise(b, rows * s->forward.ldy);
    a->dx = bench_zeros(b, rows * g.C * sizeof(float));
    for (int d = 0; d < g.D; d++) {
        a->grad[d].dw_ih = bench_zeros(b, gates * g.C);
        a->grad[d].dw_hh = bench_zeros(b, gates * g.H);
        a->grad[d].db_ih = bench_zeros(b, gates);
        a->grad[d].db_hh = bench_zeros(b, gates);
    }
}

double bench_gru_clocks(const bench *b, int walks, int H) {
    int blocks = H <= 128 ? 1 : H <= 256 ? 4 : 16;
    if (b->multiprocessors <= 0)
        return 0;
    int turns = (walks * blocks + b->multiprocessors - 1) / b->multiprocessors;
    return 3.0 * H * H / 128 / blocks * turns;
}

// Products: 2 * 3H (C + H) a row, step and direction, twice that on the way back. Bytes: x, y and
// the weights; r, z, n, q written and read; dy read, dx and the weights' gradients added to.
static void gru(bench *b, gru_sizes g) {
    static const char shape[] = "B%d T%d C%d H%d D%d";
    gru_state s = {0};
    double rows = (double)g.B * g.T, walks = rows * g.D;
    double flops = 6 * walks * g.H * (g.C + g.H), weight = 3.0 * g.D * g.H * (g.C + g.H + 2);
    double forward = 4 * (rows * g.C + walks * g.H + weight), saved = 16 * walks * g.H;
    double back = 4 * (3 * rows * g.C + 2 * walks * g.H + 3 * weight) + saved;
    bench_work work = {.run = run_forward,
                       .ctx = &s,
                       .flops = flops,
                       .bytes = forward,
                       .steps = g.T,
                       .step_clocks = bench_gru_clocks(b, g.B * g.D, g.H)};
    if (bench_wants(b, "gru_forward", shape, g.B, g.T, g.C, g.H, g.D)) {
        take_forward(b, &s, g, false);
        s.scratch = bench_scratch(b, b->dev->ops->gru_scratch(b->dev, &s.forward));
        bench_time(b, &work);
    }
    if (bench_wants(b, "gru_forward_saving", shape, g.B, g.T, g.C, g.H, g.D)) {
        take_forward(b, &s, g, true);
        s.scratch = bench_scratch(b, b->dev->ops->gru_scratch(b->dev, &s.forward));
        work.bytes = forward + saved;
        bench_time(b, &work);
    }
    if (bench_wants(b, "gru_training", shape, g.B, g.T, g.C, g.H, g.D)) {
        take_forward(b, &s, g, true);
        take_backward(b, &s, g);
        s.scratch =
            bench_scratch(b, larger(b->dev->ops->gru_scratch(b->dev, &s.forward),
                                    b->dev->ops->gru_backward_scratch(b->dev, &s.backward)));
        work.run = run_both;
        work.flops = 3 * flops;
        work.bytes = forward + saved + back;
        work.step_clocks *= 2;
        bench_time(b, &work);
    }
}

void bench_gru(bench *b) {
    static const gru_sizes sizes[] = {{1, 16000, 64, 128, 2},  {8, 16000, 64, 128, 2},
                                      {32, 16000, 64, 128, 2}, {66, 16000, 64, 128, 2},
                                      {32, 16000, 64, 64, 2},  {8, 16000, 64, 256, 2},
                                      {4, 16000, 64, 512, 2}};
    if (b->size == BENCH_TINY) {
        gru(b, (gru_sizes){2, 5, 3, 4, 2});
        return;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        gru(b, sizes[i]);
}
