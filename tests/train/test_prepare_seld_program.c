// SPDX-License-Identifier: MIT
// v2s-train prepare tau2019|tau2021|starss22|starss23 as its users run it, on miniatures of the
// published layouts and on the real samples.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/dcase_csv.h"
#include "data/manifest.h"
#include "data/pair.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/make_seld.h"
#include "tests/support/prepare_run.h"
#include "tests/support/program.h"

TestSuite(prepare_seld_program, .fini = v2s_test_folder_remove, .timeout = 120);

enum { RATE = 24000 };

static const v2s_test_source single[] = {{0.3, 1.5, 30, 0, 0}};

// ---- clips ------------------------------------------------------------------------------------

Test(prepare_seld_program, a_span_with_one_source_is_a_clip) {
    v2s_test_make_starss22();
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") == 4 && v2s_test_found(&o, "splits.train") == 3);
    cr_expect(v2s_test_found(&o, "splits.val") == 0 && v2s_test_found(&o, "splits.test") == 1);
    cr_expect(v2s_test_found(&o, "overlaps") == 1 &&
              fabs(v2s_test_found(&o, "overlapped_s") - 0.6) < 1e-6);
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "flagged")) == 0);
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "skipped")) == 0);
    cr_expect(v2s_test_found(&o, "recordings.train.published") == 67);
    cr_expect(strstr(o.run.err, "differ from the published counts") != NULL);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = true});
    cr_assert(m.count == 4);
    const v2s_clip *c = v2s_test_clip(&m, "fold3_room21_mix001-001");
    cr_expect(fabs(c->start_s - 0.5) < 1e-6 && fabs(c->duration_s - 0.9) < 1e-6);
    cr_expect(c->split == V2S_SPLIT_TRAIN && c->pairing == V2S_PAIRING_OMNI && c->recorded);
    cr_expect_str_eq(c->layout, "ambix");
    cr_expect_str_eq(c->room, "fold3_room21");
    cr_expect_str_eq(c->sound, "female speech");
    cr_expect_str_eq(c->source, "STARSS22");
    c = v2s_test_clip(&m, "fold3_room21_mix001-002");
    cr_expect(fabs(c->start_s - 2.0) < 1e-6 && fabs(c->duration_s - 1.0) < 1e-6);
    cr_expect(v2s_test_clip(&m, "fold4_room8_mix001-001")->split == V2S_SPLIT_TEST);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, a_pair_that_was_prepared_has_its_sound_and_its_direction) {
    v2s_test_make_starss22();
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = true});
    static const char *const IDS[] = {"fold3_room21_mix001-002", "fold3_room4_mix002-001"};
    for (int i = 0; i < 2; i++) {
        const v2s_clip *c = v2s_test_clip(&m, IDS[i]);
        v2s_pair pair = {0};
        cr_assert(v2s_pair_load(c, 0, &pair) == V2S_OK, "%s", v2s_error_text());
        cr_expect(pair.frames == (size_t)llround(c->duration_s * RATE));
        double difference = 0, energy = 0;
        for (size_t k = 0; k < 4 * pair.frames; k++) {
            double d = (double)pair.geometric[k] - (double)pair.truth[k];
            difference += d * d;
            energy += (double)pair.truth[k] * (double)pair.truth[k];
        }
        // A plane wave is its own geometric path, but for labels in whole degrees.
        cr_expect(difference < 0.002 * energy, "%s: %g", IDS[i], difference / energy);
        v2s_pair_free(&pair);
    }
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, short_spans_are_left_out_and_counted) {
    static const v2s_test_source sources[] = {
        {0, 0.4, 0, 0, 0}, {1, 1.5, 90, 0, 0}, {2, 2.4, 0, 0, 0}};
    v2s_test_field f = v2s_test_field_of(sources, 3, 3);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") == 1 && v2s_test_found(&o, "spans") == 3);
    cr_expect(v2s_test_found(&o, "spans_short") == 2);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = true});
    cr_expect(fabs(m.clips[0].start_s - 1) < 1e-6 && fabs(m.clips[0].duration_s - 0.5) < 1e-6);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, only_starss23_has_distances_in_centimetres) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2);
    v2s_test_make_recording("dev-train-sony", "fold3_room1_mix001", &f, 0, 152);
    v2s_test_make_recording("dev-test-sony", "fold4_room1_mix001", &f, 0, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("starss23");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    size_t count;
    v2s_test_row *rows =
        v2s_test_trajectory(v2s_test_path("d/m.files/traj/fold3_room1_mix001-001.csv"), &count);
    cr_expect(count == 14 && fabs(rows[3].dist_m - 1.52) < 1e-9 && rows[3].az_deg == 30);
    cr_expect(fabs(rows[0].time_s - 0.3) < 1e-9 && fabs(rows[1].time_s - 0.35) < 1e-9);
    cr_expect(fabs(rows[count - 1].time_s - 1.5) < 1e-9);
    free(rows);
    rows = v2s_test_trajectory(v2s_test_path("d/m.files/traj/fold4_room1_mix001-001.csv"), &count);
    cr_expect(rows[3].dist_m == 1);
    cr_expect(strstr(o.run.out, "1 m where the labels have none") != NULL, "%s", o.run.out);
    free(rows);
    v2s_test_prepared_free(&o);
    o = V2S_TEST_PREPARE("starss22");
    V2S_TEST_SKIPPED(&o, "fold3_room1_mix001.csv", "wrong number of columns");
    cr_expect(v2s_test_found(&o, "clips") == 1);
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, tau2021_has_a_folder_for_validation) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2);
    v2s_test_make_recording("dev-train", "fold1_room1_mix001", &f, 0, 0);
    v2s_test_make_recording("dev-val", "fold5_room1_mix001", &f, 0, 0);
    v2s_test_make_recording("dev-test", "fold6_room1_mix001", &f, 0, 0);
    v2s_test_make_recording("dev-other", "fold6_room1_mix002", &f, 0, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("tau2021");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "splits.train") == 1 && v2s_test_found(&o, "splits.val") == 1);
    cr_expect(v2s_test_found(&o, "splits.test") == 1 &&
              v2s_test_found(&o, "recordings.val.published") == 100);
    V2S_TEST_SKIPPED(&o, "dev-other", "unknown folder");
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, recordings_without_a_folder_are_dealt_by_their_fold) {
    static const char *const NAMES[] = {"fold4_room1_mix001", "fold5_room1_mix001",
                                        "fold6_room1_mix001", "fold7_room1_mix001"};
    v2s_test_field f = v2s_test_field_of(single, 1, 2);
    for (int i = 0; i < 4; i++)
        v2s_test_make_recording(".", NAMES[i], &f, 0, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("tau2021");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "splits.train") == 1 && v2s_test_found(&o, "splits.val") == 1);
    cr_expect(v2s_test_found(&o, "splits.test") == 1);
    V2S_TEST_SKIPPED(&o, "fold7_room1_mix001.wav", "unknown fold");
    v2s_test_prepared_free(&o);
}

