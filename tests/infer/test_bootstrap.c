// SPDX-License-Identifier: MIT
#include "infer/bootstrap.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hash_noise.h"

static v2s_interval interval_of(const char *const *cluster, const double *values, size_t clips,
                                int draws, uint64_t seed) {
    v2s_bootstrap *b = NULL;
    v2s_interval i;
    cr_assert_eq(v2s_bootstrap_open(cluster, clips, draws, seed, &b), V2S_OK);
    cr_assert_eq(v2s_bootstrap_mean(b, values, &i), V2S_OK);
    v2s_bootstrap_close(&b);
    return i;
}

// Two clusters: a draw has both (half of the draws), or one of them twice (a quarter each).
Test(bootstrap, two_clusters_give_their_own_means_as_ends) {
    static const char *const cluster[] = {"b", "a", "a", "a"};
    static const double values[] = {1, 0, 0, 0};
    v2s_interval i = interval_of(cluster, values, 4, 2000, 0);
    cr_expect_float_eq(i.mean, 0.25, 1e-15);
    cr_expect_eq(i.lo, 0);
    cr_expect_eq(i.hi, 1);
    cr_expect_eq(i.clips, 4);
}

// Independent clips: the interval is that of the normal limit, mean +- 1.96 s / sqrt(n).
Test(bootstrap, many_clips_give_the_normal_interval) {
    enum { N = 400, DRAWS = 20000 };
    float noise[N];
    double values[N], sum = 0, squares = 0;
    const char *cluster[N];
    static char name[N][8];
    hash_noise(3, N, 1, noise);
    for (int k = 0; k < N; k++) {
        values[k] = (double)noise[k];
        sum += values[k];
        squares += values[k] * values[k];
        snprintf(name[k], sizeof name[k], "r%d", k);
        cluster[k] = name[k];
    }
    double mean = sum / N, half = 1.959964 * sqrt(squares / N - mean * mean) / sqrt(N);
    v2s_interval i = interval_of(cluster, values, N, DRAWS, 1);
    cr_expect_float_eq(i.mean, mean, 1e-12);
    cr_expect_float_eq(i.lo, mean - half, 0.05 * half, "%g against %g", i.lo, mean - half);
    cr_expect_float_eq(i.hi, mean + half, 0.05 * half, "%g against %g", i.hi, mean + half);
}

// Ten copies of each value in one cluster say no more than one: the interval must not shrink.
Test(bootstrap, clips_of_one_room_count_as_one) {
    enum { ROOMS = 60, COPIES = 10, N = ROOMS * COPIES };
    float noise[ROOMS];
    double once[ROOMS], copied[N];
    const char *room[ROOMS], *rooms[N];
    static char name[ROOMS][8];
    hash_noise(4, ROOMS, 1, noise);
    for (int k = 0; k < N; k++) {
        int r = k % ROOMS;
        snprintf(name[r], sizeof name[r], "r%d", r);
        once[r] = copied[k] = (double)noise[r];
        room[r] = rooms[k] = name[r];
    }
    v2s_interval a = interval_of(room, once, ROOMS, 2000, 5);
    v2s_interval b = interval_of(rooms, copied, N, 2000, 5);
    cr_expect_float_eq(a.lo, b.lo, 1e-12);
    cr_expect_float_eq(a.hi, b.hi, 1e-12);
    cr_expect_gt(a.hi - a.lo, 0.1);
}

Test(bootstrap, pairs_share_their_draws) {
    static const char *const cluster[] = {"a", "b", "c", "d", "e"};
    static const double x[] = {1, 5, 2, 8, 3}, shifted[] = {1.5, 5.5, 2.5, 8.5, 3.5};
    v2s_bootstrap *b = NULL;
    v2s_interval i, k, d;
    double difference[5];
    for (int n = 0; n < 5; n++)
        difference[n] = shifted[n] - x[n];
    cr_assert_eq(v2s_bootstrap_open(cluster, 5, 500, 7, &b), V2S_OK);
    cr_expect_eq(v2s_bootstrap_clusters(b), 5);
    cr_assert_eq(v2s_bootstrap_mean(b, x, &i), V2S_OK);
    cr_assert_eq(v2s_bootstrap_mean(b, shifted, &k), V2S_OK);
    cr_assert_eq(v2s_bootstrap_mean(b, difference, &d), V2S_OK);
    cr_expect_float_eq(k.lo - i.lo, 0.5, 1e-12);
    cr_expect_float_eq(k.hi - i.hi, 0.5, 1e-12);
    cr_expect_eq(d.lo, 0.5);
    cr_expect_eq(d.hi, 0.5);
    v2s_bootstrap_close(&b);
}

