// SPDX-License-Identifier: MIT
// Wide outputs go through the packed matrix product. Up to NARROW outputs would leave most of a
// register empty there, so they are taken as dot products along the input instead.
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/train_vector.h"
#include "kernels/vector.h"

enum { NARROW = 8 };

// Rows that stay in L2 while the panels of weights pass: a multiple of the products' rows.
enum { ROWS = 96 };

size_t v2s_linear_scratch_vector(const v2s_device *dev, const v2s_linear_args *a) {
    size_t packed = a->O <= NARROW ? 0 : v2s_gemm_packed_floats(dev->vector, a->O, a->C);
    return v2s_scratch_round(packed * sizeof(float), 1);
}

typedef struct linear_job {
    const v2s_vector *v;
    const v2s_linear_args *a;
    const float *packed; // NULL: dot products
} linear_job;

static void rows(void *ctx, int i, int n) {
    const linear_job *job = ctx;
    const v2s_linear_args *a = job->a;
    int begin, end;
    v2s_parallel_share(a->M, 64, i, n, &begin, &end);
    for (int first = begin; first < end; first += ROWS) {
        v2s_gemm_args args = {.M = end - first < ROWS ? end - first : ROWS,
                              .N = a->O,
                              .K = a->C,
                              .x = a->x + (size_t)first * a->C,
                              .ldx = (size_t)a->C,
                              .w = job->packed != NULL ? job->packed : a->w,
                              .bias = a->bias,
                              .y = a->y + (size_t)first * a->O,
                              .ldy = (size_t)a->O};
        if (job->packed != NULL)
            job->v->gemm(&args);
        else
            job->v->dot(&args);
    }
}

void v2s_linear_forward_vector(const v2s_device *dev, const v2s_linear_args *a,
                               v2s_arena *scratch) {
    size_t mark = scratch->used;
    const v2s_vector *v = dev->vector;
    float *packed = NULL;
    if (a->O > NARROW) {
        size_t floats = v2s_gemm_packed_floats(v, a->O, a->C);
        packed = v2s_arena_take(scratch, floats, sizeof *packed);
        memset(packed, 0, floats * sizeof *packed);
        for (int o = 0; o < a->O; o++) {
            *v2s_gemm_packed_at(v, packed, a->C, o, -1) = a->bias[o];
            float *to = v2s_gemm_packed_at(v, packed, a->C, o, 0);
            for (int c = 0; c < a->C; c++)
                to[(size_t)c * v->panel] = a->w[(size_t)o * a->C + c];
        }
    }
    linear_job job = {v, a, packed};
    v2s_parallel(dev->threads, a->M >= 1024 ? dev->threads : 1, rows, &job);
    v2s_arena_rewind(scratch, mark);
}

static void fetch_rows(void *ctx, int first, int S, float *work, const float **row) {
    (void)work;
    const v2s_linear_args *a = ctx;
    for (int s = 0; s < S; s++)
        row[s] = a->x + (size_t)(first + s) * a->C;
}

static v2s_affine_job backward_job(const v2s_linear_backward_args *g) {
    return (v2s_affine_job){.rows = g->of.M,
                            .M = g->of.O,
                            .N = g->of.C,
                            .dy = g->dy,
                            .ctx = (void *)&g->of,
                            .fetch = fetch_rows,
                            .dx = g->dx,
                            .dw = g->dw,
                            .dbias = g->dbias};
}

static size_t packed_floats(const v2s_vector *v, const v2s_linear_args *a) {
    return v2s_size_mul((size_t)v2s_round_up(a->O, v->lanes), (size_t)v2s_round_up(a->C, v->lanes));
}

size_t v2s_linear_backward_scratch_vector(const v2s_device *dev,
                                          const v2s_linear_backward_args *g) {
    v2s_affine_job job = backward_job(g);
    size_t pointers = v2s_size_mul((size_t)g->of.O, sizeof(float *));
    size_t packed = v2s_size_mul(packed_floats(dev->vector, &g->of), sizeof(float));
    return v2s_affine_scratch(dev, &job) + v2s_scratch_round(packed + pointers, 2);
}

void v2s_linear_backward_vector(const v2s_device *dev, const v2s_linear_backward_args *g,
                                v2s_arena *scratch) {
    size_t mark = scratch->used;
    const v2s_linear_args *a = &g->of;
    v2s_affine_job job = backward_job(g);
    if (g->dx != NULL) {
        int lanes = dev->vector->lanes;
        size_t floats = packed_floats(dev->vector, a);
        float *packed = v2s_arena_take(scratch, floats, sizeof *packed);
        const float **row = v2s_arena_take(scratch, (size_t)a->O, sizeof *row);
        for (int o = 0; o < a->O; o++)
            row[o] = a->w + (size_t)o * a->C;
        memset(packed, 0, floats * sizeof *packed);
        v2s_pack_panels(lanes, row, a->O, a->C, v2s_round_up(a->O, lanes), packed);
        job.w = packed;
    }
    v2s_affine_backward(dev, &job, scratch);
    v2s_arena_rewind(scratch, mark);
}
