// SPDX-License-Identifier: MIT
// Pictures are cut into units that stay in the first cache: every unit's moments are taken about
// its own mean and are put together in double (Chan, Golub, LeVeque 1979), so that one pass over
// memory is as exact as the definition's two. The units depend on the sizes alone, so the result
// does not depend on the number of threads.
#include <math.h>

#include "kernels/base/team.h"
#include "kernels/device.h"
#include "kernels/picture_layout.h"
#include "kernels/picture_ops.h"
#include "kernels/picture_vector.h"
#include "kernels/vector.h"

enum { UNIT = 4096 }; // floats; a multiple of V2S_NORM_LANES

// Unit u is part u % pieces of item u / pieces % N of block u / pieces / N.
typedef struct norm_job {
    const v2s_picture_vector *kernels;
    const v2s_batch_norm_args *a;
    const v2s_batch_norm_backward_args *g; // NULL: forward
    size_t block, plane, pieces, units;    // plane: floats of a block of an item
    float *mean, *inv_std;                 // [C]
    float *mean_dy, *mean_dy_h;            // [C]; backward
    double *pairs; // [units,block,2]: mean and squares about it, or sums of dy and dy h
} norm_job;

static norm_job job_of(const v2s_device *dev, const v2s_batch_norm_args *a) {
    norm_job job = {.kernels = dev->vector->picture, .a = a, .block = v2s_picture_step(a->block)};
    job.plane = (size_t)a->H * a->W * job.block;
    job.pieces = (job.plane + UNIT - 1) / UNIT;
    job.units = job.pieces * (size_t)a->N * ((size_t)a->C / job.block);
    return job;
}

typedef struct unit {
    size_t channel, at, count; // its first channel; its floats
} unit;

static unit unit_of(const norm_job *job, size_t u) {
    size_t piece = u % job->pieces, n = u / job->pieces % (size_t)job->a->N;
    size_t b = u / job->pieces / (size_t)job->a->N, blocks = (size_t)job->a->C / job->block;
    size_t left = job->plane - piece * UNIT;
    return (unit){b * job->block, (n * blocks + b) * job->plane + piece * UNIT,
                  left < UNIT ? left : UNIT};
}

static void run_units(const v2s_device *dev, norm_job *job,
                      void (*part)(void *ctx, int i, int parts)) {
    int threads = v2s_picture_threads(dev, job->units * UNIT);
    if (job->units > 0)
        v2s_team(threads, threads, part, job);
}

// Sums of the lanes of every channel.
static void fold(const norm_job *job, const float *lanes, double *sums) {
    for (size_t l = 0; l < job->block; l++)
        sums[l] = 0.0;
    for (size_t i = 0; i < V2S_NORM_LANES; i++)
        sums[i % job->block] += (double)lanes[i];
}

// ---- forward ------------------------------------------------------------------------------------

// Moments of one unit: about its first pixel to find its mean, then about that.
static void unit_moments(const norm_job *job, size_t u) {
    unit at = unit_of(job, u);
    const float *x = job->a->x + at.at;
    float middle[V2S_NORM_LANES], sums[V2S_NORM_LANES], squares[V2S_NORM_LANES];
    double sum[V2S_NORM_LANES], square[V2S_NORM_LANES];
    double count = (double)(at.count / job->block);
    double *pairs = job->pairs + u * job->block * 2;
    for (size_t i = 0; i < V2S_NORM_LANES; i++)
        middle[i] = x[i % job->block];
    job->kernels->norm_moments(at.count, x, middle, sums, NULL);
    fold(job, sums, sum);
    for (size_t i = 0; i < V2S_NORM_LANES; i++)
        middle[i] = (float)((double)x[i % job->block] + sum[i % job->block] / count);
    job->kernels->norm_moments(at.count, x, middle, sums, squares);
    fold(job, sums, sum);
    fold(job, squares, square);
    for (size_t l = 0; l < job->block; l++) {
        pairs[2 * l] = (double)middle[l] + sum[l] / count;
        pairs[2 * l + 1] = square[l] - sum[l] * sum[l] / count;
    }
}

