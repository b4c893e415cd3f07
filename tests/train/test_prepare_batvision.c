// SPDX-License-Identifier: MIT
// v2s-train prepare batvision1 and batvision2 as their users run them, on miniatures and on the
// real sample where it is there; and the manifests through training and evaluation.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/depth_set.h"
#include "data/manifest.h"
#include "data/npy.h"
#include "tests/support/make_depth_set.h"
#include "tests/support/make_media.h"
#include "tests/support/make_sets.h"
#include "tests/support/program.h"

TestSuite(prepare_batvision, .fini = v2s_test_folder_remove);

static void expect_splits(const cJSON *json, int train, int val, int test) {
    cr_expect(v2s_test_number(json, "clips") == train + val + test);
    cr_expect(v2s_test_number(json, "splits.train") == train);
    cr_expect(v2s_test_number(json, "splits.val") == val);
    cr_expect(v2s_test_number(json, "splits.test") == test);
}

static v2s_depth_set read_set(const char *name) {
    v2s_depth_set set = {0};
    cr_assert(v2s_depth_set_open(v2s_test_path(name), (v2s_manifest_rules){.strict = true}, &set) ==
                  V2S_OK,
              "%s", v2s_error_text());
    return set;
}

// Depth [size,size] of a sample through data/depth_set.
static void load_depth(const v2s_depth_sample *s, int size, float *depth) {
    v2s_echo_config config = {44100, 12, 32, false};
    v2s_depth_map_options options = {12, size, V2S_DEPTH_NEAREST, false};
    v2s_echo *echo = NULL;
    cr_assert(v2s_echo_open(&config, &echo) == V2S_OK);
    cr_assert(v2s_depth_sample_load(s, echo, &options, NULL, depth, NULL) == V2S_OK, "%s",
              v2s_error_text());
    v2s_echo_close(&echo);
}

static void train_and_evaluate(const char *manifest) {
    v2s_test_run run = v2s_test_run_train(
        (const char *const[]){"depth", manifest, "-o", "run", "--steps", "2", "--batch", "2",
                              "--size", "32", "--base-channels", "8", "--quiet", NULL});
    cr_assert(run.code == 0, "%s", run.err);
    v2s_test_run_free(&run);
    V2S_TEST_RUN("depth", manifest, "--model", "run/last.safetensors", "--json", "e.json",
                 "--quiet");
}

// As in a set that somebody made of the one recording at hand.
Test(prepare_batvision, a_recording_in_two_lists_is_in_both_splits) {
    v2s_test_make_depth_set("bv", 2, 1, 1);
    size_t size;
    unsigned char *list = v2s_test_read_file(v2s_test_path("bv/attic/train.csv"), &size);
    v2s_test_write_file(v2s_test_path("bv/attic/val.csv"), list, size);
    free(list);
    cJSON *json = V2S_TEST_PREPARE_JSON("batvision2", "bv", "-o", "bv/m.jsonl");
    expect_splits(json, 2, 2, 1);
    cr_expect(v2s_test_number(json, "listed_again") == 1);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "skipped")) == 0);
    cJSON_Delete(json);
    v2s_depth_set set = read_set("bv/m.jsonl"); // strict: no id stands twice
    v2s_depth_set_free(&set);
}

Test(prepare_batvision, the_second_set_becomes_a_manifest_that_trains_and_is_judged) {
    v2s_test_make_depth_set("bv", 4, 2, 2);
    cJSON *json = V2S_TEST_PREPARE_JSON("batvision2", "bv", "-o", "bv/m.jsonl");
    expect_splits(json, 4, 2, 2);
    cr_expect(v2s_test_number(json, "pairs.train.published") == 1911);
    cr_expect(v2s_test_number(json, "pairs.val.published") == 625);
    cr_expect(v2s_test_number(json, "pairs.test.published") == 584);
    cr_expect(fabs(v2s_test_number(json, "depth_zero_share") - 0.1) < 0.05);
    cr_expect(v2s_test_number(json, "depth_infinite") == 0);
    const cJSON *shape = cJSON_GetArrayItem(v2s_test_at(json, "depth_shapes"), 0);
    cr_expect(v2s_test_number(shape, "height") == V2S_TEST_DEPTH_HEIGHT);
    cr_expect(v2s_test_number(shape, "width") == V2S_TEST_DEPTH_WIDTH);
    cr_expect(v2s_test_number(shape, "files") == 8);
    cJSON_Delete(json);
    v2s_depth_set set = read_set("bv/m.jsonl"), folder = read_set("bv");
    cr_assert(set.count == 8 && folder.count == 8);
    for (size_t i = 0; i < 8; i++) { // the same samples, in the same order
        cr_expect(strcmp(set.samples[i].id, folder.samples[i].id) == 0);
        cr_expect(strcmp(set.samples[i].location, folder.samples[i].location) == 0);
        cr_expect(set.samples[i].split == folder.samples[i].split);
    }
    v2s_depth_set_free(&set);
    v2s_depth_set_free(&folder);
    V2S_TEST_RUN("info", "bv/m.jsonl");
    train_and_evaluate("bv/m.jsonl");
}

