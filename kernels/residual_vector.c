// SPDX-License-Identifier: MIT
#include "kernels/base/team.h"
#include "kernels/device.h"
#include "kernels/picture_ops.h"
#include "kernels/picture_vector.h"

// Numbers whose products with dy are added up as one part; the parts depend on the count alone.
enum { PART = 1 << 15, SUMS = 8 };

typedef struct residual_job {
    const v2s_residual_args *a;
    double *sums; // [parts]
} residual_job;

static size_t parts_of(const v2s_residual_args *a) {
    return (a->count + PART - 1) / PART;
}

static void forward_share(void *ctx, int part, int parts) {
    const v2s_residual_args *a = ctx;
    size_t begin, end;
    v2s_team_share(a->count, 16, part, parts, &begin, &end);
    v2s_residual_args share = {.count = end - begin,
                               .x = a->x + begin,
                               .branch = a->branch + begin,
                               .gamma = a->gamma,
                               .y = a->y + begin};
    v2s_residual_forward(NULL, &share, NULL);
}

void v2s_residual_forward_vector(const v2s_device *dev, const v2s_residual_args *a,
                                 v2s_arena *scratch) {
    (void)scratch;
    int threads = v2s_picture_threads(dev, a->count);
    v2s_team(threads, threads, forward_share, (void *)a);
}

static double dot(size_t count, const float *x, const float *y) {
    double sums[SUMS] = {0.0}, sum = 0.0;
    size_t i = 0;
    for (; i + SUMS <= count; i += SUMS)
        for (int s = 0; s < SUMS; s++)
            sums[s] += (double)x[i + s] * (double)y[i + s];
    for (; i < count; i++)
        sum += (double)x[i] * (double)y[i];
    for (int s = 0; s < SUMS; s++)
        sum += sums[s];
    return sum;
}

static void backward_part(void *ctx, int part, int parts) {
    (void)parts;
    const residual_job *job = ctx;
    const v2s_residual_args *a = job->a;
    size_t at = (size_t)part * PART, left = a->count - at, count = left < PART ? left : PART;
    v2s_residual_args share = {.count = count,
                               .gamma = a->gamma,
                               .dy = a->dy + at,
                               .dx = a->dx != NULL ? a->dx + at : NULL,
                               .dbranch = a->dbranch != NULL ? a->dbranch + at : NULL};
    v2s_residual_backward(NULL, &share, NULL);
    if (a->dgamma != NULL)
        job->sums[part] = dot(count, a->dy + at, a->branch + at);
}

void v2s_residual_backward_vector(const v2s_device *dev, const v2s_residual_args *a,
                                  v2s_arena *scratch) {
    size_t mark = scratch->used, parts = parts_of(a);
    residual_job job = {a, v2s_arena_take(scratch, parts, sizeof(double))};
    v2s_team(v2s_picture_threads(dev, a->count), (int)parts, backward_part, &job);
    double sum = 0.0;
    for (size_t i = 0; a->dgamma != NULL && i < parts; i++)
        sum += job.sums[i];
    if (a->dgamma != NULL)
        a->dgamma[0] += (float)sum;
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_residual_backward_scratch_vector(const v2s_device *dev, const v2s_residual_args *a) {
    (void)dev;
    return v2s_scratch_round(parts_of(a) * sizeof(double), 1);
}