// ---- TAU 2019 ---------------------------------------------------------------------------------

#define HEADER_2019 "sound_event_recording,start_time,end_time,ele,azi,dist\n"

static void make_2019(const char *name, const char *rows, const v2s_test_field *field) {
    char path[200], text[1000];
    snprintf(path, sizeof path, "d/foa_dev/%s.wav", name);
    v2s_test_make_field(path, field);
    snprintf(path, sizeof path, "d/metadata_dev/%s.csv", name);
    snprintf(text, sizeof text, "%s%s", HEADER_2019, rows);
    v2s_test_make_text(path, text);
}

Test(prepare_seld_program, tau2019_events_have_their_elevation_first) {
    static const v2s_test_source sources[] = {{0.25, 1.75, 70, -30, 0}, {1.25, 2.6, -50, 40, 0}};
    v2s_test_field f = {48000, 2.5, V2S_LAYOUT_AMBIX, 2, sources};
    make_2019("split3_ir2_ov2_41", "cough,0.25,1.75,-30,70,2\nkeysDrop,1.25,2.75,40,-50,1\n", &f);
    v2s_test_prepared o = V2S_TEST_PREPARE("tau2019");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") == 2 && v2s_test_found(&o, "overlaps") == 1);
    cr_expect(v2s_test_found(&o, "labels_beyond_sound") == 1,
              "keysDrop ends 0.25 s later than the sound");
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "flagged")) == 0);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = true});
    const v2s_clip *c = v2s_test_clip(&m, "split3_ir2_ov2_41-002");
    cr_expect(fabs(c->start_s - 1.75) < 1e-6 && fabs(c->duration_s - 0.75) < 1e-6);
    cr_expect(c->split == V2S_SPLIT_TRAIN);
    cr_expect_str_eq(c->room, "ir2");
    cr_expect_str_eq(c->sound, "keysDrop");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(c->trajectory, &count);
    cr_expect(count == 2 && rows[0].az_deg == -50 && rows[0].el_deg == 40 && rows[0].dist_m == 1);
    free(rows);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, the_folds_of_tau2019_are_the_published_ones) {
    static const char *const NAMES[] = {"split1_ir0_ov1_1", "split2_ir1_ov1_1", "split3_ir2_ov1_1",
                                        "split4_ir3_ov1_1"};
    // Split 1 .. 4 by fold: t(r)ain, (v)al, t(e)st.
    static const char *const WHAT[] = {"evrr", "revr", "rrev", "vrre"};
    v2s_test_field f = {48000, 2, V2S_LAYOUT_AMBIX, 1, single};
    for (int i = 0; i < 4; i++)
        make_2019(NAMES[i], "cough,0.3,1.5,0,30,1\n", &f);
    for (int fold = 1; fold <= 4; fold++) {
        const char digit[] = {(char)('0' + fold), '\0'};
        v2s_test_prepared o = V2S_TEST_PREPARE("tau2019", "--fold", digit);
        cr_assert(o.run.code == 0, "%s", o.run.err);
        v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = true});
        cr_assert(m.count == 4);
        for (int i = 0; i < 4; i++) // clips stand in the order of names
            cr_expect(v2s_split_name(m.clips[i].split)[m.clips[i].split == V2S_SPLIT_VAL ? 0 : 1] ==
                          WHAT[fold - 1][i],
                      "fold %d, split %d", fold, i + 1);
        v2s_manifest_free(&m);
        v2s_test_prepared_free(&o);
    }
    v2s_test_prepared o = V2S_TEST_PREPARE("tau2019", "--fold", "5");
    cr_expect(o.run.code == 2 && strstr(o.run.err, "folds 1 to 4") != NULL, "%s", o.run.err);
    v2s_test_prepared_free(&o);
}

