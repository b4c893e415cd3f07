// SPDX-License-Identifier: MIT
// Speed and memory of attention (kernels/attention.h) on one item of N queries and N keys.
//
//   bench_attention                                all sizes of the depth network, tiled
//   bench_attention FORM PASS N D E THREADS RUNS   one row; FORM tiled|naive, PASS forward|both
//
// tiled is the operation. naive has the whole map in memory, by the same matrix product that the
// layers use: the scores, their softmax, the product with v; backward keeps P and makes dP beside
// it. PyTorch side by side: tests/bench/bench_attention.py. A row says milliseconds (median),
// GFLOP/s of 2 N^2 (D + E) forward and 2 N^2 (3 D + 2 E) more backward, their share of the
// processor's limit (fma_limit.h), and the peak of memory beyond the operands and results.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/device.h"
#include "tests/bench/fma_limit.h"

enum { RUNS_MAX = 99 };

typedef struct bench {
    v2s_attention_backward_args g;
    const v2s_device *dev;
    bool naive, both;
    float *kt, *vt; // naive: transposes [D,N], [E,N]
    float *map, *d_map;
    float *zeros; // [N] biases
    v2s_arena scratch;
} bench;

static float *floats(size_t count, unsigned *seed) {
    float *to = aligned_alloc(64, (count * sizeof *to + 63) / 64 * 64);
    for (size_t i = 0; to != NULL && i < count; i++)
        to[i] = seed != NULL ? 2.0f * (float)rand_r(seed) / (float)RAND_MAX - 1.0f : 0.0f;
    return to;
}

// y [M,O] = x [M,C] w^T, w [O,C]
static void product(bench *b, int M, int C, int O, const float *x, const float *w, float *y) {
    v2s_linear_args a = {M, C, O, x, w, b->zeros, y};
    b->dev->ops->linear_forward(b->dev, &a, &b->scratch);
}

static void transpose(int rows, int columns, const float *x, float *y) {
    enum { BLOCK = 32 };
    for (int i = 0; i < rows; i += BLOCK)
        for (int j = 0; j < columns; j += BLOCK)
            for (int r = i; r < rows && r < i + BLOCK; r++)
                for (int c = j; c < columns && c < j + BLOCK; c++)
                    y[(size_t)c * rows + r] = x[(size_t)r * columns + c];
}

typedef struct rows_job {
    const v2s_attention_backward_args *g;
    float *map, *d_map;
} rows_job;

static void softmax_rows(void *ctx, int i, int n) {
    const rows_job *job = ctx;
    const v2s_attention_args *a = &job->g->of;
    for (int r = a->Nq * i / n; r < a->Nq * (i + 1) / n; r++) {
        float *row = job->map + (size_t)r * a->Nk, most = -INFINITY;
        double sum = 0.0;
        for (int j = 0; j < a->Nk; j++)
            most = row[j] > most ? row[j] : most;
        for (int j = 0; j < a->Nk; j++)
            sum += row[j] = expf(a->scale * (row[j] - most));
        for (int j = 0; j < a->Nk; j++)
            row[j] = (float)(row[j] / sum);
    }
}

static void softmax_rows_backward(void *ctx, int i, int n) {
    const rows_job *job = ctx;
    const v2s_attention_args *a = &job->g->of;
    for (int r = a->Nq * i / n; r < a->Nq * (i + 1) / n; r++) {
        const float *p = job->map + (size_t)r * a->Nk;
        float *ds = job->d_map + (size_t)r * a->Nk;
        double delta = 0.0;
        for (int j = 0; j < a->Nk; j++)
            delta += p[j] * ds[j];
        for (int j = 0; j < a->Nk; j++)
            ds[j] = a->scale * p[j] * (ds[j] - (float)delta);
    }
}

static void naive(bench *b) {
    const v2s_attention_args *a = &b->g.of;
    rows_job job = {&b->g, b->map, b->d_map};
    int N = a->Nq, threads = b->dev->threads;
    product(b, N, a->D, N, a->q, a->k, b->map);
    v2s_team(threads, threads, softmax_rows, &job);
    transpose(N, a->E, a->v, b->vt);
    product(b, N, N, a->E, b->map, b->vt, a->o);
    if (!b->both)
        return;
    product(b, N, a->E, N, b->g.d_o, a->v, b->d_map);
    v2s_team(threads, threads, softmax_rows_backward, &job);
    transpose(N, a->D, a->k, b->kt);
    product(b, N, N, a->D, b->d_map, b->kt, b->g.dq);
    // dv += P^T do, dk += dS^T q: the gradients of a layer's weights
    v2s_linear_backward_args dv = {.of = {.M = N, .C = a->E, .O = N, .x = b->g.d_o},
                                   .dy = b->map,
                                   .dw = b->g.dv,
                                   .dbias = b->zeros};
    v2s_linear_backward_args dk = {.of = {.M = N, .C = a->D, .O = N, .x = a->q},
                                   .dy = b->d_map,
                                   .dw = b->g.dk,
                                   .dbias = b->zeros};
    b->dev->ops->linear_backward(b->dev, &dv, &b->scratch);
    b->dev->ops->linear_backward(b->dev, &dk, &b->scratch);
    memset(b->zeros, 0, (size_t)N * sizeof *b->zeros);
}

