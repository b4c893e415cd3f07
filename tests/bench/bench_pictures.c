// SPDX-License-Identifier: MIT
// Speed of the operations on pictures at the sizes of a depth network of 64 base channels, batch 1,
// 256 x 256, as the device would run them (in blocks of channels).
//
//   bench_pictures [THREADS]
//
// Convolutions in GFLOP/s, with their share of the speed of a loop of nothing but FMAs in
// registers; the others in GB/s of what they have to read and write, with their share of a large
// copy's (above 100 % where a cache holds them); both limits are measured here and now, on as many
// threads. Best of RUNS.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/base/team.h"
#include "kernels/device.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { RUNS = 7, FMA_ROUNDS = 200000, SUMS = 12, COPY_FLOATS = 1 << 25 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- limits -------------------------------------------------------------------------------------

typedef struct bench {
    v2s_device *dev;
    double gflops, gb_per_s; // limits
    float *memory;           // of everything below
    size_t floats;
    v2s_arena scratch;
} bench;

static volatile float sink[64];

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void fma_avx2(void *ctx, int part, int parts) {
    (void)ctx;
    (void)parts;
    __m256 sum[SUMS], x = _mm256_set1_ps(0.99f), y = _mm256_set1_ps(0.01f);
#pragma GCC unroll 12
    for (int v = 0; v < SUMS; v++)
        sum[v] = _mm256_set1_ps((float)v);
    for (int round = 0; round < FMA_ROUNDS; round++)
#pragma GCC unroll 12
        for (int v = 0; v < SUMS; v++)
            sum[v] = _mm256_fmadd_ps(sum[v], x, y);
    for (int v = 1; v < SUMS; v++)
        sum[0] = _mm256_add_ps(sum[0], sum[v]);
    sink[part % 64] = _mm256_cvtss_f32(sum[0]);
}

__attribute__((target("avx512f"))) static void fma_avx512(void *ctx, int part, int parts) {
    (void)ctx;
    (void)parts;
    __m512 sum[SUMS], x = _mm512_set1_ps(0.99f), y = _mm512_set1_ps(0.01f);
#pragma GCC unroll 12
    for (int v = 0; v < SUMS; v++)
        sum[v] = _mm512_set1_ps((float)v);
    for (int round = 0; round < FMA_ROUNDS; round++)
#pragma GCC unroll 12
        for (int v = 0; v < SUMS; v++)
            sum[v] = _mm512_fmadd_ps(sum[v], x, y);
    for (int v = 1; v < SUMS; v++)
        sum[0] = _mm512_add_ps(sum[0], sum[v]);
    sink[part % 64] = _mm512_cvtss_f32(sum[0]);
}

static void measure_fma(bench *b) {
    int threads = b->dev->threads, lanes = v2s_cpu_isa() >= V2S_ISA_AVX512 ? 16 : 8;
    if (v2s_cpu_isa() < V2S_ISA_AVX2)
        return;
    for (int run = 0; run < 3 * RUNS; run++) {
        double start = now_s();
        v2s_team(threads, threads, lanes == 16 ? fma_avx512 : fma_avx2, NULL);
        double flop = 2.0 * lanes * SUMS * FMA_ROUNDS * threads;
        b->gflops = fmax(b->gflops, flop / (now_s() - start) * 1e-9);
    }
}
#else
static void measure_fma(bench *b) {
    (void)b;
}
#endif

static void copy_share(void *ctx, int part, int parts) {
    float *memory = ctx;
    size_t begin, end;
    v2s_team_share(COPY_FLOATS, 16, part, parts, &begin, &end);
    memcpy(memory + COPY_FLOATS + begin, memory + begin, (end - begin) * sizeof *memory);
}

static void measure_copy(bench *b) {
    for (int run = 0; run < RUNS; run++) {
        double start = now_s();
        v2s_team(b->dev->threads, b->dev->threads, copy_share, b->memory);
        b->gb_per_s =
            fmax(b->gb_per_s, 2.0 * COPY_FLOATS * sizeof(float) / (now_s() - start) * 1e-9);
    }
}

// ---- operations ---------------------------------------------------------------------------------

