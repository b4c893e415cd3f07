// SPDX-License-Identifier: MIT
#include "kernels/base/team.h"
#include "kernels/device.h"
#include "kernels/picture_ops.h"
#include "kernels/picture_vector.h"

v2s_place v2s_place_of(int i, int count, int outputs) {
    v2s_place p = {0};
    if (outputs > 1) {
        int64_t at = (int64_t)i * (count - 1);
        p.first = (int)(at / (outputs - 1));
        p.share = (float)(at % (outputs - 1)) / (float)(outputs - 1);
    }
    p.second = p.first + 1 < count ? p.first + 1 : p.first;
    return p;
}

typedef struct upsample_job {
    const v2s_upsample2d_args *a;
    const v2s_block_vector *kernels;
    bool back;
} upsample_job;

static int fill_places(const v2s_upsample2d_args *a, int first, v2s_place *to) {
    int left = a->OW - first, count = left < V2S_UPSAMPLE_COLUMNS ? left : V2S_UPSAMPLE_COLUMNS;
    for (int j = 0; j < count; j++)
        to[j] = v2s_place_of(first + j, a->W, a->OW);
    return count;
}

// Row i of y of a plane of one block, at the columns of r.
static void one_row(const upsample_job *job, size_t plane, int i, int column, v2s_upsample_row *r) {
    const v2s_upsample2d_args *a = job->a;
    size_t block = (size_t)job->kernels->block, row = (size_t)a->W * block;
    v2s_place v = v2s_place_of(i, a->H, a->OH);
    size_t x = plane * (size_t)a->H * row;
    size_t y = ((plane * (size_t)a->OH + (size_t)i) * (size_t)a->OW + (size_t)column) * block;
    r->share = v.share;
    if (job->back) {
        r->dy = a->dy + y;
        r->dtop = a->dx + x + (size_t)v.first * row;
        r->dbelow = a->dx + x + (size_t)v.second * row;
        job->kernels->downsample_row(r);
    } else {
        r->y = a->y + y;
        r->top = a->x + x + (size_t)v.first * row;
        r->below = a->x + x + (size_t)v.second * row;
        job->kernels->upsample_row(r);
    }
}

// A share of the rows of y. On the way back neighbouring rows add to the same ones, so that shares
// are of whole planes there.
static void upsample_share(void *ctx, int part, int parts) {
    const upsample_job *job = ctx;
    const v2s_upsample2d_args *a = job->a;
    size_t planes = (size_t)a->N * (size_t)(a->C / job->kernels->block), OH = (size_t)a->OH;
    size_t begin, end;
    v2s_team_share(planes * OH, job->back ? OH : 1, part, parts, &begin, &end);
    v2s_place places[V2S_UPSAMPLE_COLUMNS];
    v2s_upsample_row r = {.place = places};
    for (int column = 0; column < a->OW; column += r.columns) {
        r.columns = fill_places(a, column, places);
        for (size_t row = begin; row < end; row++)
            one_row(job, row / OH, (int)(row % OH), column, &r);
    }
}

static bool resized(const v2s_device *dev, const v2s_upsample2d_args *a, bool back) {
    upsample_job job = {a, v2s_block_vector_of(dev, a->block), back};
    if (job.kernels == NULL)
        return false;
    if (a->OH == 0)
        return true;
    int threads = v2s_picture_threads(dev, (size_t)a->N * a->C * a->OH * a->OW);
    v2s_team(threads, threads, upsample_share, &job);
    return true;
}

void v2s_upsample2d_forward_vector(const v2s_device *dev, const v2s_upsample2d_args *a,
                                   v2s_arena *scratch) {
    if (!resized(dev, a, false))
        v2s_upsample2d_forward(dev, a, scratch);
}

void v2s_upsample2d_backward_vector(const v2s_device *dev, const v2s_upsample2d_args *a,
                                    v2s_arena *scratch) {
    if (!resized(dev, a, true))
        v2s_upsample2d_backward(dev, a, scratch);
}