static void tiled(bench *b) {
    b->dev->ops->attention_forward(b->dev, &b->g.of, &b->scratch);
    if (b->both)
        b->dev->ops->attention_backward(b->dev, &b->g, &b->scratch);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t naive_scratch(const bench *b) {
    const v2s_attention_args *a = &b->g.of;
    int N = a->Nq;
    v2s_linear_args forward[3] = {{.M = N, .C = a->D, .O = N},
                                  {.M = N, .C = N, .O = a->E},
                                  {.M = N, .C = larger(a->D, a->E), .O = N}};
    size_t bytes = 0;
    for (int i = 0; i < 3; i++)
        bytes = larger(bytes, b->dev->ops->linear_scratch(b->dev, &forward[i]));
    v2s_linear_backward_args g = {.of = {.M = N, .C = larger(a->D, a->E), .O = N}};
    return b->both ? larger(bytes, b->dev->ops->linear_backward_scratch(b->dev, &g)) : bytes;
}

// What a form takes beyond the operands.
static v2s_status take(bench *b) {
    const v2s_attention_args *a = &b->g.of;
    size_t N = (size_t)a->Nq, bytes;
    if (b->naive) {
        b->map = floats(N * N, NULL);
        b->d_map = floats(b->both ? N * N : 1, NULL);
        b->kt = floats(N * a->D, NULL);
        b->vt = floats(N * a->E, NULL);
        b->zeros = floats(N, NULL);
        if (b->map == NULL || b->d_map == NULL || b->kt == NULL || b->vt == NULL ||
            b->zeros == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory: the map of %zu rows", N);
        bytes = naive_scratch(b);
    } else {
        bytes = b->dev->ops->attention_scratch(b->dev, a);
        if (b->both)
            bytes = larger(bytes, b->dev->ops->attention_backward_scratch(b->dev, &b->g));
    }
    return v2s_arena_open(&b->scratch, bytes);
}

static v2s_status row(const v2s_device *dev, bool is_naive, bool both, int N, int D, int E,
                      int runs) {
    unsigned seed = 1;
    size_t n = (size_t)N;
    float *t[] = {floats(n * D, &seed), floats(n * D, &seed), floats(n * E, &seed),
                  floats(n * E, NULL),  floats(n, NULL),      floats(n * E, &seed),
                  floats(n * D, NULL),  floats(n * D, NULL),  floats(n * E, NULL)};
    v2s_status status = V2S_OK;
    for (int i = 0; i < 9 && status == V2S_OK; i++)
        if (t[i] == NULL)
            status = V2S_FAIL(V2S_NOMEM, "out of memory: the operands");
    float scale = (float)(1.0 / sqrt(D));
    bench b = {.g = {{1, N, N, D, E, scale, t[0], t[1], t[2], t[3], t[4]}, t[5], t[6], t[7], t[8]},
               .dev = dev,
               .naive = is_naive,
               .both = both};
    double before = peak_mib(), seconds[RUNS_MAX];
    if (status == V2S_OK)
        status = take(&b);
    for (int i = -1; i < runs && status == V2S_OK; i++) { // the first touches the memory
        double start = now_s();
        if (is_naive)
            naive(&b);
        else
            tiled(&b);
        if (i >= 0)
            seconds[i] = now_s() - start;
    }
    if (status == V2S_OK) {
        double pairs = 2.0 * N * N, flop = pairs * (D + E) + (both ? pairs * (3 * D + 2 * E) : 0);
        double s = median(seconds, runs), limit = fma_limit(dev->threads);
        printf("%-6s %-8s N %5d D %2d E %3d  %10.3f ms  %6.1f GFLOP/s  %5.1f %% of %.0f  "
               "%8.1f MiB\n",
               is_naive ? "naive" : "tiled", both ? "both" : "forward", N, D, E, s * 1e3,
               flop / s * 1e-9, 100e-9 * flop / s / limit, limit, peak_mib() - before);
    }
    float *rest[] = {b.map, b.d_map, b.kt, b.vt, b.zeros};
    for (int i = 0; i < 5; i++)
        free(rest[i]);
    for (int i = 0; i < 9; i++)
        free(t[i]);
    v2s_arena_close(&b.scratch);
    return status;
}

static v2s_status all_sizes(const v2s_device *dev) {
    static const int sizes[][4] = {{16384, 16, 128, 5}, {4096, 32, 256, 11}, {1024, 64, 512, 21},
                                   {256, 64, 512, 51},  {16384, 8, 64, 5},   {4096, 16, 128, 11},
                                   {16384, 2, 16, 5},   {1024, 2, 16, 51}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int both = 0; both < 2; both++)
            V2S_TRY(row(dev, false, both, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]));
    return V2S_OK;
}

int main(int argc, char **argv) {
    if (argc != 1 && argc != 8) {
        fprintf(stderr, "usage: bench_attention [tiled|naive forward|both N D E THREADS RUNS]\n");
        return 2;
    }
    v2s_device *dev = NULL;
    v2s_status status = v2s_device_open("cpu", argc == 1 ? 2 : atoi(argv[6]), &dev);
    if (status == V2S_OK && argc == 1)
        status = all_sizes(dev);
    else if (status == V2S_OK) {
        int runs = atoi(argv[7]);
        runs = runs < 1 ? 1 : runs > RUNS_MAX ? RUNS_MAX : runs;
        status = row(dev, strcmp(argv[1], "naive") == 0, strcmp(argv[2], "both") == 0,
                     atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), runs);
    }
    if (status != V2S_OK)
        fprintf(stderr, "bench_attention: %s\n", v2s_error_text());
    v2s_device_close(&dev);
    return status == V2S_OK ? 0 : 1;
}
