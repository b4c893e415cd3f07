// SPDX-License-Identifier: MIT
#include "kernels/base/parallel.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/base/team.h"

typedef struct job {
    void (*part)(void *ctx, int i, int parts);
    void *ctx;
    int first, step, parts; // this thread's parts: first, first + step, ...
    pthread_t thread;
    bool started;
} job;

static void *run_job(void *arg) {
    const job *j = arg;
    for (int i = j->first; i < j->parts; i += j->step)
        j->part(j->ctx, i, j->parts);
    return NULL;
}

void v2s_parallel(int threads, int parts, void (*part)(void *ctx, int i, int parts), void *ctx) {
    if (v2s_team_stands()) {
        v2s_team(threads, parts, part, ctx);
        return;
    }
    job jobs[V2S_PARALLEL_MAX];
    int n = threads < parts ? threads : parts;
    n = n < 1 ? 1 : n > V2S_PARALLEL_MAX ? V2S_PARALLEL_MAX : n;
    for (int i = 0; i < n; i++)
        jobs[i] = (job){.part = part, .ctx = ctx, .first = i, .step = n, .parts = parts};
    for (int i = 1; i < n; i++)
        jobs[i].started = pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]) == 0;
    run_job(&jobs[0]);
    for (int i = 1; i < n; i++) {
        if (jobs[i].started)
            pthread_join(jobs[i].thread, NULL);
        else
            run_job(&jobs[i]);
    }
}

void v2s_parallel_share(int count, int step, int i, int n, int *begin, int *end) {
    int64_t steps = ((int64_t)count + step - 1) / step;
    int64_t first = steps * i / n * step;
    int64_t last = steps * (i + 1) / n * step;
    *begin = (int)(first < count ? first : count);
    *end = (int)(last < count ? last : count);
}