static void share_moments(void *ctx, int part, int parts) {
    const norm_job *job = ctx;
    size_t begin, end;
    v2s_team_share(job->units, 1, part, parts, &begin, &end);
    for (size_t u = begin; u < end; u++)
        unit_moments(job, u);
}

// Mean and variance of channel c from its units; moves the running ones.
static void merge(const norm_job *job, size_t c, double *mean, double *var) {
    const v2s_batch_norm_args *a = job->a;
    size_t many = job->pieces * (size_t)a->N, first = c / job->block * many;
    double count = 0.0, squares = 0.0, keep = 1.0 - (double)a->momentum;
    *mean = 0.0;
    for (size_t u = first; u < first + many; u++) {
        const double *pair = job->pairs + (u * job->block + c % job->block) * 2;
        double more = (double)(unit_of(job, u).count / job->block), total = count + more;
        double off = pair[0] - *mean;
        *mean += off * (more / total);
        squares += pair[1] + off * off * (count * more / total);
        count = total;
    }
    *var = squares / count;
    double unbiased = count > 1.0 ? squares / (count - 1.0) : *var;
    a->running_mean[c] = (float)(keep * (double)a->running_mean[c] + (double)a->momentum * *mean);
    a->running_var[c] = (float)(keep * (double)a->running_var[c] + (double)a->momentum * unbiased);
}

static v2s_norm_pattern pattern_of(const norm_job *job, size_t channel) {
    v2s_norm_pattern p;
    for (size_t i = 0; i < V2S_NORM_LANES; i++) {
        size_t c = channel + i % job->block;
        p.mean[i] = job->mean[c];
        p.inv_std[i] = job->inv_std[c];
        p.weight[i] = job->a->weight[c];
        p.bias[i] = job->g == NULL || job->a->relu ? job->a->bias[c] : 0.0f;
        p.mean_dy[i] = job->g != NULL ? job->mean_dy[c] : 0.0f;
        p.mean_dy_h[i] = job->g != NULL ? job->mean_dy_h[c] : 0.0f;
    }
    return p;
}

static void share_apply(void *ctx, int part, int parts) {
    const norm_job *job = ctx;
    size_t begin, end;
    v2s_team_share(job->units, 1, part, parts, &begin, &end);
    for (size_t u = begin; u < end; u++) {
        unit at = unit_of(job, u);
        v2s_norm_pattern p = pattern_of(job, at.channel);
        job->kernels->norm_apply(at.count, &p, job->a->relu, job->a->x + at.at, job->a->y + at.at);
    }
}

static size_t scratch_for(const norm_job *job, size_t per_channel) {
    return v2s_scratch_round(job->units * job->block * 2 * sizeof(double) +
                                 per_channel * (size_t)job->a->C * sizeof(float),
                             1 + per_channel);
}

size_t v2s_batch_norm_scratch_vector(const v2s_device *dev, const v2s_batch_norm_args *a) {
    norm_job job = job_of(dev, a);
    return scratch_for(&job, 2);
}

void v2s_batch_norm_forward_vector(const v2s_device *dev, const v2s_batch_norm_args *a,
                                   v2s_arena *scratch) {
    size_t mark = scratch->used, C = (size_t)a->C;
    norm_job job = job_of(dev, a);
    job.pairs = v2s_arena_take(scratch, job.units * job.block * 2, sizeof *job.pairs);
    job.mean = v2s_arena_take(scratch, C, sizeof *job.mean);
    job.inv_std = v2s_arena_take(scratch, C, sizeof *job.inv_std);
    if (a->training)
        run_units(dev, &job, share_moments);
    for (size_t c = 0; c < C; c++) {
        double mean = (double)a->running_mean[c], var = (double)a->running_var[c];
        if (a->training && job.units > 0)
            merge(&job, c, &mean, &var);
        job.mean[c] = (float)mean;
        job.inv_std[c] = (float)(1.0 / sqrt(var + (double)a->eps));
        if (a->saved_mean != NULL) {
            a->saved_mean[c] = job.mean[c];
            a->saved_inv_std[c] = job.inv_std[c];
        }
    }
    run_units(dev, &job, share_apply);
    v2s_arena_rewind(scratch, mark);
}