typedef struct work {
    v2s_conv2d_backward_args conv;
    v2s_batch_norm_backward_args norm;
    v2s_pool2d_args pool;
    v2s_upsample2d_args up;
    v2s_picture_rows_args rows;
    v2s_concat_args concat;
    v2s_residual_args residual;
} work;

typedef void (*step)(bench *b, work *w);

static double best_of(bench *b, work *w, step run) {
    double best = INFINITY;
    for (int i = 0; i <= RUNS; i++) { // the first run makes primitives
        double start = now_s();
        run(b, w);
        double s = now_s() - start;
        best = i > 0 && s < best ? s : best;
    }
    return best;
}

static void print_line(const char *what, const char *size, double s, double amount, double limit,
                       const char *unit) {
    double speed = amount / s * 1e-9;
    printf("%-22s %-24s %9.3f ms  %7.1f %s", what, size, s * 1e3, speed, unit);
    if (limit > 0.0)
        printf("  %3.0f %% of limit", 100.0 * speed / limit);
    printf("\n");
    fflush(stdout);
}

static float *piece(bench *b, size_t *at, size_t count) {
    float *to = b->memory + *at;
    *at += (count + 15) / 16 * 16;
    if (*at > b->floats)
        abort();
    return to;
}

static void conv_forward(bench *b, work *w) {
    b->dev->ops->conv2d_forward(b->dev, &w->conv.of, &b->scratch);
}

static void conv_backward(bench *b, work *w) {
    b->dev->ops->conv2d_backward(b->dev, &w->conv, &b->scratch);
}

static int block_of(const bench *b, int channels) {
    return channels > 1 ? v2s_picture_block(b->dev, channels) : 1;
}

static void bench_conv2d(bench *b, int C, int O, int side, int K) {
    size_t at = 0, pixels = (size_t)side * side, taps = (size_t)K * K;
    size_t nx = (size_t)C * pixels, ny = (size_t)O * pixels, nw = (size_t)O * C * taps;
    char size[64];
    work w = {0};
    v2s_conv2d_args *a = &w.conv.of;
    *a = (v2s_conv2d_args){.N = 1, .C = C, .O = O, .H = side, .W = side, .KH = K, .KW = K};
    a->x_block = block_of(b, C);
    a->y_block = block_of(b, O);
    a->x = piece(b, &at, nx);
    a->w = piece(b, &at, nw);
    a->bias = piece(b, &at, (size_t)O);
    a->y = piece(b, &at, ny);
    w.conv.dy = piece(b, &at, ny);
    w.conv.dx = piece(b, &at, nx);
    w.conv.dw = piece(b, &at, nw);
    w.conv.dbias = piece(b, &at, (size_t)O);
    if (v2s_arena_open(&b->scratch, 256u << 20) != V2S_OK)
        abort();
    snprintf(size, sizeof size, "%dx%d %d -> %d, %d^2", K, K, C, O, side);
    double flop = 2.0 * (double)taps * C * O * (double)pixels;
    print_line("conv2d forward", size, best_of(b, &w, conv_forward), flop, b->gflops, "GFLOP/s");
    double all = best_of(b, &w, conv_backward);
    print_line("conv2d backward", size, all, 2.0 * flop, b->gflops, "GFLOP/s");
    w.conv.dx = NULL;
    double weights = best_of(b, &w, conv_backward);
    print_line("  of it dw, dbias", size, weights, flop, b->gflops, "GFLOP/s");
    v2s_arena_close(&b->scratch);
}

static void norm_forward(bench *b, work *w) {
    b->dev->ops->batch_norm_forward(b->dev, &w->norm.of, &b->scratch);
}

static void norm_backward(bench *b, work *w) {
    b->dev->ops->batch_norm_backward(b->dev, &w->norm, &b->scratch);
}

