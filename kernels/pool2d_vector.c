// SPDX-License-Identifier: MIT
#include "kernels/base/team.h"
#include "kernels/device.h"
#include "kernels/picture_ops.h"
#include "kernels/picture_vector.h"

typedef struct pool_job {
    const v2s_pool2d_args *a;
    const v2s_block_vector *kernels;
    bool back;
} pool_job;

// A share of the rows of y of all blocks of all items.
static void pool_share(void *ctx, int part, int parts) {
    const pool_job *job = ctx;
    const v2s_pool2d_args *a = job->a;
    size_t block = (size_t)job->kernels->block, half = (size_t)(a->H / 2), begin, end;
    size_t in = (size_t)a->W * block, out = (size_t)(a->W / 2) * block;
    v2s_team_share((size_t)a->N * ((size_t)a->C / block) * half, 1, part, parts, &begin, &end);
    for (size_t row = begin; row < end; row++) {
        size_t x = (row / half * (size_t)a->H + row % half * 2) * in, y = row * out;
        if (job->back)
            job->kernels->unpool_row(a->W, a->dy + y, a->index + y, a->dx + x);
        else
            job->kernels->pool_row(a->W, a->x + x, a->y + y,
                                   a->index != NULL ? a->index + y : NULL);
    }
}

static bool pooled(const v2s_device *dev, const v2s_pool2d_args *a, bool back) {
    pool_job job = {a, v2s_block_vector_of(dev, a->block), back};
    if (job.kernels == NULL)
        return false;
    int threads = v2s_picture_threads(dev, (size_t)a->N * a->C * a->H * a->W);
    v2s_team(threads, threads, pool_share, &job);
    return true;
}

void v2s_pool2d_forward_vector(const v2s_device *dev, const v2s_pool2d_args *a,
                               v2s_arena *scratch) {
    if (!pooled(dev, a, false))
        v2s_pool2d_forward(dev, a, scratch);
}

void v2s_pool2d_backward_vector(const v2s_device *dev, const v2s_pool2d_args *a,
                                v2s_arena *scratch) {
    if (!pooled(dev, a, true))
        v2s_pool2d_backward(dev, a, scratch);
}
