// SPDX-License-Identifier: MIT
// The optimizer, and whole steps of training: forward, loss, backward, AdamW with clipping, one
// recording that is repeated, nothing copied to the host.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/refiner.h"
#include "tests/bench/cuda/bench.h"

// ---- optimizer --------------------------------------------------------------------------------

typedef struct update_state {
    v2s_optim_update_args args;
    v2s_arena *scratch;
} update_state;

static void run_update(const v2s_device *dev, void *ctx) {
    update_state *s = ctx;
    dev->ops->optim_update(dev, &s->args, s->scratch);
}

// The numbers that are the same in every update here; arrays and sums are the caller's.
static v2s_optim_update_args adamw(bench *b, size_t count, double rows) {
    static const v2s_optim_now now = {.rate = 1e-4, .step = 10};
    void *at = bench_zeros(b, sizeof now);
    if (at != NULL)
        b->dev->ops->memory->upload(b->dev, at, &now, sizeof now);
    return (v2s_optim_update_args){.kind = V2S_OPTIM_ADAMW,
                                   .count = count,
                                   .decay = 1e-2,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .eps = 1e-8,
                                   .clip_norm = 1,
                                   .rows = rows,
                                   .losses = bench_zeros(b, sizeof(double)),
                                   .now = at,
                                   .result = bench_zeros(b, sizeof(v2s_optim_result)),
                                   .halt = bench_zeros(b, sizeof(int64_t))};
}

// The norm reads the gradient, the update reads it again, and reads and writes p, m and v.
static void optimizer(bench *b, size_t count) {
    if (!bench_wants(b, "adamw", "N%zu", count))
        return;
    update_state s = {.args = adamw(b, count, 1)};
    s.args.p = bench_noise(b, count);
    s.args.grad = bench_noise(b, count);
    s.args.m = bench_zeros(b, count * sizeof(float));
    s.args.v = bench_zeros(b, count * sizeof(float));
    s.scratch = bench_scratch(b, b->dev->ops->optim_update_scratch(b->dev, &s.args));
    double n = (double)count;
    bench_time(b, &(bench_work){.run = run_update, .ctx = &s, .flops = 15 * n, .bytes = 4 * 8 * n});
}

// ---- a network on the device ------------------------------------------------------------------

static const v2s_refiner_config seed = {4, 15, 64, 128, 4};
// Preset v2s of pairing omni: two numbers a band and two more in, six gains a band out.
static const v2s_refiner_config bands = {66, 15, 48, 64, 192};
static const v2s_refiner_config tiny_seed = {4, 3, 4, 4, 4}, tiny_bands = {66, 3, 4, 4, 192};

typedef struct network {
    v2s_refiner_config config;
    int B, T;
    v2s_refiner *m[4]; // weights, gradients, two averages
    v2s_refiner_work work;
    float *x, *residual;
} network;

static v2s_status open_network(const v2s_device *dev, network *n, bool training) {
    v2s_refiner *host = NULL;
    V2S_TRY(v2s_refiner_open(&n->config, &host));
    v2s_refiner_init_weights(host, 1);
    v2s_status status = V2S_OK;
    for (int i = 0; status == V2S_OK && i < (training ? 4 : 1); i++)
        status = v2s_refiner_open_on(&n->config, dev, &n->m[i]);
    if (status == V2S_OK) {
        v2s_refiner_upload(n->m[0], host);
        status = dev->ops->memory->synchronize(dev);
    }
    v2s_refiner_close(&host);
    V2S_TRY(status);
    return training ? v2s_refiner_work_open_training(&n->work, n->m[0], dev, n->B, n->T)
                    : v2s_refiner_work_open(&n->work, n->m[0], dev, n->B, n->T);
}

static void take_network(bench *b, network *n, bool training) {
    size_t rows = (size_t)n->B * n->T;
    bench_ok(b, open_network(b->dev, n, training));
    n->x = bench_noise(b, rows * n->config.inputs);
    n->residual = bench_zeros(b, rows * n->config.outputs * sizeof(float));
}

static void close_network(network *n) {
    v2s_refiner_work_close(&n->work);
    for (int i = 0; i < 4; i++)
        v2s_refiner_close(&n->m[i]);
}

// Products of a forward pass, twice that on the way back.
static double network_flops(const network *n) {
    const v2s_refiner_config *c = &n->config;
    double conv = (double)c->inputs * c->kernel * c->channels;
    double gru = 6.0 * c->hidden * (c->channels + c->hidden);
    return 2.0 * n->B * n->T * (conv + gru + 2.0 * c->hidden * c->outputs);
}