Test(prepare_batvision, depths_of_the_first_set_are_millimetres_whatever_their_type) {
    enum { SIZE = 4 };
    float depth[SIZE * SIZE], direct[SIZE * SIZE];
    v2s_test_make_batvision1("bv", 3, 1, 1);
    cJSON *json = V2S_TEST_PREPARE_JSON("batvision1", "bv", "-o", "bv/m.jsonl");
    expect_splits(json, 3, 1, 1);
    cr_expect(v2s_test_number(json, "pairs_published") == 52220);
    cr_expect(v2s_test_number(json, "depth_infinite") == 5);
    cr_expect(fabs(v2s_test_number(json, "depth_zero_share") - 1.0 / 192) < 1e-9);
    cr_expect(fabs(v2s_test_number(json, "depth_max_m") - 1.591) < 1e-3);
    cr_expect(v2s_test_number(json, "sounds") == 10);
    cJSON_Delete(json);
    v2s_depth_set set = read_set("bv/m.jsonl"), folder = read_set("bv");
    cr_assert(set.count == 5 && set.samples[2].audio[1] != NULL);
    load_depth(&set.samples[2], SIZE, depth);
    load_depth(&folder.samples[2], SIZE, direct);
    for (int i = 0; i < SIZE * SIZE; i++) {
        cr_expect(depth[i] == direct[i]);
        cr_expect(depth[i] > 1.2f && depth[i] < 1.4f, "%g", (double)depth[i]);
    }
    v2s_depth_set_free(&set);
    v2s_depth_set_free(&folder);
    train_and_evaluate("bv/m.jsonl");
}

Test(prepare_batvision, every_pair_that_cannot_be_used_is_named_with_its_reason) {
    static const size_t dim[] = {2, 2}, flat[] = {4};
    const float holes[] = {0, 0, 0, -1};
    v2s_test_make_depth_set("bv", 10, 0, 0); // even ones in the attic, odd ones in the cellar
    v2s_test_make_lfs_pointer("bv/attic/audio/audio_0.wav");
    v2s_test_make_lfs_pointer("bv/cellar/depth/depth_1.npy");
    unlink(v2s_test_path("bv/attic/audio/audio_2.wav"));
    v2s_test_make_noise("bv/cellar/audio/audio_3.wav", 8000, 1, 44100, 1);
    cr_assert(v2s_npy_write_f32(v2s_test_path("bv/attic/depth/depth_4.npy"), 2, dim, holes) ==
              V2S_OK);
    cr_assert(v2s_npy_write_f32(v2s_test_path("bv/cellar/depth/depth_5.npy"), 1, flat, holes) ==
              V2S_OK);
    v2s_test_write_text("bv/attic/depth/depth_6.npy", "no array");
    v2s_test_make_noise("bv/attic/audio/audio_8.wav", 8000, 2, 48000, 1);
    v2s_test_write_text("bv/cellar/audio/audio_7.wav", "");
    cJSON *json = V2S_TEST_PREPARE_JSON("batvision2", "bv", "-o", "m.jsonl");
    expect_splits(json, 1, 0, 0);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "audio_0.wav"), "LFS") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "audio_8.wav"),
                     "48000 Hz, expected 44100") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "depth_1.npy"), "LFS") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "attic/train.csv"), "audio_2.wav") !=
              NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "audio_3.wav"), "1, expected 2") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "depth_4.npy"), "no depth") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "depth_5.npy"), "two dimensions") != NULL);
    cr_expect(v2s_test_reason_of(json, "skipped", "depth_6.npy")[0] != '\0');
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "audio_7.wav"), "empty") != NULL);
    cJSON_Delete(json);
    V2S_TEST_PREPARE_REFUSED(1, "audio_2.wav", "batvision2", "bv", "-o", "s.jsonl", "--strict");
    V2S_TEST_PREPARE_REFUSED(1, "expected batvision1", "batvision1", "bv", "-o", "s.jsonl");
    V2S_TEST_PREPARE_REFUSED(1, "no such folder", "batvision1", "nowhere", "-o", "s.jsonl");
}