// ---- backward -----------------------------------------------------------------------------------

static void share_sums(void *ctx, int part, int parts) {
    const norm_job *job = ctx;
    size_t begin, end;
    v2s_team_share(job->units, 1, part, parts, &begin, &end);
    for (size_t u = begin; u < end; u++) {
        unit at = unit_of(job, u);
        v2s_norm_pattern p = pattern_of(job, at.channel);
        float sum_dy[V2S_NORM_LANES], sum_dy_h[V2S_NORM_LANES];
        double dy[V2S_NORM_LANES], dy_h[V2S_NORM_LANES];
        job->kernels->norm_sums(at.count, &p, job->a->relu, job->a->x + at.at, job->g->dy + at.at,
                                sum_dy, sum_dy_h);
        fold(job, sum_dy, dy);
        fold(job, sum_dy_h, dy_h);
        for (size_t l = 0; l < job->block; l++) {
            job->pairs[(u * job->block + l) * 2] = dy[l];
            job->pairs[(u * job->block + l) * 2 + 1] = dy_h[l];
        }
    }
}

static void share_back(void *ctx, int part, int parts) {
    const norm_job *job = ctx;
    size_t begin, end;
    v2s_team_share(job->units, 1, part, parts, &begin, &end);
    for (size_t u = begin; u < end; u++) {
        unit at = unit_of(job, u);
        v2s_norm_pattern p = pattern_of(job, at.channel);
        job->kernels->norm_back(at.count, &p, job->a->relu, job->a->x + at.at, job->g->dy + at.at,
                                job->g->dx + at.at);
    }
}

// dbias and dweight of channel c, and the means that dx takes off.
static void finish_sums(const norm_job *job, size_t c) {
    const v2s_batch_norm_args *a = job->a;
    size_t many = job->pieces * (size_t)a->N, first = c / job->block * many;
    double sum_dy = 0.0, sum_dy_h = 0.0;
    double count = (double)a->N * a->H * a->W;
    for (size_t u = first; u < first + many; u++) {
        sum_dy += job->pairs[(u * job->block + c % job->block) * 2];
        sum_dy_h += job->pairs[(u * job->block + c % job->block) * 2 + 1];
    }
    job->g->dbias[c] += (float)sum_dy;
    job->g->dweight[c] += (float)sum_dy_h;
    job->mean_dy[c] = a->training && count > 0.0 ? (float)(sum_dy / count) : 0.0f;
    job->mean_dy_h[c] = a->training && count > 0.0 ? (float)(sum_dy_h / count) : 0.0f;
}

size_t v2s_batch_norm_backward_scratch_vector(const v2s_device *dev,
                                              const v2s_batch_norm_backward_args *g) {
    norm_job job = job_of(dev, &g->of);
    return scratch_for(&job, 2);
}

void v2s_batch_norm_backward_vector(const v2s_device *dev, const v2s_batch_norm_backward_args *g,
                                    v2s_arena *scratch) {
    size_t mark = scratch->used, C = (size_t)g->of.C;
    norm_job job = job_of(dev, &g->of);
    job.g = g;
    job.mean = g->of.saved_mean;
    job.inv_std = g->of.saved_inv_std;
    job.pairs = v2s_arena_take(scratch, job.units * job.block * 2, sizeof *job.pairs);
    job.mean_dy = v2s_arena_take(scratch, C, sizeof *job.mean_dy);
    job.mean_dy_h = v2s_arena_take(scratch, C, sizeof *job.mean_dy_h);
    for (size_t c = 0; c < C; c++)
        job.mean_dy[c] = job.mean_dy_h[c] = 0.0f;
    run_units(dev, &job, share_sums);
    for (size_t c = 0; c < C; c++)
        finish_sums(&job, c);
    if (g->dx != NULL)
        run_units(dev, &job, share_back);
    v2s_arena_rewind(scratch, mark);
}
