// SPDX-License-Identifier: MIT
// Speed of training: forward, backward and AdamW, in microseconds per sample-step (one sample of
// one row of the batch).
//
//   bench_training [THREADS [RUNS [ISA]]]      ISA: 0 plain, 1 avx2, 2 avx512
//
// "processors" is the time that all processors spent on it: where other programs share the machine,
// it stays what it is, divided by the threads it is what a quiet machine would take.
//
// PyTorch side by side: tests/bench/bench_training.py.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/device.h"
#include "nn/refiner.h"

enum { RUNS_MAX = 99 };

typedef struct shape {
    const char *name;
    v2s_refiner_config config;
    int B, T;
} shape;

static const shape shapes[] = {
    {"seed", {4, 15, 64, 128, 4}, 1, 4000},   {"seed", {4, 15, 64, 128, 4}, 4, 4000},
    {"seed", {4, 15, 64, 128, 4}, 16, 2000},  {"seed", {4, 15, 64, 128, 4}, 32, 1000},
    {"bands", {60, 5, 64, 96, 180}, 16, 200},
};

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct state {
    v2s_refiner *m[4]; // weights, gradients, two averages
    v2s_refiner_work work;
    float *x, *dy, *y;
    int steps;
} state;

static v2s_status open_state(state *s, const shape *c, const v2s_device *dev) {
    for (int i = 0; i < 4; i++)
        V2S_TRY(v2s_refiner_open(&c->config, &s->m[i]));
    v2s_refiner_init_weights(s->m[0], 1);
    size_t rows = (size_t)c->B * c->T;
    s->x = calloc(rows * c->config.inputs, sizeof(float));
    s->y = calloc(rows * c->config.outputs, sizeof(float));
    s->dy = calloc(rows * c->config.outputs, sizeof(float));
    if (s->x == NULL || s->y == NULL || s->dy == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    unsigned seed = 1;
    for (size_t i = 0; i < rows * c->config.inputs; i++)
        s->x[i] = 2.0f * (float)rand_r(&seed) / (float)RAND_MAX - 1.0f;
    return v2s_refiner_work_open_training(&s->work, s->m[0], dev, c->B, c->T);
}

static void close_state(state *s) {
    for (int i = 0; i < 4; i++)
        v2s_refiner_close(&s->m[i]);
    v2s_refiner_work_close(&s->work);
    free(s->x);
    free(s->y);
    free(s->dy);
}

// One step towards zero; seconds of forward, backward and optimizer.
static void train_once(state *s, const shape *c, const v2s_device *dev, double seconds[3]) {
    size_t count, numbers = (size_t)c->B * c->T * c->config.outputs;
    double start = seconds_of(CLOCK_MONOTONIC);
    v2s_refiner_forward(s->m[0], dev, c->B, c->T, s->x, s->y, &s->work);
    for (size_t i = 0; i < numbers; i++)
        s->dy[i] = 2.0f * s->y[i] / (float)numbers;
    double forward = seconds_of(CLOCK_MONOTONIC);
    float *grad = v2s_refiner_flat(s->m[1], &count);
    memset(grad, 0, count * sizeof *grad);
    v2s_refiner_backward(s->m[0], s->m[1], dev, c->B, c->T, s->x, s->dy, NULL, &s->work);
    double backward = seconds_of(CLOCK_MONOTONIC);
    v2s_optim_args a = {.kind = V2S_OPTIM_ADAMW,
                        .count = count,
                        .p = v2s_refiner_flat(s->m[0], &count),
                        .grad = grad,
                        .m = v2s_refiner_flat(s->m[2], &count),
                        .v = v2s_refiner_flat(s->m[3], &count),
                        .step = ++s->steps,
                        .scale = 1.0,
                        .rate = 1e-3,
                        .decay = 1e-2,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .eps = 1e-8};
    dev->ops->optim_step(dev, &a);
    double end = seconds_of(CLOCK_MONOTONIC);
    seconds[0] = forward - start;
    seconds[1] = backward - forward;
    seconds[2] = end - backward;
}

static v2s_status time_shape(const shape *c, const v2s_device *dev, int runs) {
    state s = {0};
    double all[RUNS_MAX], part[3][RUNS_MAX], cpu[RUNS_MAX];
    v2s_status status = open_state(&s, c, dev);
    for (int i = -1; status == V2S_OK && i < runs; i++) { // the first run touches the memory
        double seconds[3];
        double start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        train_once(&s, c, dev, seconds);
        for (int p = 0; i >= 0 && p < 3; p++)
            part[p][i] = seconds[p];
        if (i >= 0)
            cpu[i] = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start;
        if (i >= 0)
            all[i] = seconds[0] + seconds[1] + seconds[2];
    }
    close_state(&s);
    V2S_TRY(status);
    double us = 1e6 / ((double)c->B * c->T);
    qsort(all, (size_t)runs, sizeof *all, by_value);
    qsort(cpu, (size_t)runs, sizeof *cpu, by_value);
    for (int p = 0; p < 3; p++)
        qsort(part[p], (size_t)runs, sizeof *all, by_value);
    printf("%-5s %2d x %4d  %7.2f us/sample-step (best %.2f): forward %.2f, backward %.2f, AdamW "
           "%.2f; processors %.2f\n",
           c->name, c->B, c->T, all[runs / 2] * us, all[0] * us, part[0][runs / 2] * us,
           part[1][runs / 2] * us, part[2][runs / 2] * us, cpu[runs / 2] * us);
    fflush(stdout);
    return V2S_OK;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 2, runs = argc > 2 ? atoi(argv[2]) : 7;
    int isa = argc > 3                         ? atoi(argv[3])
              : v2s_cpu_isa() < V2S_ISA_AVX512 ? (int)v2s_cpu_isa()
                                               : V2S_ISA_AVX512;
    if (runs < 1 || runs > RUNS_MAX || isa < 0 || isa > V2S_ISA_AVX512) {
        fprintf(stderr, "usage: bench_training [THREADS [RUNS [ISA]]]\n");
        return 2;
    }
    v2s_device *dev = NULL;
    v2s_status status = v2s_device_open_isa((v2s_isa)isa, threads, &dev);
    if (status == V2S_OK)
        printf("%s, median of %d steps\n", dev->name, runs);
    for (size_t i = 0; status == V2S_OK && i < sizeof shapes / sizeof shapes[0]; i++)
        status = time_shape(&shapes[i], dev, runs);
    if (status != V2S_OK)
        fprintf(stderr, "bench_training: %s\n", v2s_error_text());
    v2s_device_close(&dev);
    return status == V2S_OK ? 0 : 1;
}
