// SPDX-License-Identifier: MIT
// What the parts of bench_cuda share: memory with numbers in it, timing, and the report.
//
// A benchmark asks whether it is wanted (bench_wants names it), takes its arrays, is timed, and
// gives the arrays back:
//
//   if (!bench_wants(b, "linear_forward", "M%d C%d O%d", M, C, O))
//       return;
//   v2s_linear_args a = {M, C, O, bench_noise(b, M * C), ...};
//   bench_time(b, &(bench_work){.run = run, .ctx = &a, .flops = ..., .bytes = ...});
//
// A step that fails is told once, by bench_time, and the next benchmark goes on.
//
// Times are of the host's clock around so many queued calls, ended by synchronize, that the clock
// and the wait do not count; the median of several such samples. Arrays hold noise, because zeros
// run faster than data does. `flops` and `bytes` are the fewest that the formulas of the operation
// need, each array read or written once (gradients: both), whatever the kernels do.
#ifndef V2S_TESTS_BENCH_CUDA_BENCH_H
#define V2S_TESTS_BENCH_CUDA_BENCH_H

#include <stdbool.h>
#include <stdio.h>

#include "kernels/device.h"

typedef enum bench_size { BENCH_FULL, BENCH_QUICK, BENCH_TINY } bench_size;

enum { BENCH_TAKEN_MAX = 64, BENCH_NAME_MAX = 64, BENCH_SHAPE_MAX = 96, BENCH_PATH_MAX = 64 };

typedef struct bench {
    v2s_device *dev;
    bench_size size;
    const char *filter;     // part of "<name> <shape>"; NULL: everything
    FILE *json;             // one line a benchmark; NULL: none
    double deadline;        // seconds of the monotonic clock; later ones are left out
    double clock_hz;        // of the multiprocessors, for limits per time step; 0: not known
    int multiprocessors;    // 0: not a GPU
    const char *warning;    // why the times mean nothing; NULL: a GPU
    double copy_rate;       // bytes a second, the machine's own ceiling; 0: not yet measured
    double product_rate[3]; // flops a second of each v2s_precision
    int failed, left_out;
    // of the benchmark under way
    char name[BENCH_NAME_MAX], shape[BENCH_SHAPE_MAX];
    char path[BENCH_PATH_MAX]; // which kernels ran, where there is a choice
    v2s_status status;         // the first failure
    void *taken[BENCH_TAKEN_MAX];
    int taken_count;
    v2s_arena scratch;
} bench;

typedef struct bench_work {
    void (*run)(const v2s_device *dev, void *ctx);
    void *ctx;
    double flops, bytes; // of one run
    int steps;           // time steps that follow one another; 0: none
    double step_clocks;  // the fewest clocks of one of them; 0: not known
    bool recorded;       // repeat a recording of the run
} bench_work;

// Whether this benchmark is wanted and still fits the time; names it until the next call.
bool bench_wants(bench *b, const char *name, const char *shape, ...) V2S_PRINTF(3, 4);

// Array of the device with numbers in [-1, 1); NULL after a failure.
float *bench_noise(bench *b, size_t count);
// Zeroed memory of the device.
void *bench_zeros(bench *b, size_t bytes);
// The benchmark's scratch; opened anew at each call.
v2s_arena *bench_scratch(bench *b, size_t bytes);
// A step of the preparation; true while all went well.
bool bench_ok(bench *b, v2s_status status);

// Times and reports, then gives back what was taken. Returns the median in seconds, 0 on failure.
double bench_time(bench *b, const bench_work *work);

// Seconds of the monotonic clock.
double bench_now(void);

// ---- report.c ---------------------------------------------------------------------------------

typedef struct bench_result {
    double median, best; // seconds of a run
    int samples, calls;  // calls in a sample
} bench_result;

void bench_report_start(const bench *b, const char *line);
void bench_report(const bench *b, const bench_work *work, const bench_result *r);
void bench_report_failure(const bench *b, const char *why);
void bench_report_left_out(const bench *b);

// ---- the benchmarks ---------------------------------------------------------------------------

void bench_ceilings(bench *b);  // measures copy_rate and product_rate
void bench_rows(bench *b);      // linear, conv1d
void bench_gru(bench *b);       // forward, with and without what backward needs, and both ways
void bench_tensors(bench *b);   // conv2d .. element-wise operations
void bench_signals(bench *b);   // losses, short-time transforms
void bench_inference(bench *b); // whole refiners
void bench_training(bench *b);  // optimizer, whole steps

// Clocks of a step of a GRU's walk in one direction: the products of the recurrence at 128
// multiply-adds a clock and multiprocessor, with as many blocks a row and direction (`walks` of
// them) as the persistent kernels use. Walks beyond the multiprocessors take turns. 0: not a GPU.
double bench_gru_clocks(const bench *b, int walks, int H);

#endif