// Every activation written once and read once.
static double network_bytes(const network *n) {
    const v2s_refiner_config *c = &n->config;
    return 4.0 * n->B * n->T * (c->inputs + 2.0 * c->channels + 4.0 * c->hidden + c->outputs);
}

// ---- inference --------------------------------------------------------------------------------

static void run_network(const v2s_device *dev, void *ctx) {
    network *n = ctx;
    v2s_refiner_forward(n->m[0], dev, n->B, n->T, n->x, n->residual, &n->work);
}

static void inference(bench *b, const char *name, v2s_refiner_config config, int B, int T) {
    network n = {.config = config, .B = B, .T = T};
    if (!bench_wants(b, name, "B%d T%d I%d K%d C%d H%d O%d", B, T, config.inputs, config.kernel,
                     config.channels, config.hidden, config.outputs))
        return;
    take_network(b, &n, false);
    bench_time(b, &(bench_work){.run = run_network,
                                .ctx = &n,
                                .flops = network_flops(&n),
                                .bytes = network_bytes(&n),
                                .steps = T,
                                .step_clocks = bench_gru_clocks(b, 2 * B, config.hidden)});
    close_network(&n);
}

void bench_inference(bench *b) {
    if (b->size == BENCH_TINY) {
        inference(b, "refiner_inference", tiny_seed, 2, 9);
        return;
    }
    inference(b, "refiner_inference", seed, 1, 16000);
    inference(b, "refiner_inference", seed, 32, 16000);
    inference(b, "v2s_inference", bands, 1, 375);
}

// ---- a step of training -----------------------------------------------------------------------

typedef struct step {
    network net;
    float *truth, *refined, *dresidual;
    float *grad; // all gradients
    size_t count;
    double *values; // [B] losses of the rows
    v2s_loss *loss; // of waveforms; NULL: of bands
    v2s_loss_band_args band;
    v2s_arena *scratch;
    v2s_optim_update_args update;
} step;

// refined = x + residual, and its squared distance from the truth.
static void waveform_loss(const v2s_device *dev, step *s) {
    const network *n = &s->net;
    size_t numbers = (size_t)n->B * n->T * n->config.outputs;
    v2s_elementwise_args sum = {V2S_ELEMENTWISE_ADD, numbers, 0,    n->x, n->residual,
                                s->refined,          NULL,    NULL, NULL};
    v2s_loss_args loss = {n->B, n->T, s->refined, s->truth, 1, 1.0 / n->B, s->dresidual, s->values};
    dev->ops->elementwise_forward(dev, &sum, NULL);
    dev->ops->memory->zero(dev, s->dresidual, numbers * sizeof(float));
    dev->ops->memory->zero(dev, s->values, (size_t)n->B * sizeof(double));
    dev->ops->loss_run(dev, s->loss, &loss);
}

static void run_step(const v2s_device *dev, void *ctx) {
    step *s = ctx;
    network *n = &s->net;
    v2s_refiner_forward(n->m[0], dev, n->B, n->T, n->x, n->residual, &n->work);
    if (s->loss != NULL)
        waveform_loss(dev, s);
    else
        dev->ops->loss_band(dev, &s->band, s->scratch);
    dev->ops->memory->zero(dev, s->grad, s->count * sizeof(float));
    v2s_refiner_backward(n->m[0], n->m[1], dev, n->B, n->T, n->x, s->dresidual, NULL, &n->work);
    dev->ops->total(dev, (size_t)n->B, s->values, (double *)s->update.losses);
    dev->ops->optim_update(dev, &s->update, s->scratch);
}

static void take_step(bench *b, step *s) {
    network *n = &s->net;
    take_network(b, n, true);
    size_t numbers = (size_t)n->B * n->T * n->config.outputs;
    s->dresidual = bench_zeros(b, numbers * sizeof(float));
    s->values = bench_zeros(b, (size_t)n->B * sizeof(double));
    if (b->status != V2S_OK)
        return;
    s->grad = v2s_refiner_flat(n->m[1], &s->count);
    s->update = adamw(b, s->count, n->B);
    s->update.p = v2s_refiner_flat(n->m[0], &s->count);
    s->update.grad = s->grad;
    s->update.m = v2s_refiner_flat(n->m[2], &s->count);
    s->update.v = v2s_refiner_flat(n->m[3], &s->count);
}

