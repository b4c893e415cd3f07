// SPDX-License-Identifier: MIT
// v2s-train prepare: what cannot be used, where the manifest lies, wrong words.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/manifest.h"
#include "data/pair.h"
#include "tests/support/make_media.h"
#include "tests/support/make_seld.h"
#include "tests/support/prepare_run.h"
#include "tests/support/program.h"

TestSuite(prepare_program, .fini = v2s_test_folder_remove, .timeout = 120);

static const v2s_test_source single[] = {{0.3, 1.5, 30, 0, 0}};

// ---- bad input --------------------------------------------------------------------------------

static void truncate_file(const char *name, double share) {
    size_t size;
    unsigned char *bytes = v2s_test_read_file(v2s_test_path(name), &size);
    v2s_test_write_file(v2s_test_path(name), bytes, (size_t)(share * (double)size));
    free(bytes);
}

// fold3_room1_mix001 is right; each of the others is wrong in its way.
static void make_bad_set(void) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2), rate = f;
    char name[64];
    for (int i = 1; i <= 14; i++) {
        snprintf(name, sizeof name, "fold3_room1_mix%03d", i);
        v2s_test_make_recording("dev-train", name, &f, 0, 0);
    }
#define SOUND(number) "d/foa_dev/dev-train/fold3_room1_mix" number ".wav"
#define LABEL(number) "d/metadata_dev/dev-train/fold3_room1_mix" number ".csv"
    v2s_test_make_text(SOUND("002"), V2S_TEST_LFS_POINTER);
    v2s_test_make_text(LABEL("003"), V2S_TEST_LFS_POINTER);
    truncate_file(SOUND("004"), 0.6);
    rate.rate_hz = 44100;
    v2s_test_make_field(SOUND("005"), &rate);
    v2s_test_make_dry(SOUND("006"), &f);
    v2s_test_make_text(LABEL("007"), "");
    unlink(v2s_test_path(LABEL("008")));
    unlink(v2s_test_path(SOUND("009")));
    v2s_test_make_text(LABEL("010"), "3,0,0,left,0\n");
    v2s_test_make_text(LABEL("011"), "3,0,0\n");
    v2s_test_make_text(LABEL("012"), "9,0,0,30,0\n8,0,0,30,0\n");
    v2s_test_make_text(SOUND("013"), "this is not a sound, whatever its name says");
    v2s_test_make_text(LABEL("014"), "\n\n");
    v2s_test_make_field("d/foa_dev/dev-train/take_two.wav", &f);
    v2s_test_make_rows("d/metadata_dev/dev-train/take_two.csv", &f, 0, 0);
}

