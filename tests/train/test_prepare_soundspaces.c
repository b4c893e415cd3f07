// SPDX-License-Identifier: MIT
// v2s-train prepare soundspaces as its users run it, on a miniature: what the truths are, splits,
// the same bytes for the same seed, what is flagged, skipped and refused.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/pair.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/make_sets.h"
#include "tests/support/program.h"

TestSuite(prepare_soundspaces, .fini = v2s_test_folder_remove);

static v2s_manifest read_manifest(const char *name) {
    const v2s_manifest_rules rules = {.strict = true, .keep_flagged = true};
    v2s_manifest m = {0};
    cr_assert(v2s_manifest_read(v2s_test_path(name), rules, &m) == V2S_OK, "%s", v2s_error_text());
    return m;
}

// "SoundSpaces replica/office_2/1_3.wav"
static void parse_source(const char *source, int *scene, int *from, int *to) {
    char between;
    cr_assert(
        sscanf(source, "SoundSpaces replica/office_%d/%d%c%d.wav", scene, from, &between, to) == 4,
        "%s", source);
    cr_expect(between == (*scene % 2 == 0 ? '_' : '-'));
}

// Until the reflection comes the truth is the geometric path: time, level and direction.
static void expect_direct_sound(const v2s_clip *clip) {
    v2s_pair pair = {0};
    double difference = 0, level = 0, later = 0;
    cr_assert(v2s_pair_load(clip, 0, &pair) == V2S_OK, "%s", v2s_error_text());
    cr_assert(pair.rate_hz == 44100 && pair.frames > 5000);
    for (size_t i = 0; i < 4 * pair.frames; i++) {
        double e = fabs((double)pair.truth[i] - (double)pair.geometric[i]);
        if (i < 4 * V2S_TEST_SPACES_GAP) {
            difference = fmax(difference, e);
            level = fmax(level, fabs((double)pair.geometric[i]));
        } else {
            later = fmax(later, e);
        }
    }
    cr_expect(difference < 2e-5 * level, "%s: %g of %g", clip->id, difference, level);
    cr_expect(later > 0.05 * level); // the reflection
    v2s_pair_free(&pair);
}

static void expect_place(const v2s_clip *clip) {
    int scene, receiver, source;
    v2s_pair pair = {0};
    parse_source(clip->source, &scene, &receiver, &source);
    v2s_vec3 away = v2s_plus(v2s_test_spaces_place(scene, source),
                             v2s_scaled(v2s_test_spaces_place(scene, receiver), -1));
    cr_assert(v2s_pair_load(clip, 0, &pair) == V2S_OK);
    v2s_point p = v2s_trajectory_at(&pair.path, 0, NULL);
    v2s_vec3 expected = {away.y, -away.x, away.z}; // front is +y of the mesh, left -x
    cr_expect(fabs(p.distance_m - v2s_norm(away)) < 1e-5);
    cr_expect(v2s_angle_between_rad(p.unit, expected) < 1e-4);
    v2s_pair_free(&pair);
}

// Mirrored places fit no turn: then it is not the responses that are wrong.
Test(prepare_soundspaces, places_that_fit_no_turn_flag_nothing) {
    v2s_test_make_soundspaces("ss", 3, 6);
    for (int scene = 0; scene < 3; scene++) {
        char path[128], text[512] = "", row[128];
        snprintf(path, sizeof path, "ss/data/metadata/replica/office_%d/points.txt", scene);
        for (int id = 0; id < 4; id++) {
            v2s_vec3 at = v2s_test_spaces_place(scene, id);
            snprintf(row, sizeof row, "%d\t%g\t%g\t%g\n", id, at.y + 0.6 * at.x, at.x,
                     at.z + 5 * at.y);
            strcat(text, row);
        }
        v2s_test_write_text(path, text);
    }
    cJSON *json = V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "6");
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "flagged")) == 0);
    cr_expect(v2s_test_number(json, "angle_median_deg_replica") > 30);
    cJSON_Delete(json);
}

