// SPDX-License-Identifier: MIT
// The losses of waveforms with their gradients, and short-time transforms.
#include <math.h>
#include <stdlib.h>

#include "tests/bench/cuda/bench.h"

enum { CHANNELS = 4 };

// ---- losses -----------------------------------------------------------------------------------

typedef struct loss_state {
    v2s_loss *loss;
    v2s_loss_args args;
} loss_state;

static void run_loss(const v2s_device *dev, void *ctx) {
    loss_state *s = ctx;
    dev->ops->loss_run(dev, s->loss, &s->args);
}

// Products of a real transform of n points.
static double transform_flops(int n) {
    return 2.5 * n * log2(n);
}

// Two transforms forward and one back per frame, channel and resolution; 0 without.
static double loss_flops(const v2s_loss_config *c) {
    double flops = 0;
    for (int i = 0; c->type == V2S_LOSS_TYPE_MRSTFT && i < c->resolutions; i++)
        flops += 3.0 * c->B * c->C * (1 + 4 * c->T / c->n[i]) * transform_flops(c->n[i]);
    return flops;
}

// Bytes: x and truth read, dx added to.
static void loss(bench *b, const char *name, const v2s_loss_config *c) {
    loss_state s = {.args = {.B = c->B, .T = c->T, .weight = 1, .scale = 1}};
    if (!bench_wants(b, name, "B%d T%d", c->B, c->T))
        return;
    size_t numbers = (size_t)c->B * c->T * CHANNELS;
    s.args.x = bench_noise(b, numbers);
    const float *other = bench_noise(b, numbers + 1);
    s.args.truth = other != NULL ? other + 1 : NULL; // not the same as x
    s.args.dx = bench_zeros(b, numbers * sizeof(float));
    s.args.value = bench_zeros(b, (size_t)c->B * sizeof(double));
    if (b->status == V2S_OK)
        bench_ok(b, b->dev->ops->loss_open(b->dev, c, &s.loss));
    bench_time(b, &(bench_work){.run = run_loss,
                                .ctx = &s,
                                .flops = loss_flops(c),
                                .bytes = 16.0 * (double)numbers});
    b->dev->ops->loss_close(b->dev, &s.loss);
}

static void losses(bench *b, int B, int T) {
    enum { TAPS = 256 };
    static float filters[2 * CHANNELS * TAPS];
    unsigned seed = 2;
    for (int i = 0; i < 2 * CHANNELS * TAPS; i++)
        filters[i] = 0.1f * ((float)rand_r(&seed) / (float)RAND_MAX - 0.5f);
    v2s_loss_config c = {.B = B, .T = T, .C = CHANNELS, .rate_hz = 16000, .resolutions = 3};
    c.n[0] = 256;
    c.n[1] = 512;
    c.n[2] = 1024;
    c.taps = TAPS;
    c.filters = filters;
    static const char *const names[] = {"loss_mse", "loss_edc", "loss_mrstft", "loss_intensity",
                                        "loss_binaural"};
    for (int type = V2S_LOSS_TYPE_MSE; type <= V2S_LOSS_TYPE_BINAURAL; type++) {
        c.type = (v2s_loss_type)type;
        loss(b, names[type], &c);
    }
}

// ---- short-time transforms --------------------------------------------------------------------

typedef struct stft_state {
    v2s_stft_batch *handle;
    v2s_stft_batch_args args;
} stft_state;

static void run_stft(const v2s_device *dev, void *ctx) {
    stft_state *s = ctx;
    dev->ops->stft_forward(dev, s->handle, &s->args);
}

static void run_istft(const v2s_device *dev, void *ctx) {
    stft_state *s = ctx;
    dev->ops->istft_forward(dev, s->handle, &s->args);
}

// Bytes: the sound on one side, the spectra on the other.
static void stft(bench *b, const char *name, int B, int T, int n, bool inverse) {
    v2s_stft_batch_config c = {
        .stft = {n, n / 4, n, V2S_STFT_ZERO_PAD}, .B = B, .T = T, .C = CHANNELS};
    stft_state s = {.args = {.B = B, .T = T}};
    if (!bench_wants(b, name, "B%d T%d N%d", B, T, n))
        return;
    s.args.F = v2s_stft_config_frames(&c.stft, T);
    size_t sound = (size_t)B * T * CHANNELS;
    size_t spectra = (size_t)B * CHANNELS * s.args.F * (n / 2 + 1) * 2;
    s.args.from = bench_noise(b, inverse ? spectra : sound);
    s.args.to = bench_zeros(b, (inverse ? sound : spectra) * sizeof(float));
    if (b->status == V2S_OK)
        bench_ok(b, b->dev->ops->stft_open(b->dev, &c, &s.handle));
    bench_time(b, &(bench_work){.run = inverse ? run_istft : run_stft,
                                .ctx = &s,
                                .flops = (double)B * CHANNELS * s.args.F * transform_flops(n),
                                .bytes = 4.0 * (double)(sound + spectra)});
    b->dev->ops->stft_close(b->dev, &s.handle);
}

void bench_signals(bench *b) {
    bool tiny = b->size == BENCH_TINY;
    int B = tiny ? 1 : 32, T = tiny ? 1100 : 16000;
    losses(b, B, T);
    stft(b, "stft_forward", B, tiny ? T : 160000, 512, false);
    stft(b, "istft_forward", B, tiny ? T : 160000, 512, true);
}
