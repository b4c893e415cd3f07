// SPDX-License-Identifier: MIT
// v2s-train prepare fairplay as its users run it, on a miniature.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/h5_strings.h"
#include "data/manifest.h"
#include "tests/support/make_media.h"
#include "tests/support/make_sets.h"
#include "tests/support/program.h"

TestSuite(prepare_fairplay, .fini = v2s_test_folder_remove);

static v2s_manifest read_manifest(const char *name) {
    v2s_manifest m = {0};
    cr_assert(v2s_manifest_read(v2s_test_path(name), (v2s_manifest_rules){.strict = true}, &m) ==
                  V2S_OK,
              "%s", v2s_error_text());
    return m;
}

static void expect_splits(const cJSON *json, int train, int val, int test) {
    cr_expect(v2s_test_number(json, "clips") == train + val + test);
    cr_expect(v2s_test_number(json, "splits.train") == train);
    cr_expect(v2s_test_number(json, "splits.val") == val);
    cr_expect(v2s_test_number(json, "splits.test") == test);
}

static void need_hdf5(void) {
    if (!v2s_h5_supported())
        cr_skip_test("built without HDF5");
}

Test(prepare_fairplay, the_old_splits_are_read_from_hdf5_by_the_name_behind_the_authors_folders) {
    need_hdf5();
    v2s_test_make_fairplay("fp");
    cJSON *json = V2S_TEST_PREPARE_JSON("fairplay", "fp", "-o", "fp/m.jsonl");
    expect_splits(json, 5, 2, 1);
    cr_expect(v2s_test_number(json, "recordings.train.published") == 1497);
    cr_expect(v2s_test_number(json, "recordings.test.published") == 187);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "skipped")) == 0);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "flagged")) == 0);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("fp/m.jsonl");
    cr_assert(m.count == 8);
    const v2s_clip *c = &m.clips[0];
    cr_expect(strcmp(c->id, "000001") == 0 && strcmp(c->layout, "binaural") == 0);
    cr_expect(c->pairing == V2S_PAIRING_BINAURAL && c->trajectory == NULL && c->recorded);
    cr_expect(c->duration_s == 0.1 && c->start_s == 0);
    cr_expect(m.clips[7].split == V2S_SPLIT_TEST && strcmp(m.clips[7].id, "000008") == 0);
    v2s_manifest_free(&m);
    V2S_TEST_RUN("info", "fp/m.jsonl");
}

Test(prepare_fairplay, the_new_splits_are_text_and_may_lie_in_either_folder) {
    v2s_test_make_fairplay("fp");
    cJSON *json = V2S_TEST_PREPARE_JSON("fairplay", "fp", "-o", "fp/m.jsonl", "--splits", "new",
                                        "--fold", "2");
    expect_splits(json, 3, 1, 1);
    cr_expect(v2s_test_number(json, "fold") == 2);
    cJSON_Delete(json);
    cr_assert(rename(v2s_test_path("fp/new_splits"), v2s_test_path("fp/five_splits")) == 0);
    json = V2S_TEST_PREPARE_JSON("fairplay", "fp", "-o", "fp/m.jsonl", "--splits", "new", "--fold",
                                 "2");
    expect_splits(json, 3, 1, 1);
    cJSON_Delete(json);
    V2S_TEST_PREPARE_REFUSED(2, "--fold", "fairplay", "fp", "-o", "m.jsonl", "--splits", "new",
                             "--fold", "6");
    V2S_TEST_PREPARE_REFUSED(1, "five_splits", "fairplay", "fp", "-o", "m.jsonl", "--splits", "new",
                             "--fold", "5");
    V2S_TEST_PREPARE_REFUSED(1, "splits/split7", "fairplay", "fp", "-o", "m.jsonl", "--fold", "7");
    V2S_TEST_PREPARE_REFUSED(2, "--clips", "fairplay", "fp", "-o", "m.jsonl", "--clips", "3");
    cr_expect(access(v2s_test_path("m.jsonl"), F_OK) != 0);
}

Test(prepare_fairplay, every_recording_that_cannot_be_used_is_named_with_its_reason) {
    v2s_test_make_fairplay("fp");
    v2s_test_make_lfs_pointer("fp/binaural_audios/000004.wav");
    unlink(v2s_test_path("fp/binaural_audios/000005.wav"));
    v2s_test_make_noise("fp/binaural_audios/000007.wav", 1600, 1, 16000, 1);
    v2s_test_write_text("fp/binaural_audios/000008.wav", "RIFF, or not");
    v2s_test_write_text("fp/new_splits/split2/test.txt", "000008.mp3\n.mp3\n000006.mp3\n");
    const char *const words[] = {"fairplay", "fp",     "-o", "fp/m.jsonl", "--splits",
                                 "new",      "--fold", "2",  NULL};
    cJSON *json = v2s_test_prepare_json(words);
    expect_splits(json, 1, 0, 0);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "000004.wav"), "LFS") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "000005.wav"), "not there") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "000007.wav"), "1, expected 2") != NULL);
    cr_expect(v2s_test_reason_of(json, "skipped", "000008.wav")[0] != '\0');
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "test.txt"), "names no recording") !=
              NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "000006"), "named twice") != NULL);
    cJSON_Delete(json);
    v2s_test_write_text("fp/new_splits/split2/test.txt", "000008.mp3\n");
    V2S_TEST_PREPARE_REFUSED(1, "000004.wav: Git LFS", "fairplay", "fp", "-o", "fp/s.jsonl",
                             "--splits", "new", "--fold", "2", "--strict");
    cr_expect(access(v2s_test_path("fp/s.jsonl"), F_OK) != 0);
}

Test(prepare_fairplay, another_rate_is_left_out_and_a_truncated_recording_is_said) {
    v2s_test_make_fairplay("fp");
    v2s_test_make_noise("fp/binaural_audios/000004.wav", 800, 2, 8000, 1);
    size_t size;
    unsigned char *bytes =
        v2s_test_read_file(v2s_test_path("fp/binaural_audios/000006.wav"), &size);
    v2s_test_write_file(v2s_test_path("fp/binaural_audios/000006.wav"), bytes, size / 2);
    free(bytes);
    cJSON *json = V2S_TEST_PREPARE_JSON("fairplay", "fp", "-o", "fp/m.jsonl", "--splits", "new",
                                        "--fold", "2");
    expect_splits(json, 2, 1, 1);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "000004.wav"),
                     "8000 Hz, expected 16000") != NULL);
    cr_expect(v2s_test_number(json, "damaged") == 1);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("fp/m.jsonl");
    cr_assert(strcmp(m.clips[1].id, "000006") == 0);
    cr_expect(m.clips[1].duration_s > 0.04 && m.clips[1].duration_s < 0.06);
    v2s_manifest_free(&m);
}

Test(prepare_fairplay, a_list_that_cannot_be_read_leaves_the_others_of_use) {
    need_hdf5();
    v2s_test_make_fairplay("fp");
    v2s_test_write_text("fp/splits/split1/val.h5", "000006.wav\n");
    unlink(v2s_test_path("fp/splits/split1/test.h5"));
    cJSON *json = V2S_TEST_PREPARE_JSON("fairplay", "fp", "-o", "fp/m.jsonl");
    expect_splits(json, 5, 0, 0);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "val.h5"), "HDF5") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "test.h5"), "not there") != NULL);
    cJSON_Delete(json);
    v2s_test_make_lfs_pointer("fp/splits/split1/train.h5");
    V2S_TEST_PREPARE_REFUSED(1, "LFS", "fairplay", "fp", "-o", "fp/m.jsonl");
}