Test(prepare_batvision, a_table_that_cannot_be_used_costs_its_location_alone) {
    static const char *const parts[] = {"`depth file name`", "found nothing", "LFS"};
    v2s_test_make_depth_set("bv", 4, 0, 0);
    for (int i = 0; i < 3; i++) {
        v2s_test_write_text("bv/attic/train.csv", i == 0 ? "depth path,audio\n" : "");
        if (i == 2)
            v2s_test_make_lfs_pointer("bv/attic/train.csv");
        cJSON *json = V2S_TEST_PREPARE_JSON("batvision2", "bv", "-o", "m.jsonl");
        expect_splits(json, 2, 0, 0);
        cr_expect(strstr(v2s_test_reason_of(json, "skipped", "attic/train.csv"), parts[i]) != NULL,
                  "%s", v2s_test_reason_of(json, "skipped", "attic/train.csv"));
        cJSON_Delete(json);
        V2S_TEST_PREPARE_REFUSED(1, parts[i], "batvision2", "bv", "-o", "s.jsonl", "--strict");
    }
}

Test(prepare_batvision, ears_and_rows_of_the_first_set_are_checked_too) {
    static const size_t dim[] = {1000};
    float ear[1000] = {0};
    v2s_test_make_batvision1("bv", 4, 0, 0);
    ear[3] = NAN;
    cr_assert(v2s_npy_write_f32(v2s_test_path("bv/office/left/0.npy"), 1, dim, ear) == V2S_OK);
    cr_assert(v2s_npy_write_f32(v2s_test_path("bv/office/right/1.npy"), 1, &(size_t){10}, ear) ==
              V2S_OK);
    v2s_test_write_text("bv/train.csv",
                        "depth path,audio path left,audio path right\n"
                        "office/depth/0.npy,office/left/0.npy,office/right/0.npy\n"
                        "office/depth/1.npy,office/left/1.npy,office/right/1.npy\n"
                        "office/depth/2.npy,office/left/2.npy\n"
                        "../office/depth/2.npy,office/left/2.npy,office/right/2.npy\n"
                        "office/depth/3.npy,office/left/3.npy,office/right/3.npy\n");
    cJSON *json = V2S_TEST_PREPARE_JSON("batvision1", "bv", "-o", "m.jsonl");
    expect_splits(json, 1, 0, 0);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "left/0.npy"), "not finite") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "right/1.npy"), "too short") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "train.csv"), "3 columns") != NULL);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "skipped")) == 4);
    cJSON_Delete(json);
}

Test(prepare_batvision, the_real_sample_is_read) {
    static const char *const files[][2] = {
        {V2S_SHARED_DATA "/batvision/audio_47.wav", "bv/real/audio/audio_47.wav"},
        {V2S_SHARED_DATA "/batvision/depth_47.npy", "bv/real/depth/depth_47.npy"}};
    if (access(files[0][0], R_OK) != 0)
        cr_skip_test("the real sample is not there");
    v2s_test_make_folders("bv/real/audio");
    v2s_test_make_folders("bv/real/depth");
    for (int i = 0; i < 2; i++)
        v2s_test_copy(files[i][0], files[i][1]);
    v2s_test_write_text("bv/real/train.csv",
                        "depth path,depth file name,audio path,audio file name\n"
                        "real/depth,depth_47.npy,real/audio,audio_47.wav\n");
    cJSON *json = V2S_TEST_PREPARE_JSON("batvision2", "bv", "-o", "bv/m.jsonl");
    expect_splits(json, 1, 0, 0);
    cr_expect(fabs(v2s_test_number(json, "depth_zero_share") - 0.22) < 0.005, "%g",
              v2s_test_number(json, "depth_zero_share"));
    const cJSON *shape = cJSON_GetArrayItem(v2s_test_at(json, "depth_shapes"), 0);
    cr_expect(v2s_test_number(shape, "height") == 720 && v2s_test_number(shape, "width") == 1280);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "skipped")) == 0);
    cJSON_Delete(json);
}
