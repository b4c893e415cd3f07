// SPDX-License-Identifier: MIT
#include "kernels/base/team.h"

#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernels/base/parallel.h"

// Of each thread, since a team belongs to the thread that called it.
static _Thread_local bool stands;

void v2s_team_settle(char **argv) {
    if (getenv("OMP_WAIT_POLICY") != NULL || getenv("GOMP_SPINCOUNT") != NULL)
        return;
    char path[PATH_MAX]; // the program's own, so that it keeps its name
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0 || setenv("GOMP_SPINCOUNT", "500", 0) != 0)
        return;
    path[length] = '\0';
    execv(path, argv);
}

bool v2s_team_stands(void) {
    return stands || omp_in_parallel();
}

void v2s_team(int threads, int parts, void (*part)(void *ctx, int i, int parts), void *ctx) {
    int n = threads < parts ? threads : parts;
    n = n > V2S_PARALLEL_MAX ? V2S_PARALLEL_MAX : n;
    if (n <= 1) {
        for (int i = 0; i < parts; i++)
            part(ctx, i, parts);
        return;
    }
    stands = true;
#pragma omp parallel for num_threads(n) schedule(static, 1)
    for (int i = 0; i < parts; i++)
        part(ctx, i, parts);
}

void v2s_team_size(int threads) {
    int limit = omp_get_thread_limit(); // of the environment
    omp_set_dynamic(0);
    omp_set_num_threads(threads < limit ? threads : limit);
    stands = stands || threads > 1;
}

void v2s_team_share(size_t count, size_t step, int i, int n, size_t *begin, size_t *end) {
    size_t steps = (count + step - 1) / step;
    size_t first = steps * (size_t)i / (size_t)n * step;
    size_t last = steps * ((size_t)i + 1) / (size_t)n * step;
    *begin = first < count ? first : count;
    *end = last < count ? last : count;
}