// ---- label and sound --------------------------------------------------------------------------

Test(prepare_seld_program, a_label_that_the_sound_contradicts_is_flagged_with_the_angle) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2),
                   g = v2s_test_field_of(v2s_test_moving, 1, 2.5);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
    v2s_test_make_recording("dev-train", "fold3_room1_mix002", &f, 90, 0);
    v2s_test_make_recording("dev-train", "fold3_room1_mix003", &g, 25, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    const cJSON *flagged = v2s_test_at(o.json, "flagged");
    cr_assert(cJSON_GetArraySize(flagged) == 1);
    cr_expect(strstr(v2s_test_reason(&o, "flagged", "mix002.wav"), "wrong direction") != NULL);
    double angle = cJSON_GetObjectItem(flagged->child, "angle_deg")->valuedouble;
    cr_expect(fabs(angle - 90) < 1, "%g", angle);
    cr_expect(strstr(o.run.out, "from its label") != NULL, "%s", o.run.out);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.strict = false});
    cr_expect(m.count == 2 && m.flagged == 1);
    v2s_manifest_free(&m);
    m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.keep_flagged = true});
    cr_expect(m.count == 3 && v2s_test_clip(&m, "fold3_room1_mix002-001")->flag != NULL);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
    o = V2S_TEST_PREPARE("starss22", "--strict");
    cr_expect(o.run.code == 1 && strstr(o.run.err, "wrong direction") != NULL, "%s", o.run.err);
    v2s_test_prepared_free(&o);
}

