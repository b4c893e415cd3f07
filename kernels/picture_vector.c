// SPDX-License-Identifier: MIT
#include "kernels/picture_vector.h"

#include "kernels/base/team.h"
#include "kernels/device.h"
#include "kernels/picture_ops.h"
#include "kernels/vector.h"

const v2s_block_vector *v2s_block_vector_of(const v2s_device *dev, int block) {
    if (block == 8)
        return dev->vector->picture->block8;
    return block == 16 ? dev->vector->picture->block16 : NULL;
}

int v2s_picture_threads(const v2s_device *dev, size_t floats) {
    return floats < V2S_TEAM_FLOATS ? 1 : dev->threads;
}

// ---- rows ---------------------------------------------------------------------------------------

typedef struct rows_job {
    const v2s_picture_rows_args *a;
    const v2s_block_vector *kernels;
    bool back;
} rows_job;

// A share of the pixels of all items; the blocks of a few pixels after one another, so that whole
// rows are written while they are in the cache.
static void move_share(void *ctx, int part, int parts) {
    enum { PIXELS = 64 };
    const rows_job *job = ctx;
    const v2s_picture_rows_args *a = job->a;
    size_t P = (size_t)a->P, C = (size_t)a->C, block = (size_t)job->kernels->block, begin, end;
    v2s_team_share((size_t)a->N * P, PIXELS, part, parts, &begin, &end);
    for (size_t at = begin, next; at < end; at = next) {
        size_t n = at / P, p = at % P;
        next = (n + 1) * P < at + PIXELS ? (n + 1) * P : at + PIXELS;
        next = next < end ? next : end;
        for (size_t c = 0; c < C; c += block) {
            size_t picture = n * C * P + c * P + p * block, rows = at * C + c;
            if (job->back)
                job->kernels->from_rows(next - at, C, a->add, a->from + rows, a->to + picture);
            else
                job->kernels->to_rows(next - at, C, a->add, a->from + picture, a->to + rows);
        }
    }
}

static bool moved(const v2s_device *dev, const v2s_picture_rows_args *a, bool back) {
    rows_job job = {a, v2s_block_vector_of(dev, a->block), back};
    if (job.kernels == NULL)
        return false;
    int threads = v2s_picture_threads(dev, (size_t)a->N * a->C * a->P);
    v2s_team(threads, threads, move_share, &job);
    return true;
}

void v2s_picture_to_rows_vector(const v2s_device *dev, const v2s_picture_rows_args *a,
                                v2s_arena *scratch) {
    if (!moved(dev, a, false))
        v2s_picture_to_rows(dev, a, scratch);
}

void v2s_picture_from_rows_vector(const v2s_device *dev, const v2s_picture_rows_args *a,
                                  v2s_arena *scratch) {
    if (!moved(dev, a, true))
        v2s_picture_from_rows(dev, a, scratch);
}