static void time_step(bench *b, step *s, size_t scratch) {
    network *n = &s->net;
    size_t update = b->status == V2S_OK ? b->dev->ops->optim_update_scratch(b->dev, &s->update) : 0;
    s->scratch = bench_scratch(b, scratch > update ? scratch : update);
    bench_time(b, &(bench_work){.run = run_step,
                                .ctx = s,
                                .flops = 3 * network_flops(n),
                                .bytes = 3 * network_bytes(n),
                                .steps = n->T,
                                .step_clocks = 2 * bench_gru_clocks(b, 2 * n->B, n->config.hidden),
                                .recorded = true});
    b->dev->ops->loss_close(b->dev, &s->loss);
    close_network(n);
}

static bool wants_step(bench *b, const char *name, const step *s) {
    const v2s_refiner_config *c = &s->net.config;
    return bench_wants(b, name, "B%d T%d I%d K%d C%d H%d O%d", s->net.B, s->net.T, c->inputs,
                       c->kernel, c->channels, c->hidden, c->outputs);
}

static void seed_step(bench *b, v2s_refiner_config config, int B, int T) {
    step s = {.net = {.config = config, .B = B, .T = T}};
    v2s_loss_config loss = {.type = V2S_LOSS_TYPE_MSE, .B = B, .T = T, .C = config.outputs};
    if (!wants_step(b, "refiner_step", &s))
        return;
    take_step(b, &s);
    size_t numbers = (size_t)B * T * config.outputs;
    s.truth = bench_noise(b, numbers);
    s.refined = bench_zeros(b, numbers * sizeof(float));
    if (b->status == V2S_OK)
        bench_ok(b, b->dev->ops->loss_open(b->dev, &loss, &s.loss));
    time_step(b, &s, 0);
}

// Rows of band sums as a recording gives them: energies, and flows of energy below them.
static void fill_rows(unsigned char *rows, size_t row_bytes, v2s_band_layout layout, int B, int T) {
    size_t sums = (size_t)T * V2S_BASIS_BANDS * (size_t)v2s_band_layout_sums(layout);
    unsigned seed_of_noise = 3;
    for (int i = 0; i < B; i++) {
        void *row = rows + (size_t)i * row_bytes;
        ((v2s_band_row_head *)row)->used = V2S_BASIS_BANDS;
        for (int t = 0; t < T; t++)
            v2s_band_row_directions(row)[t] = (v2s_vec3){cos(0.01 * t), sin(0.01 * t), 0};
        for (size_t k = 0; k < sums; k++)
            v2s_band_row_sums(row, T)[k] = 0.5f + (float)rand_r(&seed_of_noise) / (float)RAND_MAX;
    }
}

static void take_band_loss(bench *b, step *s) {
    const network *n = &s->net;
    v2s_loss_band_args *a = &s->band;
    *a = (v2s_loss_band_args){.layout = {false, 3}, .B = n->B, .T = n->T, .scale = 1.0 / n->B};
    for (int i = 0; i < V2S_BAND_TERMS; i++)
        a->config.weight[i] = 1;
    a->config.emphasis = 0.8;
    a->row_bytes = v2s_band_row_bytes(a->layout, n->T);
    size_t bytes = (size_t)n->B * a->row_bytes;
    unsigned char *rows = calloc(1, bytes);
    void *at = bench_zeros(b, bytes);
    if (rows != NULL && at != NULL) {
        fill_rows(rows, a->row_bytes, a->layout, n->B, n->T);
        b->dev->ops->memory->upload(b->dev, at, rows, bytes);
        bench_ok(b, b->dev->ops->memory->synchronize(b->dev));
    } else if (b->status == V2S_OK) {
        bench_ok(b, V2S_FAIL(V2S_NOMEM, "out of memory"));
    }
    free(rows);
    a->rows = at;
    a->residual = n->residual;
    a->dresidual = s->dresidual;
    a->values = s->values;
}

static void bands_step(bench *b, v2s_refiner_config config, int B, int T) {
    step s = {.net = {.config = config, .B = B, .T = T}};
    if (!wants_step(b, "v2s_step", &s))
        return;
    take_step(b, &s);
    take_band_loss(b, &s);
    time_step(b, &s, b->dev->ops->loss_band_scratch(b->dev, &s.band));
}

void bench_training(bench *b) {
    if (b->size == BENCH_TINY) {
        optimizer(b, 257);
        seed_step(b, tiny_seed, 2, 9);
        bands_step(b, tiny_bands, 2, 9);
        return;
    }
    if (b->dev->precision == V2S_PRECISION_F32)
        optimizer(b, (size_t)1 << 26);
    seed_step(b, seed, 8, 16000);
    seed_step(b, seed, 32, 16000);
    bands_step(b, bands, 16, 375);
    bands_step(b, bands, 32, 375);
}