static void expect_channels(v2s_layout layout, const char *warning) {
    char name[64];
    for (int i = 0; i < 5; i++) {
        const v2s_test_source source = {0.3, 1.5, 70.0 * i - 150, 15.0 * i - 25, 0};
        v2s_test_field f = {RATE, 2, layout, 1, &source};
        snprintf(name, sizeof name, "fold3_room1_mix%03d", i);
        v2s_test_make_recording("dev-train", name, &f, 0, 0);
    }
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect_str_eq(v2s_test_at(o.json, "channels_test.layout")->valuestring,
                     v2s_layout_name(layout));
    cr_expect((strstr(o.run.err, "labels and sounds speak for") != NULL) == (warning != NULL), "%s",
              o.run.err);
    if (warning != NULL)
        cr_expect(strstr(o.run.err, warning) != NULL, "%s", o.run.err);
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, right_channels_are_confirmed) {
    expect_channels(V2S_LAYOUT_AMBIX, NULL);
}

Test(prepare_seld_program, fuma_is_told_from_the_labels) {
    expect_channels(V2S_LAYOUT_FUMA, "speak for fuma, not for ambix");
}

Test(prepare_seld_program, n3d_is_told_from_the_labels) {
    expect_channels(V2S_LAYOUT_N3D, "speak for n3d, not for ambix");
}

Test(prepare_seld_program, labelled_silence_is_skipped) {
    v2s_test_field f = v2s_test_field_of(single, 1, 2);
    v2s_test_make_recording("dev-train", "fold3_room1_mix001", &f, 0, 0);
    v2s_test_make_recording("dev-train", "fold3_room1_mix002", &f, 0, 0);
    float *zeros = calloc(4 * 2 * RATE, sizeof *zeros);
    v2s_test_make_wav(v2s_test_path("d/foa_dev/dev-train/fold3_room1_mix002.wav"), zeros, 2 * RATE,
                      4, RATE);
    free(zeros);
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_expect(o.run.code == 0 && v2s_test_found(&o, "silent") == 1 &&
              v2s_test_found(&o, "spans_silent") == 1);
    V2S_TEST_SKIPPED(&o, "mix002.wav", "silence");
    cr_expect(cJSON_GetArraySize(cJSON_GetObjectItem(o.json, "skipped")) == 1);
    v2s_test_prepared_free(&o);
}

// ---- real samples -----------------------------------------------------------------------------

static const char *shared(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", V2S_SHARED_DATA, name);
    if (access(path, R_OK) != 0)
        cr_skip_test("%s is not there", path);
    return path;
}

Test(prepare_seld_program, the_real_second_of_tau2019_agrees_with_its_label) {
    const char *root = shared("foa/tau2019sse");
    v2s_test_prepared o = v2s_test_prepare((const char *const[]){
        "prepare", "tau2019", root, "-o", "m.jsonl", "--json", "j.json", NULL});
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") == 1 && v2s_test_found(&o, "splits.test") == 1);
    cr_expect(v2s_test_found(&o, "labels_beyond_sound") == 3, "the label is of a minute");
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "flagged")) == 0);
    cr_expect(v2s_test_found(&o, "channels_test.angle_median_deg") < 5);
    v2s_manifest m = v2s_test_manifest("m.jsonl", (v2s_manifest_rules){.allow_outside = true});
    cr_expect(fabs(m.clips[0].start_s - 0.366452) < 1e-6);
    cr_expect(fabs(m.clips[0].start_s + m.clips[0].duration_s - 1) < 1e-5);
    v2s_pair pair = {0};
    cr_expect(v2s_pair_load(&m.clips[0], 0, &pair) == V2S_OK, "%s", v2s_error_text());
    v2s_pair_free(&pair);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_seld_program, real_labels_without_sounds_are_named_and_counted) {
    const char *root = shared("seld/starss22");
    v2s_test_prepared o = v2s_test_prepare((const char *const[]){
        "prepare", "starss22", root, "-o", "m.jsonl", "--json", "j.json", NULL});
    cr_expect(o.run.code == 1, "%s", o.run.err);
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "skipped")) == 67);
    V2S_TEST_SKIPPED(&o, "dev-train-tau/fold3_room9_mix007.csv", "no sound");
    v2s_test_prepared_free(&o);
}

