// SPDX-License-Identifier: MIT
// Every allocation of our own fails once: the answer is NOMEM with a sentence, and nothing leaks
// (the sanitizer build sees to that). tests/CMakeLists.txt wraps the allocators of test_*_alloc.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/depth_set.h"
#include "data/media.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/make_depth_set.h"
#include "tests/support/make_media.h"

enum { SIZE = 16 };

static v2s_status load_all(const v2s_depth_set *set) {
    const v2s_echo_config config = {
        .rate_hz = V2S_TEST_DEPTH_RATE_HZ + 100, .max_depth_m = 30, .size = SIZE, .resample = true};
    const v2s_depth_map_options map = {.max_depth_m = 30, .size = SIZE};
    static float x[2 * SIZE * SIZE], depth[SIZE * SIZE];
    v2s_echo *echo = NULL;
    v2s_echo_notes notes;
    V2S_TRY(v2s_echo_open(&config, &echo));
    v2s_status status = V2S_OK;
    for (size_t i = 0; status == V2S_OK && i < set->count; i++)
        status = v2s_depth_sample_load(&set->samples[i], echo, &map, x, depth, &notes);
    v2s_echo_close(&echo);
    return status;
}

static v2s_status whole_job(const char *path) {
    v2s_depth_set set = {0};
    V2S_TRY(v2s_depth_set_open(path, (v2s_manifest_rules){.strict = false}, &set));
    v2s_status status = load_all(&set);
    v2s_depth_set_free(&set);
    return status;
}

// `spare` allocations can be done without: the log of a sound file's library, one for each file.
static void check(const char *path, int spare) {
    enum { MANY = 1000 };
    int n = 0;
    for (; n < MANY; n++) {
        v2s_error_clear();
        v2s_test_alloc.countdown = n;
        v2s_status status = whole_job(path);
        bool failed = v2s_test_alloc.countdown < 0;
        v2s_test_alloc.countdown = -1;
        if (!failed) {
            cr_assert_eq(status, V2S_OK, "%s", v2s_error_text());
            break;
        }
        if (status == V2S_OK && spare-- > 0)
            continue;
        cr_assert_eq(status, V2S_NOMEM, "allocation %d: %d, %s", n, status, v2s_error_text());
        cr_assert_not_null(strstr(v2s_error_text(), "out of memory"));
    }
    cr_assert(n > 20 && n < MANY, "%d allocations", n);
}

Test(depth_set_alloc, every_failed_allocation_is_reported, .fini = v2s_test_folder_remove) {
    v2s_media_quiet();
    const char *root = v2s_test_make_depth_set("v2", 2, 1, 0);
    char path[300];
    snprintf(path, sizeof path, "%s/hall/test.csv", root); // a line that is skipped
    const char row[] = "depth path,depth file name,audio path,audio file name\na,b,c,d\n";
    v2s_test_write_file(path, row, sizeof row - 1);
    check(root, 3);
    v2s_test_write_text(
        "m.jsonl",
        "{\"id\":\"a\",\"split\":\"train\",\"pairing\":\"depth\",\"room\":\"attic\","
        "\"audio\":\"v2/attic/audio/audio_0.wav\",\"depth\":\"v2/attic/depth/depth_0.npy\"}\n"
        "{\"id\":\"b\",\"split\":\"val\",\"pairing\":\"depth\",\"audio\":\"x\"}\n");
    check(v2s_test_path("m.jsonl"), 1);
}
