// SPDX-License-Identifier: MIT
// Speed of the seed refiner: one second at 16 kHz, batch 1, per kernel form and number of threads.
//
//   bench_refiner                             random weights
//   bench_refiner WEIGHTS FOA_F32 OUT_F32     a safetensors file, frames [T,4] in, residual out
//
// PyTorch side by side: tests/bench/bench_refiner.py. The limit is the time of the network's
// multiplications and additions at the speed of a loop of nothing but FMAs in registers, measured
// here and now, on as many threads.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "infer/refiner_file.h"
#include "kernels/base/parallel.h"
#include "nn/refiner_stream.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { RUNS = 15, HASH_FRAMES = 16000 };

typedef struct bench {
    v2s_refiner *m;
    int frames;
    float *foa, *reference, *r;
    double flop;                      // of one step
    double gflops[3], l2_gb_per_s[3]; // by number of threads
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

static double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

typedef struct probe {
    float *weights[2]; // [WEIGHTS] per thread
    double gflops, gb_per_s;
    volatile float sink[2];
} probe;

// The recurrent weights of one direction of the seed: more than L1, less than L2.
enum { WEIGHTS = 3 * 128 * 128, FMA_ROUNDS = 40000, L2_ROUNDS = 400, PROBES = 50 };

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void fma_loop(void *ctx, int i, int n) {
    (void)n;
    probe *p = ctx;
    __m512 sum[24], x = _mm512_set1_ps(0.99f), y = _mm512_set1_ps(0.01f);
#pragma GCC unroll 24
    for (int v = 0; v < 24; v++)
        sum[v] = _mm512_set1_ps((float)v);
    for (int round = 0; round < FMA_ROUNDS; round++)
#pragma GCC unroll 24
        for (int v = 0; v < 24; v++)
            sum[v] = _mm512_fmadd_ps(sum[v], x, y);
    for (int v = 1; v < 24; v++)
        sum[0] = _mm512_add_ps(sum[0], sum[v]);
    p->sink[i] = _mm512_reduce_add_ps(sum[0]);
}

__attribute__((target("avx512f"))) static void l2_loop(void *ctx, int i, int n) {
    (void)n;
    probe *p = ctx;
    __m512 sum[8];
#pragma GCC unroll 8
    for (int v = 0; v < 8; v++)
        sum[v] = _mm512_setzero_ps();
    for (int round = 0; round < L2_ROUNDS; round++)
        for (int at = 0; at < WEIGHTS; at += 128)
#pragma GCC unroll 8
            for (int v = 0; v < 8; v++)
                sum[v] = _mm512_add_ps(sum[v], _mm512_load_ps(p->weights[i] + at + 16 * v));
    for (int v = 1; v < 8; v++)
        sum[0] = _mm512_add_ps(sum[0], sum[v]);
    p->sink[i] = _mm512_reduce_add_ps(sum[0]);
}

static void measure_limits(bench *b) {
    probe p = {0};
    for (int i = 0; i < 2; i++)
        if ((p.weights[i] = aligned_alloc(64, WEIGHTS * sizeof(float))) != NULL)
            memset(p.weights[i], 0, WEIGHTS * sizeof(float));
    for (int threads = 1; threads <= 2; threads++)
        for (int round = 0; round < PROBES && p.weights[0] != NULL && p.weights[1] != NULL;
             round++) {
            double start = now_s();
            v2s_parallel(threads, threads, fma_loop, &p);
            double gflops = 24.0 * 32 * FMA_ROUNDS * threads / (now_s() - start) * 1e-9;
            b->gflops[threads] = fmax(b->gflops[threads], gflops);
            start = now_s();
            v2s_parallel(threads, threads, l2_loop, &p);
            double gb = 4.0 * WEIGHTS * L2_ROUNDS * threads / (now_s() - start) * 1e-9;
            b->l2_gb_per_s[threads] = fmax(b->l2_gb_per_s[threads], gb);
        }
    free(p.weights[0]);
    free(p.weights[1]);
}
#endif

static double largest_error(const bench *b) {
    double most = 0.0;
    for (size_t i = 0; i < (size_t)b->frames * 4; i++)
        most = fmax(most, fabs((double)b->r[i] - b->reference[i]));
    return most;
}

static void print_row(const bench *b, const char *what, const v2s_device *dev, double *seconds,
                      int runs) {
    double us = median(seconds, runs) / b->frames * 1e6;
    printf("%-8s %-12s %d thread%s  %7.3f us/step (best %.3f)", what, dev->ops->name, dev->threads,
           dev->threads == 1 ? " " : "s", us, seconds[0] / b->frames * 1e6);
    int threads = dev->threads < 2 ? 1 : 2;
    if (b->gflops[threads] > 0.0)
        printf("  %3.0f %% of limit", 100.0 * b->flop / b->gflops[threads] * 1e-3 / us);
    printf("  max error %.1e\n", largest_error(b));
    fflush(stdout);
}

// The plain definition is the reference of the errors.
static v2s_status time_whole(bench *b, const v2s_device *dev, int runs) {
    v2s_refiner_work work;
    double seconds[RUNS];
    V2S_TRY(v2s_refiner_work_open(&work, b->m, dev, 1, b->frames));
    for (int i = -1; i < runs; i++) { // the first run touches the memory
        double start = now_s();
        v2s_refiner_forward(b->m, dev, 1, b->frames, b->foa, b->r, &work);
        if (i >= 0)
            seconds[i] = now_s() - start;
    }
    v2s_refiner_work_close(&work);
    if (dev->vector == NULL)
        memcpy(b->reference, b->r, (size_t)b->frames * 4 * sizeof(float));
    print_row(b, "whole", dev, seconds, runs);
    return V2S_OK;
}

static v2s_status stream_once(bench *b, const v2s_device *dev) {
    v2s_refiner_stream *s = NULL;
    V2S_TRY(v2s_refiner_stream_open(b->m, dev, NULL, &s));
    v2s_status status = v2s_refiner_stream_push(s, b->foa, b->frames);
    if (status == V2S_OK)
        status = v2s_refiner_stream_finish(s);
    (void)v2s_refiner_stream_pull(s, b->r, b->frames);
    v2s_refiner_stream_close(&s);
    return status;
}

static v2s_status time_stream(bench *b, const v2s_device *dev, int runs) {
    double seconds[RUNS];
    for (int i = 0; i < runs; i++) {
        double start = now_s();
        V2S_TRY(stream_once(b, dev));
        seconds[i] = now_s() - start;
    }
    print_row(b, "stream", dev, seconds, runs);
    return V2S_OK;
}

static v2s_status time_isa(bench *b, v2s_isa isa, int threads) {
    v2s_device *dev = NULL;
    if (v2s_device_open_isa(isa, threads, &dev) != V2S_OK) {
        printf("%s\n", v2s_error_text());
        return V2S_OK;
    }
    v2s_status status = time_whole(b, dev, isa == V2S_ISA_SCALAR ? 1 : RUNS);
    if (status == V2S_OK && isa != V2S_ISA_SCALAR && threads == 2)
        status = time_stream(b, dev, RUNS);
    v2s_device_close(&dev);
    return status;
}

static v2s_status fill_uniform(void *ctx, const char *name, v2s_tensor *param) {
    (void)name;
    unsigned *seed = ctx;
    for (size_t i = 0; i < v2s_tensor_count(param); i++)
        param->data[i] = 0.2f * ((float)rand_r(seed) / (float)RAND_MAX - 0.5f);
    return V2S_OK;
}

static v2s_status prepare(bench *b, char **argv) {
    unsigned seed = 1;
    v2s_refiner_config config = v2s_refiner_seed();
    FILE *file = NULL;
    b->frames = HASH_FRAMES;
    if (argv == NULL) {
        V2S_TRY(v2s_refiner_open(&config, &b->m));
        V2S_TRY(v2s_refiner_each_param(b->m, fill_uniform, &seed));
    } else {
        V2S_TRY(v2s_refiner_load(argv[0], &b->m, NULL));
        file = fopen(argv[1], "rb");
        if (file == NULL || fseek(file, 0, SEEK_END) != 0)
            return V2S_FAIL(V2S_IO, "%s: cannot read", argv[1]);
        b->frames = (int)(ftell(file) / (4 * (long)sizeof(float)));
        rewind(file);
    }
    size_t count = (size_t)b->frames * 4;
    b->foa = malloc(count * sizeof(float));
    b->r = calloc(count, sizeof(float));
    b->reference = calloc(count, sizeof(float));
    if (b->foa == NULL || b->r == NULL || b->reference == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; file == NULL && i < count; i++)
        b->foa[i] = 2.0f * (float)rand_r(&seed) / (float)RAND_MAX - 1.0f;
    if (file != NULL && fread(b->foa, sizeof(float), count, file) != count)
        return V2S_FAIL(V2S_IO, "%s: cannot read", argv[1]);
    if (file != NULL)
        fclose(file);
    const v2s_refiner_config *c = &b->m->config;
    b->flop = 2.0 * ((double)c->channels * 4 * c->kernel +
                     2.0 * 3 * c->hidden * (c->channels + c->hidden) + 8.0 * c->hidden);
    return V2S_OK;
}

// What a program would compute, to compare with PyTorch's.
static v2s_status write_residual(bench *b, const char *path) {
    v2s_device *dev = NULL;
    V2S_TRY(v2s_device_open("cpu", 2, &dev));
    v2s_status status = stream_once(b, dev);
    v2s_device_close(&dev);
    V2S_TRY(status);
    FILE *out = fopen(path, "wb");
    size_t count = (size_t)b->frames * 4;
    bool written = out != NULL && fwrite(b->r, sizeof(float), count, out) == count;
    if (out != NULL && fclose(out) != 0)
        written = false;
    return written ? V2S_OK : V2S_FAIL(V2S_IO, "%s: cannot write", path);
}

static v2s_status run(bench *b, char **argv) {
    V2S_TRY(prepare(b, argv));
    char line[V2S_DEVICE_LINE_MAX];
    v2s_device_describe(0, line);
    printf("%s\n%d steps, batch 1, %.1f kFLOP a step; median of %d runs\n", line, b->frames,
           b->flop * 1e-3, RUNS);
    double load;
    if (getloadavg(&load, 1) == 1)
        printf("load average %.1f%s\n", load,
               load > 1.0 ? ": others are at work, times are too long" : "");
#if defined(__x86_64__)
    if (v2s_cpu_isa() >= V2S_ISA_AVX512)
        measure_limits(b);
#endif
    for (int t = 1; t <= 2 && b->gflops[t] > 0.0; t++)
        printf("limit on %d thread%s: %.0f GFLOP/s, %.2f us/step; L2 %.0f GB/s\n", t,
               t == 1 ? "" : "s", b->gflops[t], b->flop / b->gflops[t] * 1e-3, b->l2_gb_per_s[t]);
    V2S_TRY(time_isa(b, V2S_ISA_SCALAR, 1));
    for (int isa = V2S_ISA_AVX2; isa <= V2S_ISA_AVX512_BF16; isa++)
        for (int threads = 1; threads <= 2; threads++)
            V2S_TRY(time_isa(b, (v2s_isa)isa, threads));
    return argv == NULL ? V2S_OK : write_residual(b, argv[2]);
}

int main(int argc, char **argv) {
    if (argc != 1 && argc != 4) {
        fprintf(stderr, "usage: bench_refiner [WEIGHTS FOA_F32 OUT_F32]\n");
        return 2;
    }
    bench b = {0};
    v2s_status status = run(&b, argc == 4 ? argv + 1 : NULL);
    if (status != V2S_OK)
        fprintf(stderr, "bench_refiner: %s\n", v2s_error_text());
    v2s_refiner_close(&b.m);
    free(b.foa);
    free(b.r);
    free(b.reference);
    return status == V2S_OK ? 0 : 1;
}