Test(prepare_program, what_cannot_be_used_is_named_with_its_reason) {
    make_bad_set();
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") == 2, "the right one and the truncated one");
    V2S_TEST_SKIPPED(&o, "mix002.wav", "LFS");
    V2S_TEST_SKIPPED(&o, "mix003.csv", "LFS");
    cr_expect(strstr(o.run.err, "mix004.wav: truncated") != NULL, "%s", o.run.err);
    V2S_TEST_SKIPPED(&o, "mix005.wav", "wrong rate: 44100 Hz, expected 24000 Hz");
    V2S_TEST_SKIPPED(&o, "mix006.wav", "wrong number of channels: 1, expected 4");
    V2S_TEST_SKIPPED(&o, "mix007.csv", "empty");
    V2S_TEST_SKIPPED(&o, "mix008.wav", "no labels");
    V2S_TEST_SKIPPED(&o, "mix009.csv", "no sound");
    V2S_TEST_SKIPPED(&o, "mix010.csv",
                     "line 1: column 4 (azimuth): expected a number, found 'left'");
    V2S_TEST_SKIPPED(&o, "mix011.csv", "line 1: expected 4 to 7 columns, found 3");
    V2S_TEST_SKIPPED(&o, "mix012.csv", "line 2: column 1 (frame): 8 after 9: wrong time order");
    cr_expect(strcmp(v2s_test_reason(&o, "skipped", "mix013.wav"), "(not listed)") != 0);
    V2S_TEST_SKIPPED(&o, "mix014.csv", "empty");
    V2S_TEST_SKIPPED(&o, "take_two.wav", "name: expected foldF_roomR_mixM");
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "skipped")) == 13);
    cr_expect(strstr(o.run.out, "mix010.csv") != NULL, "the summary names them too");
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = true});
    cr_expect(m.count == 2);
    for (size_t i = 0; i < m.count; i++) {
        v2s_pair pair = {0};
        cr_expect(v2s_pair_load(&m.clips[i], 0, &pair) == V2S_OK, "%s", v2s_error_text());
        v2s_pair_free(&pair);
    }
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_program, a_name_that_comes_twice_keeps_the_trajectory_of_the_first) {
    static const v2s_test_source other[] = {{0.3, 1.5, -100, 0, 0}};
    v2s_test_field f = v2s_test_field_of(single, 1, 2), g = v2s_test_field_of(other, 1, 2);
    v2s_test_make_recording("dev-train-sony", "fold3_room1_mix001", &f, 0, 0);
    v2s_test_make_recording("dev-train-tau", "fold3_room1_mix001", &g, 0, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    V2S_TEST_SKIPPED(&o, "dev-train-tau/fold3_room1_mix001.wav", "named twice");
    size_t count;
    v2s_test_row *rows =
        v2s_test_trajectory(v2s_test_path("d/m.files/traj/fold3_room1_mix001-001.csv"), &count);
    cr_expect(rows[0].az_deg == 30, "%g", rows[0].az_deg);
    free(rows);
    v2s_test_prepared_free(&o);
}

Test(prepare_program, strict_stops_at_the_first_problem_and_leaves_nothing) {
    make_bad_set();
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22", "--strict");
    cr_expect(o.run.code == 1 && o.json == NULL);
    cr_expect(strstr(o.run.err, "mix002.wav: Git LFS pointer") != NULL, "%s", o.run.err);
    cr_expect(access(v2s_test_path("d/m.jsonl"), F_OK) != 0);
    cr_expect(access(v2s_test_path("d/m.files"), F_OK) != 0);
    cr_expect(v2s_test_count_files(v2s_test_path("d"), "partial") == 0);
    v2s_test_prepared_free(&o);
}

// A second run that fails half-way: what the first one wrote is as it was, and nothing is beside
// it.
Test(prepare_program, a_failed_run_leaves_an_earlier_manifest_and_its_files) {
    static const char *const names[] = {"d/m.jsonl", "d/m.files/traj/fold3_room1_mix001-001.csv"};
    static const v2s_test_source other[] = {{0.3, 1.5, -100, 0, 0}};
    v2s_test_field f = v2s_test_field_of(single, 1, 2), g = v2s_test_field_of(other, 1, 2);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    v2s_test_prepared_free(&o);
    size_t size[2], again;
    unsigned char *was[2];
    for (int i = 0; i < 2; i++)
        was[i] = v2s_test_read_file(v2s_test_path(names[i]), &size[i]);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &g, 0, 0);
    v2s_test_make_recording("dev-train", "fold3_room1_mix002", &f, 90,
                            0); // flagged after the first
    o = V2S_TEST_PREPARE("starss22", "--strict");
    cr_expect(o.run.code == 1, "%s", o.run.err);
    v2s_test_prepared_free(&o);
    for (int i = 0; i < 2; i++) {
        unsigned char *now = v2s_test_read_file(v2s_test_path(names[i]), &again);
        cr_expect(again == size[i] && memcmp(now, was[i], again) == 0, "%s", names[i]);
        free(now);
        free(was[i]);
    }
    cr_expect(v2s_test_count_files(v2s_test_path("d"), ".m.files.") == 0);
}

Test(prepare_program, a_label_beyond_the_sound_is_cut_and_counted) {
    static const v2s_test_source longer[] = {{0.3, 2.5, 30, 0, 0}};
    v2s_test_field f = v2s_test_field_of(longer, 1, 2);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_expect(o.run.code == 0 && v2s_test_found(&o, "labels_beyond_sound") == 5);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = true});
    cr_expect(fabs(m.clips[0].duration_s - 1.7) < 1e-6, "%g", m.clips[0].duration_s);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_program, labels_out_of_range_are_counted) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
    v2s_test_make_text("d/metadata_dev/dev-train/fold3_room1_mix001.csv",
                       "3,0,0,30,0\n4,0,0,30,0\n5,0,0,30,0\n6,0,0,30,0\n7,0,0,30,0\n"
                       "8,0,0,181,0\n9,0,0,30,91\n10,13,0,30,0\n");
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_expect(o.run.code == 0 && v2s_test_found(&o, "labels_out_of_range") == 2);
    cr_expect(v2s_test_found(&o, "clips") == 1 && fabs(v2s_test_found(&o, "clips_s") - 0.5) < 1e-6);
    cr_expect(strstr(o.run.err, "classes above 12") != NULL, "%s", o.run.err);
    cr_expect(strstr(o.run.err, "2 labels of 1 files are out of range") != NULL, "%s", o.run.err);
    cr_expect(strstr(o.run.err, "mix001.csv") != NULL, "%s", o.run.err);
    v2s_test_prepared_free(&o);
}

Test(prepare_program, a_set_without_a_usable_clip_is_an_error_with_a_summary) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
    unlink(v2s_test_path("d/foa_dev/dev-train/fold3_room1_mix001.wav"));
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_expect(o.run.code == 1 && strstr(o.run.err, "no usable clip; 1 skipped") != NULL, "%s",
              o.run.err);
    V2S_TEST_SKIPPED(&o, "mix001.csv", "no sound");
    cr_expect(access(v2s_test_path("d/m.jsonl"), F_OK) != 0);
    v2s_test_prepared_free(&o);
}

