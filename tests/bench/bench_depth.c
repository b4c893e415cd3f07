// SPDX-License-Identifier: MIT
// Speed and memory of the depth network (nn/depth_net.h): inference, or a training step (forward,
// loss, backward, AdamW), attention on levels 2 to 5.
//
//   bench_depth infer|train BASE BATCH [THREADS [RUNS [SIZE]]]
//
// One line: medians in milliseconds, the most memory that the process had, the network's
// activations and scratch, and the processor's limit now (fma_limit.h). Weights and inputs are
// noise. PyTorch side by side: tests/bench/bench_depth.py.
#include <stdio.h>
#include <string.h>

#include "kernels/device.h"
#include "nn/depth_net.h"
#include "tests/bench/fma_limit.h"

enum { RUNS_MAX = 99 };

typedef struct bench {
    v2s_device *dev;
    v2s_depth_net *net, *grads;
    v2s_depth_work *work;
    int B, size;
    size_t count;             // of parameters
    float *x, *g, *p, *dp;    // [B,2,size,size], [B,size,size]
    float *average, *squares; // of AdamW
    v2s_loss_depth_counts counts;
    v2s_arena memory, scratch;
    int64_t step;
} bench;

static v2s_loss_depth_args loss_of(bench *b, double *terms) {
    return (v2s_loss_depth_args){.N = b->B,
                                 .H = b->size,
                                 .W = b->size,
                                 .counts = b->counts,
                                 .weight_l1 = 1.0,
                                 .weight_edge = 0.2,
                                 .weight_smooth = 0.1,
                                 .p = b->p,
                                 .g = b->g,
                                 .dp = b->dp,
                                 .terms = terms};
}

static void take(bench *b, bool training, v2s_arena *arena) {
    size_t pixels = (size_t)b->B * b->size * b->size;
    b->x = v2s_arena_take(arena, 2 * pixels, sizeof(float));
    b->p = v2s_arena_take(arena, pixels, sizeof(float));
    if (!training)
        return;
    b->g = v2s_arena_take(arena, pixels, sizeof(float));
    b->dp = v2s_arena_take(arena, pixels, sizeof(float));
    b->average = v2s_arena_take(arena, b->count, sizeof(float));
    b->squares = v2s_arena_take(arena, b->count, sizeof(float));
}

static v2s_status prepare(bench *b, bool training) {
    v2s_arena counted = v2s_arena_count();
    take(b, training, &counted);
    V2S_TRY(v2s_arena_open(&b->memory, counted.used));
    take(b, training, &b->memory);
    unsigned seed = 1;
    size_t pixels = (size_t)b->B * b->size * b->size;
    for (size_t i = 0; i < 2 * pixels; i++)
        b->x[i] = (float)rand_r(&seed) / (float)RAND_MAX;
    if (!training)
        return V2S_OK;
    for (size_t i = 0; i < pixels; i++)
        b->g[i] = 10.0f * (float)rand_r(&seed) / (float)RAND_MAX;
    v2s_loss_depth_count(b->B, b->size, b->size, b->g, &b->counts);
    v2s_loss_depth_args loss = loss_of(b, NULL);
    return v2s_arena_open(&b->scratch, b->dev->ops->loss_depth_scratch(b->dev, &loss));
}

static void train_step(bench *b) {
    size_t count;
    double terms[3];
    float *grads = v2s_depth_net_flat(b->grads, &count);
    memset(grads, 0, count * sizeof *grads);
    v2s_depth_net_forward_training(b->net, b->dev, b->B, b->x, b->p, b->work);
    v2s_loss_depth_args loss = loss_of(b, terms);
    b->dev->ops->loss_depth(b->dev, &loss, &b->scratch);
    v2s_depth_net_backward(b->net, b->grads, b->dev, b->B, b->x, b->dp, b->work);
    v2s_optim_args optim = {.kind = V2S_OPTIM_ADAMW,
                            .count = count,
                            .p = v2s_depth_net_flat(b->net, &count),
                            .grad = grads,
                            .m = b->average,
                            .v = b->squares,
                            .step = ++b->step,
                            .scale = 1.0,
                            .rate = 1e-3,
                            .decay = 1e-2,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .eps = 1e-8};
    b->dev->ops->optim_step(b->dev, &optim);
}

static v2s_status run(bench *b, bool training, int base, int threads, int runs) {
    double seconds[RUNS_MAX];
    v2s_depth_config config = v2s_depth_default();
    config.base_channels = base;
    config.size = b->size;
    V2S_TRY(v2s_device_open("cpu", threads, &b->dev));
    V2S_TRY(v2s_depth_net_open(&config, b->dev, &b->net));
    v2s_depth_net_init_weights(b->net, 1);
    (void)v2s_depth_net_flat(b->net, &b->count);
    if (training)
        V2S_TRY(v2s_depth_net_open(&config, b->dev, &b->grads));
    V2S_TRY(v2s_depth_work_open(b->net, b->dev, b->B, training, &b->work));
    V2S_TRY(prepare(b, training));
    for (int i = -1; i < runs; i++) { // the first touches the memory
        double start = now_s();
        if (training)
            train_step(b);
        else
            v2s_depth_net_forward(b->net, b->dev, b->B, b->x, b->p, b->work);
        if (i >= 0)
            seconds[i] = now_s() - start;
    }
    printf("%s base %d batch %d size %d %s: %.1f ms peak %.0f MiB work %.0f MiB limit %.0f "
           "GFLOP/s\n",
           training ? "train" : "infer", base, b->B, b->size, b->dev->ops->name,
           1e3 * median(seconds, runs), peak_mib(),
           (double)v2s_depth_work_bytes(b->work) / 1048576.0, fma_limit(b->dev->threads));
    return V2S_OK;
}

static int number(int argc, char **argv, int at, int otherwise) {
    return argc > at ? atoi(argv[at]) : otherwise;
}

int main(int argc, char **argv) {
    bool training = argc > 1 && strcmp(argv[1], "train") == 0;
    bench b = {.B = number(argc, argv, 3, 0), .size = number(argc, argv, 6, 256)};
    int runs = number(argc, argv, 5, 3);
    if (argc < 4 || argc > 7 || (!training && strcmp(argv[1], "infer") != 0) || b.B < 1 ||
        runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr,
                "usage: bench_depth infer|train BASE BATCH [THREADS [RUNS (1..%d) [SIZE]]]\n",
                RUNS_MAX);
        return 2;
    }
    v2s_status status = run(&b, training, atoi(argv[2]), number(argc, argv, 4, 2), runs);
    if (status != V2S_OK)
        fprintf(stderr, "bench_depth: %s\n", v2s_error_text());
    v2s_arena_close(&b.scratch);
    v2s_arena_close(&b.memory);
    v2s_depth_work_close(&b.work);
    v2s_depth_net_close(&b.grads);
    v2s_depth_net_close(&b.net);
    v2s_device_close(&b.dev);
    return status == V2S_OK ? 0 : 1;
}
