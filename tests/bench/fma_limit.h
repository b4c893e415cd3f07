// SPDX-License-Identifier: MIT
// What benchmarks measure by: the clock, the median of runs, the peak of memory, and the
// processor's limit: the speed of a loop of nothing but FMAs in registers, here and now.
#ifndef V2S_TESTS_BENCH_FMA_LIMIT_H
#define V2S_TESTS_BENCH_FMA_LIMIT_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/base/cpu.h"
#include "kernels/base/team.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static inline double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Sorts them.
static inline double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

// Most memory this program has had so far. (getrusage would count the process before exec, too.)
static inline double peak_mib(void) {
    char line[256];
    double kib = 0.0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %lf", &kib) == 1)
            break;
    if (status != NULL)
        fclose(status);
    return kib / 1024.0;
}

enum { LIMIT_ROUNDS = 200000, LIMIT_PROBES = 12, LIMIT_THREADS = 64 };

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static inline void fma_loop_512(void *ctx, int i, int n) {
    (void)n;
    __m512 sum[24], x = _mm512_set1_ps(0.99f), y = _mm512_set1_ps(0.01f);
#pragma GCC unroll 24
    for (int v = 0; v < 24; v++)
        sum[v] = _mm512_set1_ps((float)v);
    for (int round = 0; round < LIMIT_ROUNDS; round++)
#pragma GCC unroll 24
        for (int v = 0; v < 24; v++)
            sum[v] = _mm512_fmadd_ps(sum[v], x, y);
    for (int v = 1; v < 24; v++)
        sum[0] = _mm512_add_ps(sum[0], sum[v]);
    ((volatile float *)ctx)[i] = _mm512_cvtss_f32(sum[0]);
}

__attribute__((target("avx2,fma"))) static inline void fma_loop_256(void *ctx, int i, int n) {
    (void)n;
    __m256 sum[12], x = _mm256_set1_ps(0.99f), y = _mm256_set1_ps(0.01f);
#pragma GCC unroll 12
    for (int v = 0; v < 12; v++)
        sum[v] = _mm256_set1_ps((float)v);
    for (int round = 0; round < LIMIT_ROUNDS; round++)
#pragma GCC unroll 12
        for (int v = 0; v < 12; v++)
            sum[v] = _mm256_fmadd_ps(sum[v], x, y);
    for (int v = 1; v < 12; v++)
        sum[0] = _mm256_add_ps(sum[0], sum[v]);
    ((volatile float *)ctx)[i] = _mm256_cvtss_f32(sum[0]);
}
#endif

// GFLOP/s of `threads` threads in this processor's widest registers; 0 where they are not known.
static inline double fma_limit(int threads) {
    double best = 0.0;
#if defined(__x86_64__)
    v2s_isa isa = v2s_cpu_isa();
    volatile float sink[LIMIT_THREADS];
    for (int probe = 0; probe < LIMIT_PROBES && isa >= V2S_ISA_AVX2; probe++) {
        double flop = (isa >= V2S_ISA_AVX512 ? 24.0 * 32 : 12.0 * 16) * LIMIT_ROUNDS * threads;
        double start = now_s();
        v2s_team(threads, threads, isa >= V2S_ISA_AVX512 ? fma_loop_512 : fma_loop_256,
                 (void *)sink);
        double gflops = flop / (now_s() - start) * 1e-9;
        best = gflops > best ? gflops : best;
    }
#endif
    return best;
}

#endif
