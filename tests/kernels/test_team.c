// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <pthread.h>

#include "kernels/base/parallel.h"
#include "kernels/base/team.h"

enum { PARTS = 200 };

static void count_part(void *ctx, int i, int parts) {
    int *counts = ctx;
    counts[i] += parts;
}

Test(team, runs_every_part_once_on_any_number_of_threads) {
    const int threads[] = {0, 1, 2, 3, 8, 200};
    for (int t = 0; t < 6; t++)
        for (int parts = 0; parts <= PARTS; parts += 25) {
            int counts[PARTS] = {0};
            v2s_team(threads[t], parts, count_part, counts);
            for (int i = 0; i < PARTS; i++)
                cr_assert_eq(counts[i], i < parts ? parts : 0);
        }
}

typedef struct nest {
    int counts[4][PARTS];
} nest;

static void inner_team(void *ctx, int i, int parts) {
    (void)parts;
    v2s_team(4, PARTS, count_part, ((nest *)ctx)->counts[i]);
}

Test(team, within_a_team_does_all_parts) {
    nest n = {0};
    v2s_team(4, 4, inner_team, &n);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < PARTS; j++)
            cr_assert_eq(n.counts[i][j], PARTS);
}

typedef struct workers {
    pthread_t thread[2];
} workers;

static void who(void *ctx, int i, int parts) {
    (void)parts;
    ((workers *)ctx)->thread[i] = pthread_self();
}

Test(team, once_there_is_what_parallel_runs_on) {
    workers before, team, after;
    cr_assert_not(v2s_team_stands());
    v2s_parallel(2, 2, who, &before);
    v2s_team(2, 2, who, &team);
    cr_assert(v2s_team_stands());
    v2s_parallel(2, 2, who, &after);
    for (int i = 0; i < 2; i++)
        cr_assert(pthread_equal(team.thread[i], after.thread[i]));
    cr_assert(pthread_equal(before.thread[0], pthread_self()));
    cr_assert_not(pthread_equal(before.thread[1], pthread_self()));
}

Test(team, shares_cover_everything_once) {
    for (size_t count = 0; count < 50; count++)
        for (int n = 1; n < 9; n++) {
            size_t at = 0, begin, end;
            for (int i = 0; i < n; i++) {
                v2s_team_share(count, 8, i, n, &begin, &end);
                cr_assert(begin == at && end >= begin && (end == count || end % 8 == 0));
                at = end;
            }
            cr_assert_eq(at, count);
        }
    size_t begin, end, huge = (size_t)1 << 40;
    v2s_team_share(huge, 16, 2, 3, &begin, &end);
    cr_assert(end == huge && begin % 16 == 0 && begin > huge / 2);
}