Test(prepare_soundspaces, truths_begin_as_the_geometric_path_and_go_on_with_the_room) {
    v2s_test_make_soundspaces("ss", 4, 6);
    cJSON *json = V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "24",
                                        "--seed", "3");
    cr_expect(v2s_test_number(json, "clips") == 24);
    cr_expect(v2s_test_number(json, "splits.train") == 12);
    cr_expect(v2s_test_number(json, "splits.val") == 6 &&
              v2s_test_number(json, "splits.test") == 6);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "flagged")) == 0);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "skipped")) == 0);
    cr_expect(strcmp(cJSON_GetStringValue(v2s_test_at(json, "axes_replica")), "+y") == 0);
    cr_expect(fabs(v2s_test_number(json, "gain_replica") - 1 / V2S_TEST_SPACES_GAIN) < 1e-3);
    cr_expect(v2s_test_number(json, "angle_median_deg_replica") < 0.01);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("ss/m.jsonl");
    cr_assert(m.count == 24 && m.flagged == 0);
    for (size_t i = 0; i < m.count; i++) {
        cr_expect(m.clips[i].pairing == V2S_PAIRING_DRY && !m.clips[i].recorded);
        expect_direct_sound(&m.clips[i]);
        expect_place(&m.clips[i]);
        // Direct to reflection: 1 to 0.04.
        cr_expect(fabs(m.clips[i].drr_db - 10 * log10(25)) < 1e-3, "%g", m.clips[i].drr_db);
    }
    v2s_manifest_free(&m);
    V2S_TEST_RUN("info", "ss/m.jsonl");
}

Test(prepare_soundspaces, splits_share_neither_scenes_nor_sounds_whatever_the_seed) {
    v2s_test_make_soundspaces("ss", 5, 8);
    char known[5] = {9, 9, 9, 9, 9}, heard[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    for (int seed = 0; seed < 3; seed++) {
        char text[8];
        snprintf(text, sizeof text, "%d", seed);
        cJSON_Delete(V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "20",
                                           "--seed", text));
        v2s_manifest m = read_manifest("ss/m.jsonl");
        for (size_t i = 0; i < m.count; i++) {
            char split = (char)m.clips[i].split;
            int scene = m.clips[i].room[strlen(m.clips[i].room) - 1] - '0', sound;
            cr_assert(sscanf(m.clips[i].sound, "1s_all/sound_%d.wav", &sound) == 1);
            cr_expect(known[scene] == 9 || known[scene] == split);
            cr_expect(heard[sound] == 9 || heard[sound] == split);
            known[scene] = heard[sound] = split;
        }
        v2s_manifest_free(&m);
    }
}

static unsigned char *read_text(const char *name, size_t *size) {
    return v2s_test_read_file(v2s_test_path(name), size);
}

static bool same_bytes(const char *a, const char *b) {
    size_t m, n;
    unsigned char *x = read_text(a, &m), *y = read_text(b, &n);
    bool same = m == n && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

Test(prepare_soundspaces, the_same_seed_makes_the_same_bytes_on_any_number_of_threads) {
    v2s_test_make_soundspaces("ss", 3, 4);
    v2s_test_make_folders("a");
    v2s_test_make_folders("b");
    cJSON_Delete(V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "a/m.jsonl", "--clips", "5",
                                       "--seed", "7", "--threads", "1"));
    cJSON_Delete(V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "b/m.jsonl", "--clips", "5",
                                       "--seed", "7", "--threads", "3"));
    cr_expect(same_bytes("a/m.jsonl", "b/m.jsonl"));
    cr_expect(same_bytes("a/m.files/foa/ss000003.wav", "b/m.files/foa/ss000003.wav"));
    cr_expect(same_bytes("a/m.files/dry/ss000004.wav", "b/m.files/dry/ss000004.wav"));
    cr_expect(same_bytes("a/m.files/traj/ss000000.csv", "b/m.files/traj/ss000000.csv"));
    cJSON_Delete(V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "b/m.jsonl", "--clips", "5",
                                       "--seed", "8"));
    cr_expect(!same_bytes("a/m.jsonl", "b/m.jsonl"));
}

