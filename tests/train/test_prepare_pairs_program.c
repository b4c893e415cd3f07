// SPDX-License-Identifier: MIT
// v2s-train prepare pairs: any folder of first-order sounds.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/pair.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/make_seld.h"
#include "tests/support/prepare_run.h"
#include "tests/support/program.h"

TestSuite(prepare_pairs_program, .fini = v2s_test_folder_remove, .timeout = 120);

enum { RATE = 16000 };

static const v2s_manifest_rules STRICT = {.strict = true};

static v2s_test_source source_of(int i) {
    return (v2s_test_source){0, 2, 70.0 * i - 150, 15.0 * (i % 5) - 25, 0};
}

static void make_foa(const char *name, int i, v2s_layout layout) {
    const v2s_test_source source = source_of(i);
    const v2s_test_field f = {RATE, 2, layout, 1, &source};
    v2s_test_make_field(name, &f);
}

static void make_dry(const char *name, int i) {
    const v2s_test_source source = source_of(i);
    const v2s_test_field f = {RATE, 2, V2S_LAYOUT_AMBIX, 1, &source};
    v2s_test_make_dry(name, &f);
}

static void make_path(const char *name, int i, double off_deg) {
    char text[200];
    const v2s_test_source s = source_of(i);
    snprintf(text, sizeof text, "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,%g,%g,1,1\n",
             s.az_deg + off_deg, s.el_deg);
    v2s_test_make_text(name, text);
}

// d/foa, d/mono and d/traj of recordings r0 .. r<count - 1>.
static void make_set(int count, bool dry, bool paths) {
    char name[64];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "d/foa/r%d.wav", i);
        make_foa(name, i, V2S_LAYOUT_AMBIX);
        snprintf(name, sizeof name, "d/mono/r%d.wav", i);
        if (dry)
            make_dry(name, i);
        snprintf(name, sizeof name, "d/traj/r%d.csv", i);
        if (paths)
            make_path(name, i, 0);
    }
}

static double difference(const v2s_clip *c) {
    v2s_pair pair = {0};
    double sum = 0, energy = 0;
    cr_assert(v2s_pair_load(c, 0, &pair) == V2S_OK, "%s", v2s_error_text());
    for (size_t k = 0; k < 4 * pair.frames; k++) {
        double d = (double)pair.geometric[k] - (double)pair.truth[k];
        sum += d * d;
        energy += (double)pair.truth[k] * (double)pair.truth[k];
    }
    v2s_pair_free(&pair);
    return sum / energy;
}

Test(prepare_pairs_program, sound_dry_sound_and_trajectory_are_a_dry_pair) {
    make_set(4, true, true);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") == 4 && v2s_test_found(&o, "with_dry") == 4);
    cr_expect(v2s_test_found(&o, "splits.train") == 2 && v2s_test_found(&o, "splits.val") == 1);
    cr_expect(v2s_test_found(&o, "splits.test") == 1);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
    cr_assert(m.count == 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect(m.clips[i].pairing == V2S_PAIRING_DRY && m.clips[i].dry != NULL);
        cr_expect(fabs(m.clips[i].duration_s - 2) < 1e-9);
        cr_expect(difference(&m.clips[i]) < 1e-4, "%g", difference(&m.clips[i]));
    }
    cr_expect_str_eq(m.clips[0].room, "r0");
    cr_expect(access(v2s_test_path("d/m.files"), F_OK) != 0, "nothing had to be made");
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, sound_and_trajectory_are_an_omni_pair) {
    make_set(3, false, true);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
    cr_assert(m.count == 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect(m.clips[i].pairing == V2S_PAIRING_OMNI && difference(&m.clips[i]) < 1e-4);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, names_in_one_folder_belong_together_by_their_endings) {
    make_foa("d/hall/a_foa.wav", 0, V2S_LAYOUT_AMBIX);
    make_dry("d/hall/a-dry.wav", 0);
    make_path("d/hall/a.csv", 0, 0);
    make_foa("d/b.wav", 1, V2S_LAYOUT_AMBIX);
    make_path("d/b.traj.csv", 1, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
    cr_assert(m.count == 2, "found %zu", m.count);
    cr_expect(v2s_test_clip(&m, "hall_a")->pairing == V2S_PAIRING_DRY);
    cr_expect(v2s_test_clip(&m, "b")->pairing == V2S_PAIRING_OMNI);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, a_sound_alone_gets_an_estimated_direction_and_that_is_said) {
    make_set(3, false, false);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "estimated") == 3 && v2s_test_found(&o, "clips") == 3);
    cr_expect(strstr(o.run.out, "estimated from the sound for 3 recordings") != NULL, "%s",
              o.run.out);
    cr_expect(strstr(o.run.out, "none can be flagged") != NULL);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
    for (size_t i = 0; i < m.count; i++) {
        size_t count;
        v2s_test_row *rows = v2s_test_trajectory(m.clips[i].trajectory, &count);
        v2s_test_source s = source_of((int)i);
        cr_expect(count > 10 && fabs(rows[5].az_deg - s.az_deg) < 0.5 &&
                      fabs(rows[5].el_deg - s.el_deg) < 0.5,
                  "az %g el %g", rows[5].az_deg, rows[5].el_deg);
        cr_expect(difference(&m.clips[i]) < 1e-3);
        free(rows);
    }
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, a_wrong_trajectory_is_flagged) {
    make_set(2, false, true);
    make_path("d/traj/r1.csv", 1, -90);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(strstr(v2s_test_reason(&o, "flagged", "r1.wav"), "wrong direction") != NULL);
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
    cr_expect(m.count == 1 && m.flagged == 1);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

static void expect_layout(v2s_layout layout) {
    char name[64];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "d/foa/r%d.wav", i);
        make_foa(name, i, layout);
        snprintf(name, sizeof name, "d/traj/r%d.csv", i);
        make_path(name, i, 0);
    }
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs", "--layout", v2s_layout_name(layout));
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(strstr(o.run.err, "speak for") == NULL, "%s", o.run.err);
    cr_expect_str_eq(v2s_test_at(o.json, "channels_test.layout")->valuestring,
                     v2s_layout_name(layout));
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
    cr_assert(m.count == 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq(m.clips[i].layout, v2s_layout_name(layout));
        cr_expect(difference(&m.clips[i]) < 1e-4, "the reader converts to AmbiX");
    }
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, n3d_is_converted_on_reading) {
    expect_layout(V2S_LAYOUT_N3D);
}

