// SPDX-License-Identifier: MIT
// Speed of the losses, value and gradient, and of the short-time transform: one row of one second
// at 16 kHz, one thread, microseconds per sample of a row (all channels).
//
//   bench_losses
//
// PyTorch side by side: tests/bench/bench_losses.py.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/stft.h"
#include "train/loss_list.h"

enum { T = 16000, CHANNELS = 4, COUNT = T * CHANNELS, RUNS = 15, N = 512, HOP = 128 };

typedef struct bench {
    float *residual, *geometric, *truth, *gradient; // [COUNT]
    float *spectrum;                                // [frames][N/2 + 1][2]
    v2s_device *dev;
    v2s_loss_list *list;
    v2s_stft *stft;
    volatile double sink;
} bench;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, void (*work)(bench *), bench *b) {
    double seconds[RUNS];
    work(b); // touches the memory
    for (int i = 0; i < RUNS; i++) {
        double start = now_s();
        work(b);
        seconds[i] = now_s() - start;
    }
    qsort(seconds, RUNS, sizeof *seconds, by_value);
    printf("%-14s %8.4f us/sample (best %.4f)\n", what, seconds[RUNS / 2] / T * 1e6,
           seconds[0] / T * 1e6);
}

static void run_loss(bench *b) {
    b->sink = v2s_loss_list_row(b->list, 0, T, b->residual, b->geometric, b->truth, 1.0f,
                                b->gradient, NULL);
}

static void run_stft(bench *b) {
    v2s_stft_forward(b->stft, T, b->truth, b->spectrum);
}

static void run_stft_backward(bench *b) {
    v2s_stft_backward(b->stft, T, b->spectrum, b->gradient);
}

static void run_istft(bench *b) {
    v2s_istft_forward(b->stft, v2s_stft_frames(b->stft, T), b->spectrum, T, b->gradient);
}

static void run_istft_backward(bench *b) {
    v2s_istft_backward(b->stft, v2s_stft_frames(b->stft, T), T, b->truth, b->spectrum);
}

static float *noise(unsigned *seed, size_t count, float scale) {
    float *out = malloc(count * sizeof *out);
    for (size_t i = 0; out != NULL && i < count; i++)
        out[i] = scale * (2.0f * (float)rand_r(seed) / (float)RAND_MAX - 1.0f);
    return out;
}

static v2s_status run(bench *b) {
    unsigned seed = 1;
    v2s_stft_config config = {N, HOP, N, V2S_STFT_ZERO_PAD};
    V2S_TRY(v2s_device_open("cpu", 1, &b->dev));
    V2S_TRY(v2s_stft_open(&config, &b->stft));
    size_t values = 2 * (size_t)v2s_stft_frames(b->stft, T) * (size_t)v2s_stft_bins(b->stft);
    b->residual = noise(&seed, COUNT, 0.1f);
    b->geometric = noise(&seed, COUNT, 0.5f);
    b->truth = noise(&seed, COUNT, 0.5f);
    b->gradient = noise(&seed, COUNT, 0.0f);
    b->spectrum = noise(&seed, values, 0.0f);
    if (b->residual == NULL || b->geometric == NULL || b->truth == NULL || b->gradient == NULL ||
        b->spectrum == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    double load;
    if (getloadavg(&load, 1) == 1 && load > 1.0)
        printf("load average %.1f: others are at work, times are too long\n", load);
    for (int k = 0; k < V2S_LOSS_KINDS; k++) {
        v2s_loss_setup setup = {.dev = b->dev, .rate_hz = 16000, .T = T, .rows = 1};
        setup.weights.of[k] = 1.0;
        V2S_TRY(v2s_loss_list_open(&setup, &b->list));
        report(v2s_loss_name((v2s_loss_kind)k), run_loss, b);
        v2s_loss_list_close(&b->list);
    }
    report("stft", run_stft, b);
    report("stft backward", run_stft_backward, b);
    report("istft", run_istft, b);
    report("istft backward", run_istft_backward, b);
    return V2S_OK;
}

int main(void) {
    bench b = {0};
    v2s_status status = run(&b);
    if (status != V2S_OK)
        fprintf(stderr, "bench_losses: %s\n", v2s_error_text());
    v2s_stft_close(&b.stft);
    v2s_device_close(&b.dev);
    free(b.residual);
    free(b.geometric);
    free(b.truth);
    free(b.gradient);
    free(b.spectrum);
    return status == V2S_OK ? 0 : 1;
}