static void bench_norm(bench *b, int C, int side) {
    size_t at = 0, count = (size_t)C * side * side, channels = (size_t)C;
    char size[64];
    work w = {0};
    v2s_batch_norm_args *a = &w.norm.of;
    *a = (v2s_batch_norm_args){.N = 1, .C = C, .H = side, .W = side, .relu = true};
    a->block = block_of(b, C);
    a->eps = 1e-5f;
    a->momentum = 0.1f;
    a->x = piece(b, &at, count);
    a->y = piece(b, &at, count);
    a->weight = piece(b, &at, channels);
    a->bias = piece(b, &at, channels);
    a->running_mean = piece(b, &at, channels);
    a->running_var = piece(b, &at, channels);
    a->saved_mean = piece(b, &at, channels);
    a->saved_inv_std = piece(b, &at, channels);
    w.norm.dy = piece(b, &at, count);
    w.norm.dx = piece(b, &at, count);
    w.norm.dweight = piece(b, &at, channels);
    w.norm.dbias = piece(b, &at, channels);
    if (v2s_arena_open(&b->scratch, 64u << 20) != V2S_OK)
        abort();
    snprintf(size, sizeof size, "%d, %d^2", C, side);
    double bytes = 4.0 * (double)count, limit = b->gb_per_s;
    print_line("batch_norm inference", size, best_of(b, &w, norm_forward), 2 * bytes, limit,
               "GB/s");
    a->training = true;
    print_line("batch_norm training", size, best_of(b, &w, norm_forward), 3 * bytes, limit, "GB/s");
    print_line("batch_norm backward", size, best_of(b, &w, norm_backward), 6 * bytes, limit,
               "GB/s");
    v2s_arena_close(&b->scratch);
}

static void pool_forward(bench *b, work *w) {
    b->dev->ops->pool2d_forward(b->dev, &w->pool, NULL);
}

static void pool_backward(bench *b, work *w) {
    b->dev->ops->pool2d_backward(b->dev, &w->pool, NULL);
}

static void bench_pool(bench *b, int C, int side) {
    size_t at = 0, count = (size_t)C * side * side;
    char size[64];
    work w = {.pool = {.N = 1, .C = C, .H = side, .W = side, .block = block_of(b, C)}};
    w.pool.x = piece(b, &at, count);
    w.pool.y = piece(b, &at, count / 4);
    w.pool.index = (uint8_t *)piece(b, &at, count / 16);
    w.pool.dy = piece(b, &at, count / 4);
    w.pool.dx = piece(b, &at, count);
    snprintf(size, sizeof size, "%d, %d^2", C, side);
    double bytes = 4.0 * (double)count;
    print_line("pool2d forward", size, best_of(b, &w, pool_forward), 1.3125 * bytes, b->gb_per_s,
               "GB/s");
    print_line("pool2d backward", size, best_of(b, &w, pool_backward), 2.3125 * bytes, b->gb_per_s,
               "GB/s");
}

static void up_forward(bench *b, work *w) {
    b->dev->ops->upsample2d_forward(b->dev, &w->up, NULL);
}

static void up_backward(bench *b, work *w) {
    b->dev->ops->upsample2d_backward(b->dev, &w->up, NULL);
}

static void bench_upsample(bench *b, int C, int side) {
    size_t at = 0, count = (size_t)C * side * side;
    char size[64];
    work w = {.up = {.N = 1, .C = C, .H = side, .W = side, .OH = 2 * side, .OW = 2 * side}};
    w.up.block = block_of(b, C);
    w.up.x = piece(b, &at, count);
    w.up.y = piece(b, &at, 4 * count);
    w.up.dy = piece(b, &at, 4 * count);
    w.up.dx = piece(b, &at, count);
    snprintf(size, sizeof size, "%d, %d^2 -> %d^2", C, side, 2 * side);
    double bytes = 4.0 * (double)count;
    print_line("upsample2d forward", size, best_of(b, &w, up_forward), 5 * bytes, b->gb_per_s,
               "GB/s");
    print_line("upsample2d backward", size, best_of(b, &w, up_backward), 6 * bytes, b->gb_per_s,
               "GB/s");
}

static void to_rows(bench *b, work *w) {
    b->dev->ops->picture_to_rows(b->dev, &w->rows, NULL);
}

static void from_rows(bench *b, work *w) {
    b->dev->ops->picture_from_rows(b->dev, &w->rows, NULL);
}

static void concat_forward(bench *b, work *w) {
    b->dev->ops->concat_forward(b->dev, &w->concat, NULL);
}

static void concat_backward(bench *b, work *w) {
    b->dev->ops->concat_backward(b->dev, &w->concat, NULL);
}

