// SPDX-License-Identifier: MIT
#include "kernels/base/team.h"
#include "kernels/device.h"
#include "kernels/picture_ops.h"
#include "kernels/picture_vector.h"

typedef struct concat_job {
    const v2s_concat_args *a;
    bool back;
} concat_job;

// Numbers begin .. end-1 of item n of one of the two.
static void move_piece(const concat_job *job, size_t n, bool first, size_t begin, size_t end) {
    const v2s_concat_args *a = job->a;
    size_t y = n * (a->A + a->B) + (first ? 0 : a->A) + begin;
    size_t from = n * (first ? a->A : a->B) + begin;
    float *gradient = first ? a->da : a->db;
    v2s_concat_args piece = {.N = 1, .A = end - begin};
    if (job->back && gradient != NULL) {
        piece.dy = a->dy + y;
        piece.da = gradient + from;
        v2s_concat_backward(NULL, &piece, NULL);
    } else if (!job->back) {
        piece.a = (first ? a->a : a->b) + from;
        piece.y = a->y + y;
        v2s_concat_forward(NULL, &piece, NULL);
    }
}

static void move_share(void *ctx, int part, int parts) {
    const concat_job *job = ctx;
    size_t begin, end;
    for (size_t n = 0; n < (size_t)job->a->N; n++) {
        v2s_team_share(job->a->A, 16, part, parts, &begin, &end);
        if (begin < end)
            move_piece(job, n, true, begin, end);
        v2s_team_share(job->a->B, 16, part, parts, &begin, &end);
        if (begin < end)
            move_piece(job, n, false, begin, end);
    }
}

static void move(const v2s_device *dev, const v2s_concat_args *a, bool back) {
    concat_job job = {a, back};
    int threads = v2s_picture_threads(dev, (size_t)a->N * (a->A + a->B));
    v2s_team(threads, threads, move_share, &job);
}

void v2s_concat_forward_vector(const v2s_device *dev, const v2s_concat_args *a,
                               v2s_arena *scratch) {
    (void)scratch;
    move(dev, a, false);
}

void v2s_concat_backward_vector(const v2s_device *dev, const v2s_concat_args *a,
                                v2s_arena *scratch) {
    (void)scratch;
    move(dev, a, true);
}