Test(bootstrap, same_seed_same_interval) {
    static const char *const cluster[] = {"a", "b", "c", "d", "e", "f"};
    static const char *const renamed[] = {"p", "q", "r", "s", "t", "u"};
    static const double x[] = {1, 5.25, 2, 8.5, 3, -1.125};
    v2s_interval a = interval_of(cluster, x, 6, 301, 9), b = interval_of(cluster, x, 6, 301, 9);
    v2s_interval c = interval_of(renamed, x, 6, 301, 9), d = interval_of(cluster, x, 6, 301, 10);
    cr_expect(a.lo == b.lo && a.hi == b.hi);
    cr_expect(a.lo == c.lo && a.hi == c.hi);
    cr_expect(a.lo != d.lo || a.hi != d.hi);
}

Test(bootstrap, what_is_no_number_is_left_out) {
    static const char *const cluster[] = {"a", "b", "c", "d"};
    const double some[] = {1, NAN, 3, INFINITY}, one[] = {NAN, 2, NAN, NAN},
                 none[] = {NAN, NAN, NAN, NAN};
    v2s_interval i = interval_of(cluster, some, 4, 1000, 0);
    cr_expect_eq(i.mean, 2);
    cr_expect_eq(i.clips, 2);
    cr_expect_eq(i.lo, 1);
    cr_expect_eq(i.hi, 3);
    i = interval_of(cluster, one, 4, 1000, 0);
    cr_expect_eq(i.mean, 2);
    cr_expect(isnan(i.lo) && isnan(i.hi), "one room has no interval");
    i = interval_of(cluster, none, 4, 1000, 0);
    cr_expect(isnan(i.mean) && i.clips == 0);
    i = interval_of(cluster, some, 0, 1000, 0);
    cr_expect(isnan(i.mean));
}

// All columns at once, on several threads: the same bits as one by one.
Test(bootstrap, columns_and_threads_do_not_change_a_digit) {
    enum { N = 90, COLUMNS = 7, DRAWS = 501 };
    static float noise[COLUMNS * N];
    static double values[COLUMNS][N];
    static char name[N][8];
    const char *cluster[N];
    const double *columns[COLUMNS];
    hash_noise(8, COLUMNS * N, 1, noise);
    for (int i = 0; i < N; i++) {
        snprintf(name[i], sizeof name[i], "r%d", i % 23);
        cluster[i] = name[i];
    }
    for (int k = 0; k < COLUMNS; k++) {
        columns[k] = values[k];
        for (int i = 0; i < N; i++)
            values[k][i] = k == 5 || (k == 3 && i % 23 != 4) || (k == 2 && i % 3 == 0)
                               ? (double)NAN
                               : (double)noise[k * N + i];
    }
    v2s_bootstrap *b = NULL;
    cr_assert_eq(v2s_bootstrap_open(cluster, N, DRAWS, 11, &b), V2S_OK);
    for (int threads = 1; threads <= 5; threads += 2) {
        v2s_interval all[COLUMNS];
        cr_assert_eq(v2s_bootstrap_means(b, columns, COLUMNS, threads, all), V2S_OK);
        for (int k = 0; k < COLUMNS; k++) {
            v2s_interval one = interval_of(cluster, values[k], N, DRAWS, 11);
            cr_expect(memcmp(&one.lo, &all[k].lo, sizeof one.lo) == 0 || isnan(one.lo));
            cr_expect(memcmp(&one.hi, &all[k].hi, sizeof one.hi) == 0 || isnan(one.hi));
            cr_expect_eq(one.clips, all[k].clips);
            cr_expect_eq(isnan(all[k].lo), k == 3 || k == 5, "column %d", k);
        }
    }
    v2s_bootstrap_close(&b);
}