static void residual_forward(bench *b, work *w) {
    b->dev->ops->residual_forward(b->dev, &w->residual, &b->scratch);
}

static void residual_backward(bench *b, work *w) {
    b->dev->ops->residual_backward(b->dev, &w->residual, &b->scratch);
}

static void bench_moves(bench *b, int C, int side) {
    size_t at = 0, count = (size_t)C * side * side;
    char size[64];
    work w = {.rows = {.N = 1, .C = C, .P = side * side, .block = block_of(b, C)}};
    float *x = piece(b, &at, count), *y = piece(b, &at, count), *gamma = piece(b, &at, 1);
    float *two = piece(b, &at, 2 * count), *dx = piece(b, &at, count);
    float *branch = piece(b, &at, count), *dgamma = piece(b, &at, 1);
    w.rows.from = x;
    w.rows.to = y;
    w.concat = (v2s_concat_args){
        .N = 1, .A = count, .B = count, .a = x, .b = branch, .y = two, .dy = two, .da = y};
    w.concat.db = dx;
    w.residual = (v2s_residual_args){
        .count = count, .x = x, .branch = branch, .gamma = gamma, .y = y, .dy = two, .dx = dx};
    w.residual.dbranch = y;
    w.residual.dgamma = dgamma;
    if (v2s_arena_open(&b->scratch, 1u << 20) != V2S_OK)
        abort();
    snprintf(size, sizeof size, "%d, %d^2", C, side);
    double bytes = 4.0 * (double)count, limit = b->gb_per_s;
    print_line("picture to rows", size, best_of(b, &w, to_rows), 2 * bytes, limit, "GB/s");
    print_line("picture from rows", size, best_of(b, &w, from_rows), 2 * bytes, limit, "GB/s");
    print_line("concat forward", size, best_of(b, &w, concat_forward), 4 * bytes, limit, "GB/s");
    print_line("concat backward", size, best_of(b, &w, concat_backward), 6 * bytes, limit, "GB/s");
    print_line("residual forward", size, best_of(b, &w, residual_forward), 3 * bytes, limit,
               "GB/s");
    print_line("residual backward", size, best_of(b, &w, residual_backward), 6 * bytes, limit,
               "GB/s");
    v2s_arena_close(&b->scratch);
}

int main(int argc, char **argv) {
    bench b = {.floats = (size_t)2 * COPY_FLOATS};
    if (v2s_device_open("cpu", argc > 1 ? atoi(argv[1]) : 0, &b.dev) != V2S_OK) {
        fprintf(stderr, "bench_pictures: %s\n", v2s_error_text());
        return 1;
    }
    if ((b.memory = aligned_alloc(64, b.floats * sizeof *b.memory)) == NULL) {
        fprintf(stderr, "bench_pictures: out of memory\n");
        return 1;
    }
    for (size_t i = 0; i < b.floats; i++)
        b.memory[i] = (float)(i % 97) * 0.01f - 0.48f;
    measure_fma(&b);
    measure_copy(&b);
    printf("%s: FMA limit %.1f GFLOP/s, copy %.1f GB/s\n", b.dev->name, b.gflops, b.gb_per_s);
    const int convolutions[][4] = {{1, 64, 256, 3},    {64, 64, 256, 3},   {64, 128, 128, 3},
                                   {128, 128, 128, 3}, {256, 256, 64, 3},  {512, 512, 32, 3},
                                   {512, 512, 16, 3},  {1024, 512, 32, 3}, {512, 256, 64, 3},
                                   {256, 128, 128, 3}, {128, 64, 256, 3},  {128, 64, 256, 1},
                                   {512, 256, 64, 1},  {64, 1, 256, 1}};
    for (int i = 0; i < (int)(sizeof convolutions / sizeof *convolutions); i++)
        bench_conv2d(&b, convolutions[i][0], convolutions[i][1], convolutions[i][2],
                     convolutions[i][3]);
    bench_norm(&b, 64, 256);
    bench_norm(&b, 512, 32);
    bench_pool(&b, 64, 256);
    bench_upsample(&b, 64, 128);
    bench_moves(&b, 128, 128);
    free(b.memory);
    v2s_device_close(&b.dev);
    return 0;
}