Test(prepare_soundspaces, published_splits_of_scenes_are_kept) {
    v2s_test_make_soundspaces("ss", 3, 4);
    v2s_test_make_folders("ss/data/datasets/replica/v1/val_multiple/content");
    v2s_test_make_folders("ss/data/datasets/replica/v1/test/content");
    v2s_test_make_folders("ss/data/datasets/replica/v1/train/content");
    v2s_test_write_text("ss/data/datasets/replica/v1/val_multiple/content/office_0.json.gz", "x");
    v2s_test_write_text("ss/data/datasets/replica/v1/test/content/office_1.json.gz", "x");
    v2s_test_write_text("ss/data/datasets/replica/v1/train/content/office_2.json.gz", "x");
    cJSON *json = V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "6");
    cr_expect(v2s_test_number(json, "scenes_published_split") == 3);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("ss/m.jsonl");
    for (size_t i = 0; i < m.count; i++) {
        static const v2s_split expected[] = {V2S_SPLIT_VAL, V2S_SPLIT_TEST, V2S_SPLIT_TRAIN};
        cr_expect(m.clips[i].split == expected[m.clips[i].room[strlen("replica/office_")] - '0']);
    }
    v2s_manifest_free(&m);
}

Test(prepare_soundspaces, a_response_that_comes_from_elsewhere_is_flagged_with_its_angle) {
    v2s_test_make_soundspaces("ss", 1, 3);
    v2s_vec3 away =
        v2s_plus(v2s_test_spaces_place(0, 1), v2s_scaled(v2s_test_spaces_place(0, 0), -1));
    v2s_test_make_response("ss/data/ambisonic_rirs/replica/office_0/irs/0_1.wav",
                           (v2s_vec3){away.y, -away.x, away.z}, 9, 44100);
    cJSON *json = V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "12");
    const cJSON *flagged = v2s_test_at(json, "flagged");
    cr_assert(cJSON_GetArraySize(flagged) == 1);
    cr_expect(fabs(v2s_test_number(cJSON_GetArrayItem(flagged, 0), "angle_deg") - 90) < 0.1);
    cr_expect(strstr(v2s_test_reason_of(json, "flagged", "0_1.wav"), "90 deg") != NULL);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("ss/m.jsonl");
    cr_expect(m.count == 12 && m.flagged == 1);
    v2s_manifest_free(&m);
    V2S_TEST_PREPARE_REFUSED(1, "0_1.wav", "soundspaces", "ss", "-o", "ss/s.jsonl", "--clips", "12",
                             "--strict");
    cr_expect(access(v2s_test_path("ss/s.jsonl"), F_OK) != 0);
}

Test(prepare_soundspaces, without_places_the_distance_is_that_of_the_delay) {
    v2s_test_make_soundspaces("ss", 1, 3);
    v2s_test_write_text("ss/data/metadata/replica/office_0/points.txt", "0\t1\t2\n");
    cJSON *json = V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "12");
    cr_expect(v2s_test_number(json, "distances_from_delay") == 12);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "points.txt"), "4 columns") != NULL);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("ss/m.jsonl");
    for (size_t i = 0; i < m.count; i++) {
        int scene, receiver, source;
        v2s_pair pair = {0};
        parse_source(m.clips[i].source, &scene, &receiver, &source);
        v2s_vec3 away = v2s_plus(v2s_test_spaces_place(scene, source),
                                 v2s_scaled(v2s_test_spaces_place(scene, receiver), -1));
        cr_assert(v2s_pair_load(&m.clips[i], 0, &pair) == V2S_OK);
        cr_expect(fabs(pair.path.points[0].distance_m - v2s_norm(away)) < 0.005);
        v2s_pair_free(&pair);
    }
    v2s_manifest_free(&m);
}

Test(prepare_soundspaces, files_that_cannot_be_used_are_named_with_their_reason) {
    v2s_test_make_soundspaces("ss", 1, 4);
#define IRS "ss/data/ambisonic_rirs/replica/office_0/irs/"
    v2s_test_make_lfs_pointer(IRS "0_1.wav");
    v2s_test_write_text(IRS "0_2.wav", "RIFF, or not");
    v2s_test_make_noise(IRS "0_3.wav", 1000, 2, 44100, 1);
    v2s_test_write_text(IRS "notes.wav", "x");
    v2s_test_write_text(IRS "1_0.wav", "");
    v2s_test_make_lfs_pointer("ss/data/sounds/1s_all/sound_2.wav");
    float zeros[4410] = {0};
    v2s_test_make_wav(v2s_test_path("ss/data/sounds/1s_all/sound_3.wav"), zeros, 4410, 1, 44100);
    v2s_test_make_wav(v2s_test_path(IRS "1_2.wav"), zeros, 490, 9, 44100);
    v2s_test_make_response(IRS "1_3.wav", (v2s_vec3){0, 2, 0}, 9, 48000);
    cJSON *json = V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "20");
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "1_3.wav"), "48000 Hz, most have") !=
              NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "0_1.wav"), "LFS") != NULL);
    cr_expect(v2s_test_reason_of(json, "skipped", "0_2.wav")[0] != '\0');
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "0_3.wav"), "expected 9") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "notes.wav"), "R_S.wav") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "1_0.wav"), "empty") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "1_2.wav"), "silent") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "sound_2.wav"), "LFS") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "sound_3.wav"), "silent") != NULL);
    cr_expect(v2s_test_number(json, "clips") > 0);
    cJSON_Delete(json);
    V2S_TEST_PREPARE_REFUSED(1, "ambisonic_rirs", "soundspaces", "ss/data/metadata", "-o",
                             "m.jsonl");
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "ss/data/sounds/1s_all/sound_%d.wav", i);
        unlink(v2s_test_path(name));
    }
    V2S_TEST_PREPARE_REFUSED(1, "no sound that can be used", "soundspaces", "ss", "-o", "m.jsonl");
}

