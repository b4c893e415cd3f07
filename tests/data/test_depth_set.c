// SPDX-License-Identifier: MIT
#include "data/depth_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "data/npy.h"
#include "tests/support/make_depth_set.h"
#include "tests/support/make_media.h"

enum { SIZE = 32 };

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(depth_set, .init = setup, .fini = v2s_test_folder_remove);

static v2s_depth_set open_ok(const char *path, bool strict) {
    v2s_depth_set set = {0};
    v2s_status status = v2s_depth_set_open(path, strict, &set);
    cr_assert(status == V2S_OK, "%s", v2s_error_text());
    return set;
}

static v2s_echo *open_echo(void) {
    v2s_echo *echo = NULL;
    const v2s_echo_config config = {.rate_hz = 44100, .max_depth_m = 30, .size = SIZE};
    cr_assert(v2s_echo_open(&config, &echo) == V2S_OK);
    return echo;
}

static const v2s_depth_map_options MAP = {.max_depth_m = 30, .size = SIZE};

Test(depth_set, batvision2_lists_every_location_in_order) {
    v2s_depth_set set = open_ok(v2s_test_make_depth_set("v2", 5, 2, 1), true);
    static const char *const ids[] = {
        "attic/audio_0.wav",  "attic/audio_2.wav", "attic/audio_4.wav", "cellar/audio_1.wav",
        "cellar/audio_3.wav", "hall/audio_0.wav",  "hall/audio_1.wav",  "loft/audio_0.wav"};
    static const int splits[] = {0, 0, 0, 0, 0, 1, 1, 2};
    cr_assert_str_eq(set.layout, "batvision2");
    cr_assert_eq(set.count, 8);
    cr_assert_eq(set.skipped, 0);
    for (size_t i = 0; i < set.count; i++) {
        const v2s_depth_sample *s = &set.samples[i];
        cr_expect_str_eq(s->id, ids[i]);
        cr_expect_eq((int)s->split, splits[i]);
        cr_expect(strncmp(s->id, s->location, strlen(s->location)) == 0);
        cr_expect(s->audio[1] == NULL && !s->millimetres);
    }
    v2s_depth_set_free(&set);
}

Test(depth_set, a_sample_brings_spectrograms_and_depth) {
    v2s_depth_set set = open_ok(v2s_test_make_depth_set("v2", 1, 1, 1), true);
    v2s_echo *echo = open_echo();
    static float x[2 * SIZE * SIZE], depth[SIZE * SIZE];
    for (size_t i = 0; i < set.count; i++) {
        v2s_echo_notes notes;
        cr_assert(v2s_depth_sample_load(&set.samples[i], echo, &MAP, x, depth, &notes) == V2S_OK,
                  "%s", v2s_error_text());
        cr_expect(!notes.short_sound && !notes.silent && !notes.clipped);
        double wall_m = v2s_test_depth_wall_m((int)set.samples[i].split, 0), sum = 0, valid = 0;
        for (int k = 0; k < SIZE * SIZE; k++) {
            sum += depth[k];
            valid += depth[k] > 0;
            cr_assert(isfinite(x[k]) && x[k] >= 0);
        }
        cr_expect(fabs(sum / valid / wall_m - 1) < 0.05, "%g for %g", sum / valid, wall_m);
        cr_expect(valid > 0.8 * SIZE * SIZE && valid < 0.97 * SIZE * SIZE, "%g", valid);
    }
    v2s_echo_close(&echo);
    v2s_depth_set_free(&set);
}
