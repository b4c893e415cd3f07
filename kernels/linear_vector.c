// SPDX-License-Identifier: MIT
// Wide outputs go through the packed matrix product. Up to NARROW outputs would leave most of a
// register empty there, so they are taken as dot products along the input instead.
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/vector.h"

enum { NARROW = 8 };

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
    v2s_gemm_args args = {.M = end - begin,
                          .N = a->O,
                          .K = a->C,
                          .x = a->x + (size_t)begin * a->C,
                          .ldx = (size_t)a->C,
                          .w = job->packed != NULL ? job->packed : a->w,
                          .bias = a->bias,
                          .y = a->y + (size_t)begin * a->O,
                          .ldy = (size_t)a->O};
    if (job->packed != NULL)
        job->v->gemm(&args);
    else
        job->v->dot(&args);
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
            for (int c = 0; c < a->C; c++)
                *v2s_gemm_packed_at(v, packed, a->C, o, c) = a->w[(size_t)o * a->C + c];
        }
    }
    linear_job job = {v, a, packed};
    v2s_parallel(dev->threads, a->M >= 1024 ? dev->threads : 1, rows, &job);
    v2s_arena_rewind(scratch, mark);
}