// A direct sound in front and 0.6 s of noise in W that decays by 60 dB in 0.4 s.
static void make_reverberant(const char *name) {
    enum { FRAMES = 26460, CHANNELS = 9, AT = 300 };
    float *x = calloc(FRAMES * CHANNELS, sizeof *x), *noise = malloc(FRAMES * sizeof *noise);
    hash_noise(9, FRAMES, 0.1f, noise);
    for (int t = AT; t < FRAMES; t++)
        x[t * CHANNELS] = noise[t] * (float)pow(10, -3 * (t - AT) / (0.4 * 44100));
    x[AT * CHANNELS] = 1;
    x[AT * CHANNELS + 3] = sqrtf(3);
    v2s_test_make_wav(v2s_test_path(name), x, FRAMES, CHANNELS, 44100);
    free(x);
    free(noise);
}

Test(prepare_soundspaces, the_reverberation_time_of_a_response_is_its_decay) {
    v2s_test_make_soundspaces("ss", 0, 3);
    v2s_test_make_folders("ss/data/ambisonic_rirs/replica/hall/irs");
    make_reverberant("ss/data/ambisonic_rirs/replica/hall/irs/1_2.wav");
    v2s_test_make_response("ss/data/ambisonic_rirs/replica/hall/irs/1_3.wav", (v2s_vec3){0, 2, 0},
                           9, 44100);
    cJSON_Delete(V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "2"));
    v2s_manifest m = read_manifest("ss/m.jsonl");
    cr_assert(m.count == 2);
    for (size_t i = 0; i < 2; i++)
        if (strstr(m.clips[i].source, "1_2.wav") != NULL)
            cr_expect(m.clips[i].rt60_count == 1 && fabs(m.clips[i].rt60_s[0] - 0.4) < 0.02, "%g",
                      m.clips[i].rt60_s[0]);
        else // two pulses have no decay
            cr_expect(m.clips[i].rt60_count == 0);
    v2s_manifest_free(&m);
}

Test(prepare_soundspaces, sounds_are_converted_to_the_rate_of_the_responses) {
    v2s_test_make_soundspaces("ss", 0, 3);
    v2s_test_make_folders("ss/data/ambisonic_rirs/mp3d/17DRP5sb8fy/irs");
    v2s_vec3 away = {1, 2, 0.5};
    v2s_test_make_response("ss/data/ambisonic_rirs/mp3d/17DRP5sb8fy/irs/12_34.wav", away, 4, 16000);
    cJSON *json = V2S_TEST_PREPARE_JSON("soundspaces", "ss", "-o", "ss/m.jsonl", "--clips", "2");
    cr_expect(v2s_test_number(json, "clips") == 2);
    cJSON_Delete(json);
    v2s_test_sound dry = v2s_test_sound_read(v2s_test_path("ss/m.files/dry/ss000000.wav"));
    cr_expect(dry.rate_hz == 16000 && dry.frames == 1600 && dry.channels == 1);
    v2s_test_sound_free(&dry);
    v2s_test_sound truth = v2s_test_sound_read(v2s_test_path("ss/m.files/foa/ss000001.wav"));
    cr_expect(truth.rate_hz == 16000 && truth.channels == 4);
    // sound and response, less the way of the first sound
    cr_expect(truth.frames == 1600 + V2S_TEST_SPACES_GAP + 99);
    v2s_test_sound_free(&truth);
}