Test(prepare_pairs_program, fuma_is_converted_on_reading) {
    expect_layout(V2S_LAYOUT_FUMA);
}

Test(prepare_pairs_program, a_layout_that_the_sounds_contradict_is_a_warning) {
    char name[64];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "d/foa/r%d.wav", i);
        make_foa(name, i, V2S_LAYOUT_N3D);
        snprintf(name, sizeof name, "d/traj/r%d.csv", i);
        make_path(name, i, 0);
    }
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_expect(o.run.code == 0 && strstr(o.run.err, "speak for n3d, not for ambix") != NULL, "%s",
              o.run.err);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, auto_takes_the_layout_that_is_certain_and_skips_what_is_not) {
    static const v2s_test_source many[] = {{0, 1, 0, 0, 0},     {1, 2, 90, 0, 0},
                                           {2, 3, -120, 10, 0}, {3, 4, 45, -15, 0},
                                           {4, 5, 170, 20, 0},  {5, 6, -60, -20, 0}};
    const v2s_test_field n3d = {RATE, 6, V2S_LAYOUT_N3D, 6, many};
    v2s_test_make_field("d/many.wav", &n3d);
    make_path("d/many.csv", 0, 0);
    make_foa("d/one.wav", 1, V2S_LAYOUT_AMBIX);
    make_path("d/one.csv", 1, 0);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs", "--layout", "auto");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    V2S_TEST_SKIPPED(&o, "one.wav", "layout uncertain");
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", (v2s_manifest_rules){.keep_flagged = true});
    cr_assert(m.count == 1);
    cr_expect_str_eq(m.clips[0].layout, "n3d");
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, splits_csv_deals_the_recordings_and_names_their_rooms) {
    make_set(4, false, true);
    v2s_test_make_text("d/splits.csv", "name,split,room\nr0,test,hall\nr1,train,\nr2,val,cave\n"
                                       "r9,val,cave\n");
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    V2S_TEST_SKIPPED(&o, "r3.wav", "no split");
    V2S_TEST_SKIPPED(&o, "r9", "no sound");
    v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
    cr_assert(m.count == 3);
    cr_expect(v2s_test_clip(&m, "r0")->split == V2S_SPLIT_TEST);
    cr_expect(v2s_test_clip(&m, "r2")->split == V2S_SPLIT_VAL);
    cr_expect_str_eq(v2s_test_clip(&m, "r0")->room, "hall");
    cr_expect_str_eq(v2s_test_clip(&m, "r1")->room, "r1");
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

static void expect_splits_refused(const char *text, const char *part) {
    v2s_test_make_text("d/splits.csv", text);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_expect(o.run.code == 1 && strstr(o.run.err, part) != NULL, "%s", o.run.err);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, a_splits_csv_that_cannot_be_read_is_an_error) {
    make_set(2, false, true);
    expect_splits_refused("", "empty");
    expect_splits_refused("r0,train\n", "expected the header");
    expect_splits_refused("name,split\nr0,trian\n", "line 2: column 2 (split)");
    expect_splits_refused("name,split\nr0\n", "line 2: expected name,split");
    expect_splits_refused("name,split\nr0,train\nr0,test\n", "line 3: r0 stands in an earlier");
}

Test(prepare_pairs_program, splits_depend_on_the_seed_alone) {
    make_set(20, false, true);
    char split[3][20];
    for (int k = 0; k < 3; k++) {
        v2s_test_prepared o = V2S_TEST_PREPARE("pairs", "--seed", k == 2 ? "2" : "1");
        cr_assert(o.run.code == 0, "%s", o.run.err);
        cr_expect(v2s_test_found(&o, "splits.train") == 14 &&
                  v2s_test_found(&o, "splits.val") == 3);
        v2s_manifest m = v2s_test_manifest("d/m.jsonl", STRICT);
        cr_assert(m.count == 20);
        for (int i = 0; i < 20; i++)
            split[k][i] = (char)m.clips[i].split;
        v2s_manifest_free(&m);
        v2s_test_prepared_free(&o);
    }
    cr_expect(memcmp(split[0], split[1], 20) == 0);
    cr_expect(memcmp(split[0], split[2], 20) != 0);
}

Test(prepare_pairs_program, what_cannot_be_used_is_named_with_its_reason) {
    const v2s_test_field f = {RATE, 2, V2S_LAYOUT_AMBIX, 0, NULL};
    make_set(1, true, true);
    make_dry("d/mono/alone.wav", 1);
    make_path("d/traj/lost.csv", 1, 0);
    make_foa("d/foa/bad.wav", 1, V2S_LAYOUT_AMBIX);
    v2s_test_make_text("d/traj/bad.csv",
                       "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,left,0,1,1\n");
    make_foa("d/foa/two.wav", 1, V2S_LAYOUT_AMBIX);
    v2s_test_make_text("d/traj/two.csv",
                       "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,0,0,1,1\n0,2,0,0,1,1\n");
    v2s_test_make_text("d/foa/pointer.wav", V2S_TEST_LFS_POINTER);
    make_foa("d/foa/twice.wav", 1, V2S_LAYOUT_AMBIX);
    make_foa("d/twice_foa.wav", 1, V2S_LAYOUT_AMBIX);
    v2s_test_make_field("d/foa/quiet.wav", &f); // noise without a direction
    float stereo[3200] = {0.1f};
    v2s_test_make_wav(v2s_test_path("d/mono/wide.wav"), stereo, 1600, 2, RATE);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "clips") == 1);
    V2S_TEST_SKIPPED(&o, "alone.wav", "no first-order sound");
    V2S_TEST_SKIPPED(&o, "lost.csv", "no sound");
    V2S_TEST_SKIPPED(&o, "bad.csv", "line 2");
    V2S_TEST_SKIPPED(&o, "two.csv", "several objects: 2");
    V2S_TEST_SKIPPED(&o, "pointer.wav", "LFS");
    V2S_TEST_SKIPPED(&o, "twice_foa.wav", "named twice");
    V2S_TEST_SKIPPED(&o, "quiet.wav", "no direction");
    V2S_TEST_SKIPPED(&o, "wide.wav", "wrong number of channels: 2");
    cr_expect(cJSON_GetArraySize(v2s_test_at(o.json, "skipped")) == 8);
    v2s_test_prepared_free(&o);
    o = V2S_TEST_PREPARE("pairs", "--strict");
    cr_expect(o.run.code == 1);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, real_recordings_give_directions_in_front_and_below) {
    char root[512];
    snprintf(root, sizeof root, "%s/foa/jsambisonics", V2S_SHARED_DATA);
    if (access(root, R_OK) != 0)
        cr_skip_test("%s is not there", root);
    v2s_test_prepared o = v2s_test_prepare((const char *const[]){
        "prepare", "pairs", root, "-o", "m.jsonl", "--json", "j.json", "--layout", "fuma", NULL});
    cr_assert(o.run.code == 0, "%s", o.run.err);
    cr_expect(v2s_test_found(&o, "estimated") == 2 && v2s_test_found(&o, "clips") > 5);
    v2s_manifest m = v2s_test_manifest("m.jsonl", (v2s_manifest_rules){.allow_outside = true});
    double az = 0, el = 0, points = 0;
    for (size_t i = 0; i < m.count; i++) {
        size_t count;
        v2s_test_row *rows = v2s_test_trajectory(m.clips[i].trajectory, &count);
        for (size_t k = 0; k < count; k++, points++) {
            az += fabs(rows[k].az_deg);
            el += rows[k].el_deg;
        }
        free(rows);
    }
    cr_expect(az / points < 45 && el / points < -5 && el / points > -35, "|az| %g, el %g",
              az / points, el / points);
    v2s_manifest_free(&m);
    v2s_test_prepared_free(&o);
}

Test(prepare_pairs_program, a_refiner_learns_from_pairs_and_is_compared) {
    make_set(5, false, true);
    v2s_test_prepared o = V2S_TEST_PREPARE("pairs");
    cJSON *json = v2s_test_train_and_compare();
    cr_expect(v2s_test_number(json, "clips") >= 1);
    cJSON_Delete(json);
    v2s_test_prepared_free(&o);
}
