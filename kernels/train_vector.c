// SPDX-License-Identifier: MIT
#include "kernels/train_vector.h"

#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/device.h"

enum { BLOCK = V2S_TRAIN_BLOCK, PARTS_MAX = 8 };

static int smaller(int a, int b) {
    return a < b ? a : b;
}

void v2s_pack_panels(int lanes, const float *const *rows, int S, int N, int K, float *panels) {
    int registers = v2s_round_up(N, lanes) / lanes;
    for (int v = 0, vectors; v < registers; v += vectors) {
        vectors = v2s_panel_vectors(registers - v);
        int first = v * lanes, width = vectors * lanes, count = smaller(width, N - first);
        float *to = panels + (size_t)first * K;
        for (int s = 0; s < S; s++, to += width) {
            memcpy(to, rows[s] + first, (size_t)count * sizeof *to);
            for (int n = count; n < width; n++)
                to[n] = 0.0f;
        }
    }
}

void v2s_pack_tiles(int lanes, const float *x, size_t ldx, int S, int M, float *tiles) {
    for (int first = 0; first < M; first += lanes) {
        int count = smaller(lanes, M - first);
        for (int s = 0; s < S; s++, tiles += lanes) {
            memcpy(tiles, x + s * ldx + first, (size_t)count * sizeof *tiles);
            for (int m = count; m < lanes; m++)
                tiles[m] = 0.0f;
        }
    }
}

void v2s_add_panels(int lanes, const float *acc, int rows_padded, int row, int M, int N,
                    float *dw) {
    int registers = v2s_round_up(N, lanes) / lanes;
    for (int v = 0, vectors; v < registers; v += vectors) {
        vectors = v2s_panel_vectors(registers - v);
        int first = v * lanes, width = vectors * lanes, count = smaller(width, N - first);
        const float *from = acc + (size_t)first * rows_padded + (size_t)row * width;
        for (int m = 0; m < M; m++, from += width)
            for (int n = 0; n < count; n++)
                dw[(size_t)m * N + first + n] += from[n];
    }
}

// Floats of one part's memory: sums, and a block of rows in every form.
typedef struct affine_sizes {
    size_t Mp, Np, acc, tiles, panels, total;
} affine_sizes;

static affine_sizes sizes_of(const v2s_device *dev, const v2s_affine_job *job) {
    affine_sizes z = {.Mp = (size_t)v2s_round_up(job->M, dev->vector->lanes),
                      .Np = (size_t)v2s_round_up(job->N, dev->vector->lanes)};
    z.acc = v2s_size_mul(z.Mp, z.Np);
    z.tiles = z.Mp * BLOCK;
    z.panels = v2s_size_mul(z.Np, BLOCK);
    z.total = z.acc + z.Mp + z.tiles + z.panels + v2s_round_up((int)job->work_floats, 16);
    return z;
}

// Parts of a number of rows: enough for a few processors, few enough to keep their sums small.
static int parts_of(int rows) {
    return rows >= 4096 ? PARTS_MAX : rows >= 2048 ? 4 : rows >= 256 ? 2 : 1;
}

size_t v2s_affine_scratch(const v2s_device *dev, const v2s_affine_job *job) {
    size_t bytes = v2s_size_mul(sizes_of(dev, job).total, sizeof(float));
    return v2s_size_mul(v2s_scratch_round(bytes, 1), (size_t)parts_of(job->rows));
}

typedef struct affine_run {
    const v2s_device *dev;
    const v2s_affine_job *job;
    affine_sizes z;
    float *memory[PARTS_MAX];
} affine_run;

// Rows first .. first + S - 1.
static void affine_block(const affine_run *run, float *memory, int first, int S) {
    const v2s_affine_job *job = run->job;
    const v2s_train_vector *tv = run->dev->vector->train;
    int lanes = run->dev->vector->lanes;
    float *sums = memory + run->z.acc, *tiles = sums + run->z.Mp, *panels = tiles + run->z.tiles;
    const float *row[BLOCK];
    float *dx[BLOCK];
    job->fetch(job->ctx, first, S, panels + run->z.panels, row);
    v2s_pack_tiles(lanes, job->dy + (size_t)first * job->M, (size_t)job->M, S, job->M, tiles);
    v2s_pack_panels(lanes, row, S, job->N, S, panels);
    size_t tile = (size_t)S * lanes;
    tv->outer(&(v2s_outer_args){S, job->M, job->N, tiles, tile, panels, memory});
    tv->sum_rows(tiles, job->M, S, sums);
    if (job->w == NULL)
        return;
    for (int s = 0; s < S; s++)
        dx[s] = job->dx + (size_t)(first + s) * job->N;
    tv->product(&(v2s_product_args){.M = S,
                                    .N = job->N,
                                    .K = (int)run->z.Mp,
                                    .a = tiles,
                                    .tile = tile,
                                    .w = job->w,
                                    .y = dx,
                                    .add = true});
}

static void affine_part(void *ctx, int i, int n) {
    const affine_run *run = ctx;
    float *memory = run->memory[i];
    memset(memory, 0, (run->z.acc + run->z.Mp) * sizeof *memory);
    int begin, end;
    v2s_parallel_share(run->job->rows, 1, i, n, &begin, &end);
    for (int first = begin; first < end; first += BLOCK)
        affine_block(run, memory, first, smaller(BLOCK, end - first));
}

void v2s_affine_backward(const v2s_device *dev, const v2s_affine_job *job, v2s_arena *scratch) {
    size_t mark = scratch->used;
    affine_run run = {.dev = dev, .job = job, .z = sizes_of(dev, job)};
    int parts = parts_of(job->rows);
    for (int i = 0; i < parts; i++)
        run.memory[i] = v2s_arena_take(scratch, run.z.total, sizeof(float));
    v2s_parallel(dev->threads, parts, affine_part, &run);
    for (int i = 0; i < parts; i++) {
        v2s_add_panels(dev->vector->lanes, run.memory[i], (int)run.z.Mp, 0, job->M, job->N,
                       job->dw);
        for (int m = 0; m < job->M; m++)
            job->dbias[m] += run.memory[i][run.z.acc + m];
    }
    v2s_arena_rewind(scratch, mark);
}