// ---- paths and words --------------------------------------------------------------------------

Test(prepare_program, a_manifest_elsewhere_says_what_reading_it_needs) {
    v2s_test_make_starss22();
    v2s_test_make_folder("out/deep");
    v2s_test_run run = v2s_test_run_train(
        (const char *const[]){"prepare", "starss22", "d/", "-o", "out/deep/m.jsonl", NULL});
    cr_assert(run.code == 0, "%s", run.err);
    cr_expect(strstr(run.out, "--allow-outside") != NULL, "%s", run.out);
    v2s_test_run_free(&run);
    v2s_manifest m = {0};
    cr_expect(v2s_manifest_read(v2s_test_path("out/deep/m.jsonl"), (v2s_manifest_rules){0}, &m) ==
              V2S_FORMAT);
    m = v2s_test_manifest("out/deep/m.jsonl",
                          (v2s_manifest_rules){.allow_outside = true, .strict = true});
    cr_expect(m.count == 4 && m.outside == 4);
    v2s_manifest_free(&m);
    // Inside, nothing leaves the folder, and nothing is said of it.
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_expect(strstr(o.run.out, "--allow-outside") == NULL, "%s", o.run.out);
    v2s_test_prepared_free(&o);
}

Test(prepare_program, same_bytes_whatever_the_threads) {
    v2s_test_make_starss22();
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22", "--threads", "1");
    size_t n, m;
    unsigned char *one = v2s_test_read_file(v2s_test_path("d/m.jsonl"), &n);
    v2s_test_prepared_free(&o);
    o = V2S_TEST_PREPARE("starss22", "--threads", "7");
    unsigned char *seven = v2s_test_read_file(v2s_test_path("d/m.jsonl"), &m);
    cr_expect(n == m && memcmp(one, seven, n) == 0);
    free(one);
    free(seven);
    v2s_test_prepared_free(&o);
}

static void expect_code(int code, const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_expect(run.code == code, "exit code %d, expected %d: %s", run.code, code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

#define WORDS(...) ((const char *const[]){"prepare", __VA_ARGS__, NULL})

Test(prepare_program, wrong_words_are_wrong_usage) {
    v2s_test_make_folder("d/foa_dev");
    expect_code(2, "no format", (const char *const[]){"prepare", NULL});
    expect_code(2, "'dcase' is no format", WORDS("dcase", "d", "-o", "m.jsonl"));
    expect_code(2, "no data set", WORDS("tau2019", "-o", "m.jsonl"));
    expect_code(2, "no output", WORDS("tau2019", "d"));
    expect_code(2, "--clips: has no meaning for tau2019",
                WORDS("tau2019", "d", "-o", "m.jsonl", "--clips", "3"));
    expect_code(2, "--fold: has no meaning for starss22",
                WORDS("starss22", "d", "-o", "m.jsonl", "--fold", "3"));
    expect_code(2, "fold: 11 is outside", WORDS("tau2019", "d", "-o", "m.jsonl", "--fold", "11"));
    expect_code(2, "--layout: has no meaning for tau2021",
                WORDS("tau2021", "d", "-o", "m.jsonl", "--layout", "fuma"));
    expect_code(1, "nowhere: no such folder", WORDS("tau2019", "nowhere", "-o", "m.jsonl"));
    expect_code(1, "no usable clip", WORDS("tau2019", "d", "-o", "m.jsonl"));
    v2s_test_make_folder("e/mic_dev");
    expect_code(1, "mic_dev holds the microphones", WORDS("tau2021", "e", "-o", "m.jsonl"));
    expect_code(1, "none/m.jsonl", WORDS("tau2019", "d", "-o", "none/m.jsonl"));
    expect_code(1, "none/j.json", WORDS("tau2019", "d", "-o", "m.jsonl", "--json", "none/j.json"));
}

Test(prepare_program, a_file_of_the_data_set_is_not_overwritten) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
#define LABELS "d/metadata_dev/dev-train/fold3_room1_mix001.csv"
    static const char *const tries[][7] = {
        {"prepare", "starss22", "d", "-o", LABELS, NULL},
        {"prepare", "starss22", "d", "-o", "m.jsonl", "--json=" LABELS, NULL}};
    for (int i = 0; i < 2; i++) {
        v2s_test_run run = v2s_test_run_train(tries[i]);
        cr_expect(run.code == 2 && strstr(run.err, "would overwrite a file of the data set"),
                  "%d: %s", run.code, run.err);
        v2s_test_run_free(&run);
    }
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_expect(o.run.code == 0, "%s", o.run.err);
    v2s_test_prepared_free(&o);
}