static void copy_file(const char *from, const char *to) {
    size_t size;
    unsigned char *bytes = v2s_test_read_file(from, &size);
    v2s_test_make_text(to, "");
    v2s_test_write_file(v2s_test_path(to), bytes, size);
    free(bytes);
}

// Plane waves that follow the labels of a real recording, all of them at once.
static void make_sound_of_labels(const char *csv, const char *name, int seconds) {
    v2s_dcase_labels m = {0};
    size_t frames = (size_t)seconds * RATE;
    float *foa = calloc(4 * frames, sizeof *foa);
    cr_assert(foa != NULL && v2s_dcase_csv_read(csv, V2S_DCASE_CENTIMETRES, &m) == V2S_OK);
    uint32_t state = 1;
    for (size_t i = 0; i < m.count; i++) {
        const v2s_vec3 u = m.rows[i].unit;
        const float gains[4] = {1, (float)u.y, (float)u.z, (float)u.x};
        size_t from = (size_t)m.rows[i].frame * RATE / 10;
        for (size_t k = from; k < from + RATE / 10 && k < frames; k++) {
            state = state * 1664525u + 1013904223u;
            float noise = 0.1f * ((float)(state >> 8) / 8388608.0f - 1);
            for (int c = 0; c < 4; c++)
                foa[4 * k + (size_t)c] += gains[c] * noise;
        }
    }
    v2s_test_make_text(name, "");
    v2s_test_make_wav(v2s_test_path(name), foa, frames, 4, RATE);
    v2s_dcase_labels_free(&m);
    free(foa);
}

Test(prepare_seld_program, real_labels_of_moving_sources_agree_with_a_sound_that_follows_them) {
    static const char *const NAMES[] = {
        "seld/starss22/metadata_dev/dev-train-tau/fold3_room7_mix006.csv",
        "seld/starss22/metadata_dev/dev-train-sony/fold3_room21_mix014.csv"};
    static const char *const STEMS[] = {"fold3_room7_mix006", "fold3_room21_mix014"};
    for (int i = 0; i < 2; i++) {
        char csv[512], name[128];
        snprintf(csv, sizeof csv, "%s", shared(NAMES[i]));
        snprintf(name, sizeof name, "d/metadata_dev/dev-train-tau/%s.csv", STEMS[i]);
        copy_file(csv, name);
        snprintf(name, sizeof name, "d/foa_dev/dev-train-tau/%s.wav", STEMS[i]);
        make_sound_of_labels(csv, name, 40);
    }
    v2s_test_prepared o = V2S_TEST_PREPARE("starss22");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") >= 5, "%g", v2s_test_found(&o, "clips"));
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "flagged")) == 0);
    cr_expect(v2s_test_found(&o, "channels_test.angle_median_deg") < 1);
    cr_expect_str_eq(v2s_test_at(o.json, "channels_test.layout")->valuestring, "ambix");
    v2s_test_prepared_free(&o);
}

// ---- to the end -------------------------------------------------------------------------------

Test(prepare_seld_program, a_refiner_learns_from_what_was_prepared_and_is_compared) {
    char name[64];
    for (int i = 0; i < 6; i++) {
        const v2s_test_source source = {0.1, 1.3, 50.0 * i - 150, 8.0 * i - 20, 0};
        v2s_test_field f = {RATE, 1.5, V2S_LAYOUT_AMBIX, 1, &source};
        snprintf(name, sizeof name, "fold%d_room%d_mix001", i < 4 ? 1 : i + 1, i);
        v2s_test_make_recording(i < 4    ? "dev-train"
                                : i == 4 ? "dev-val"
                                         : "dev-test",
                                name, &f, 0, 0);
    }
    v2s_test_prepared o = V2S_TEST_PREPARE("tau2021");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cJSON *json = v2s_test_train_and_compare();
    cr_expect(v2s_test_number(json, "clips") == 1);
    cJSON_Delete(json);
    v2s_test_prepared_free(&o);
}
