// SPDX-License-Identifier: MIT
#include "infer/score_cache.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/make_media.h"

enum { COUNT = 5 };

static v2s_digest key_of(int i) {
    v2s_digest d = v2s_digest_start();
    v2s_digest_integer(&d, i);
    return d;
}

static void values_of(int i, double values[COUNT]) {
    const double made[COUNT] = {i / 3.0, -0.0, NAN, INFINITY, 5e-324 * i};
    memcpy(values, made, sizeof made);
}

static v2s_score_cache *opened(void) {
    v2s_score_cache *c = NULL;
    cr_assert_eq(v2s_score_cache_open(v2s_test_path("cache"), &c), V2S_OK, "%s", v2s_error_text());
    return c;
}

static void add(v2s_score_cache *c, int from, int to) {
    for (int i = from; i < to; i++) {
        double values[COUNT];
        v2s_digest key = key_of(i);
        values_of(i, values);
        cr_assert_eq(v2s_score_cache_add(c, &key, values, COUNT), V2S_OK, "%s", v2s_error_text());
    }
}

// How many of the first `count` records are there, bit for bit.
static int found(v2s_score_cache *c, int count) {
    int n = 0;
    for (int i = 0; i < count; i++) {
        double want[COUNT], got[COUNT];
        v2s_digest key = key_of(i);
        values_of(i, want);
        n += v2s_score_cache_find(c, &key, got, COUNT) && memcmp(want, got, sizeof got) == 0;
    }
    return n;
}

// The file of a cache of `count` records; the caller frees it.
static unsigned char *written(int count, size_t *size) {
    v2s_score_cache *c = opened();
    add(c, 0, count);
    v2s_score_cache_close(&c);
    return v2s_test_read_file(v2s_test_path("cache/scores.txt"), size);
}

static void remove_cache(void) {
    unlink(v2s_test_path("cache/scores.txt"));
    rmdir(v2s_test_path("cache"));
    v2s_test_folder_remove();
}

TestSuite(score_cache, .fini = remove_cache);

Test(score_cache, numbers_come_back_bit_for_bit) {
    v2s_score_cache *c = opened();
    cr_expect_eq(found(c, 20), 0);
    add(c, 0, 20);
    v2s_score_cache_close(&c);
    c = opened();
    cr_expect_eq(found(c, 20), 20);
    double more[COUNT + 1];
    v2s_digest key = key_of(3), none = key_of(99);
    cr_expect(!v2s_score_cache_find(c, &key, more, COUNT + 1), "another number of numbers");
    cr_expect(!v2s_score_cache_find(c, &none, more, COUNT));
    add(c, 20, 30);
    v2s_score_cache_close(&c);
    c = opened();
    cr_expect_eq(found(c, 30), 30);
    cr_expect_eq(v2s_score_cache_damaged(c), 0);
    v2s_score_cache_close(&c);
    cr_expect_null(c);
}

// Cut anywhere: whole lines stay, the torn one is gone, and what is added after it is whole.
Test(score_cache, a_torn_line_is_cut_off) {
    v2s_score_cache *c;
    size_t size = 0;
    unsigned char *data = written(4, &size);
    size_t line = size / 4;
    for (size_t keep = 0; keep <= size; keep++) {
        v2s_test_write_file(v2s_test_path("cache/scores.txt"), data, keep);
        c = opened();
        cr_assert_eq(found(c, 4), (int)(keep / line), "%zu of %zu bytes", keep, size);
        cr_assert_eq(v2s_score_cache_torn_bytes(c), keep % line);
        add(c, 10, 11);
        v2s_score_cache_close(&c);
        c = opened();
        cr_assert_eq(found(c, 11), (int)(keep / line) + 1);
        cr_assert_eq(v2s_score_cache_damaged(c), 0);
        v2s_score_cache_close(&c);
    }
    free(data);
}

// Any byte that changes costs its line (two where it was the line's end), and no wrong number.
Test(score_cache, damaged_lines_are_not_used) {
    v2s_score_cache *c;
    size_t size = 0;
    unsigned char *data = written(3, &size);
    for (size_t i = 0; i < size; i++)
        for (int way = 0; way < 2; way++) {
            unsigned char kept = data[i];
            data[i] = way == 0 ? kept ^ 1 : 0;
            v2s_test_write_file(v2s_test_path("cache/scores.txt"), data, size);
            c = opened();
            int left = found(c, 3);
            cr_assert_eq(left, kept != '\n' ? 2 : i + 1 == size ? 2 : 1, "byte %zu: %d", i, left);
            v2s_score_cache_close(&c);
            data[i] = kept;
        }
    v2s_test_write_text("cache/scores.txt", "nonsense\n\n 5 x\n"
                                            "0123456789abcdef0123456789abcdef 99999999999999999999 "
                                            "00\n");
    c = opened();
    cr_expect_eq(v2s_score_cache_damaged(c), 4);
    v2s_score_cache_close(&c);
    free(data);
}

Test(score_cache, one_process_at_a_time_and_faults_are_named) {
    v2s_score_cache *c = opened(), *other = NULL;
    cr_expect_eq(v2s_score_cache_open(v2s_test_path("cache"), &other), V2S_IO);
    cr_expect_neq(strstr(v2s_error_text(), "another run is using it"), NULL);
    v2s_score_cache_close(&c);
    cr_expect_eq(v2s_score_cache_open(v2s_test_path("gone/cache"), &other), V2S_IO);
    cr_expect_neq(strstr(v2s_error_text(), "cannot make the folder"), NULL);
    v2s_test_write_text("file", "x");
    cr_expect_eq(v2s_score_cache_open(v2s_test_path("file"), &other), V2S_IO);
    cr_expect_null(other);
}

Test(score_cache, digests_tell_what_differs) {
    v2s_digest a = v2s_digest_start(), b = v2s_digest_start();
    v2s_digest_text(&a, "ab");
    v2s_digest_text(&a, "c");
    v2s_digest_text(&b, "a");
    v2s_digest_text(&b, "bc");
    cr_expect_neq(memcmp(&a, &b, sizeof a), 0, "where a text ends");
    a = b = v2s_digest_start();
    v2s_digest_text(&a, NULL);
    v2s_digest_text(&b, "");
    cr_expect_neq(memcmp(&a, &b, sizeof a), 0);
    v2s_test_write_text("f", "one");
    a = b = v2s_digest_start();
    cr_assert_eq(v2s_digest_stamp(&a, v2s_test_path("f")), V2S_OK);
    v2s_test_write_text("f", "four");
    cr_assert_eq(v2s_digest_stamp(&b, v2s_test_path("f")), V2S_OK);
    cr_expect_neq(memcmp(&a, &b, sizeof a), 0);
    a = b = v2s_digest_start();
    cr_assert_eq(v2s_digest_file(&a, v2s_test_path("f")), V2S_OK);
    v2s_test_write_text("f", "fouR");
    cr_assert_eq(v2s_digest_file(&b, v2s_test_path("f")), V2S_OK);
    cr_expect_neq(memcmp(&a, &b, sizeof a), 0);
    cr_expect_eq(v2s_digest_file(&b, v2s_test_path("gone")), V2S_IO);
    cr_expect_eq(v2s_digest_stamp(&b, v2s_test_path("gone")), V2S_IO);
}
