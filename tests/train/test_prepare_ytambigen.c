// SPDX-License-Identifier: MIT
// v2s-train prepare ytambigen as its users run it, on a miniature: directions against signals from
// known ones, Opus as the program itself writes it, arrays, and what is flagged, skipped, refused.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/npy.h"
#include "data/pair.h"
#include "tests/support/make_media.h"
#include "tests/support/make_sets.h"
#include "tests/support/program.h"

enum { RATE = 16000, FRAMES = 5 * RATE };

TestSuite(prepare_ytambigen, .fini = v2s_test_folder_remove);

static void make_wave(const char *name, double az_deg, double el_deg, unsigned stream) {
    float *x = v2s_test_plane_wave(FRAMES, az_deg, el_deg, stream);
    v2s_test_make_wav(v2s_test_path(name), x, FRAMES, 4, RATE);
    free(x);
}

static v2s_manifest read_manifest(const char *name) {
    const v2s_manifest_rules rules = {.strict = true, .keep_flagged = true};
    v2s_manifest m = {0};
    cr_assert(v2s_manifest_read(v2s_test_path(name), rules, &m) == V2S_OK, "%s", v2s_error_text());
    return m;
}

// The clip's geometry, that of its label, is its truth, a plane wave.
static void expect_agreement(const v2s_clip *clip, double tolerance) {
    v2s_pair pair = {0};
    double error = 0, energy = 0;
    cr_assert(v2s_pair_load(clip, 0, &pair) == V2S_OK, "%s", v2s_error_text());
    for (size_t i = 0; i < 4 * pair.frames; i++) {
        double e = (double)pair.truth[i] - (double)pair.geometric[i];
        error += e * e;
        energy += (double)pair.truth[i] * (double)pair.truth[i];
    }
    cr_expect(energy > 0 && sqrt(error / energy) < tolerance, "%s: %g", clip->id,
              sqrt(error / energy));
    v2s_pair_free(&pair);
}

Test(prepare_ytambigen, directions_are_in_units_of_two_degrees_from_zenith_and_back) {
    v2s_test_make_ytambigen("yt", "csv/yt_ambigen/", "b2VhNUmUV3k_52.npy\n-_q9LPLEcg4_0.npy\n",
                            "FcGA6PuHt7k_740.npy\n", "FcGA6PuHt7k_745.npy\r\n\r\n",
                            "{\"b2VhNUmUV3k_52\": [44, 135], \"-_q9LPLEcg4_0\": [20, 44],"
                            " \"FcGA6PuHt7k_740\": [62, 0], \"FcGA6PuHt7k_745\": [0, 89],"
                            " \"other_1\": [1, 1]}");
    make_wave("yt/audio/b2VhNUmUV3k_52.wav", 91, 1, 1);     // left
    make_wave("yt/audio/-_q9LPLEcg4_0.wav", -91, 49, 2);    // right, above
    make_wave("yt/audio/FcGA6PuHt7k_740.wav", 181, -35, 3); // behind, below
    make_wave("yt/audio/FcGA6PuHt7k_745.wav", -1, 89, 4);   // the zenith
    cJSON *json = V2S_TEST_PREPARE_JSON("ytambigen", "yt", "-o", "yt/m.jsonl");
    cr_expect(v2s_test_number(json, "clips") == 4);
    cr_expect(v2s_test_number(json, "splits.train") == 2);
    cr_expect(v2s_test_number(json, "splits.val") == 1 &&
              v2s_test_number(json, "splits.test") == 1);
    cr_expect(v2s_test_number(json, "recordings.train.published") == 81594);
    cr_expect(v2s_test_number(json, "recordings.val.published") == 9604);
    cr_expect(v2s_test_number(json, "listed.test.published") == 11166);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "flagged")) == 0);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "skipped")) == 0);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("yt/m.jsonl");
    cr_assert(m.count == 4 && m.flagged == 0);
    for (size_t i = 0; i < m.count; i++) {
        expect_agreement(&m.clips[i], 1e-5);
        cr_expect(m.clips[i].pairing == V2S_PAIRING_OMNI && m.clips[i].recorded);
        cr_expect(m.clips[i].duration_s == 5 && m.clips[i].start_s == 0);
    }
    // Clips of one video are one cluster.
    cr_expect(strcmp(v2s_clip_cluster(&m.clips[2]), v2s_clip_cluster(&m.clips[3])) == 0);
    cr_expect(strcmp(v2s_clip_cluster(&m.clips[0]), v2s_clip_cluster(&m.clips[1])) != 0);
    v2s_manifest_free(&m);
    V2S_TEST_RUN("info", "yt/m.jsonl");
}

Test(prepare_ytambigen, opus_is_read_as_it_comes) {
    v2s_test_make_ytambigen("yt", "", "b2VhNUmUV3k_52.npy\n", "", "",
                            "{\"b2VhNUmUV3k_52\": [34, 119]}"); // az 59, el 21
    float *x = v2s_test_plane_wave(5 * 48000, 59, 21, 5);
    v2s_test_make_ambisonic_opus("yt/audio/b2VhNUmUV3k_52.opus", x, 5 * 48000);
    free(x);
    cJSON *json = V2S_TEST_PREPARE_JSON("ytambigen", "yt", "-o", "yt/m.jsonl");
    cr_expect(v2s_test_number(json, "clips") == 1);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "flagged")) == 0);
    cr_expect(v2s_test_number(cJSON_GetArrayItem(v2s_test_at(json, "rates_hz"), 0), "value") ==
              48000);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("yt/m.jsonl");
    cr_expect(strstr(m.clips[0].truth, "yt/audio/b2VhNUmUV3k_52.opus") != NULL);
    expect_agreement(&m.clips[0], 0.3); // a codec of waveforms, at a finite rate
    v2s_manifest_free(&m);
}

// x [frames][4] as an array, turned where `channels_first`.
static void write_array(const char *name, const float *x, size_t frames, bool channels_first) {
    const size_t dim[2] = {channels_first ? 4 : frames, channels_first ? frames : 4};
    float *turned = malloc(4 * frames * sizeof *turned);
    for (size_t t = 0; t < frames; t++)
        for (size_t c = 0; c < 4; c++)
            turned[channels_first ? c * frames + t : 4 * t + c] = x[4 * t + c];
    cr_assert(v2s_npy_write_f32(v2s_test_path(name), 2, dim, turned) == V2S_OK, "%s",
              v2s_error_text());
    free(turned);
}

Test(prepare_ytambigen, arrays_of_either_shape_become_sounds_beside_the_manifest) {
    v2s_test_make_ytambigen("yt", "", "aaaaaaaaaaa_1.npy\n", "aaaaaaaaaaa_6.npy\n",
                            "aaaaaaaaaab_1.npy\n",
                            "{\"aaaaaaaaaaa_1\": [44, 112], \"aaaaaaaaaaa_6\": [44, 67],"
                            " \"aaaaaaaaaab_1\": [44, 90]}"); // az 45, -45, 1; el 1
    float *x = v2s_test_plane_wave(FRAMES, 45, 1, 1);
    write_array("yt/audio/aaaaaaaaaaa_1.npy", x, FRAMES, true);
    free(x);
    x = v2s_test_plane_wave(FRAMES, -45, 1, 2);
    write_array("yt/audio/aaaaaaaaaaa_6.npy", x, FRAMES, false);
    free(x);
    x = v2s_test_plane_wave(1000, 1, 1, 3); // no rate makes 5 s of it
    write_array("yt/audio/aaaaaaaaaab_1.npy", x, 1000, true);
    free(x);
    cJSON *json = V2S_TEST_PREPARE_JSON("ytambigen", "yt", "-o", "yt/m.jsonl");
    cr_expect(v2s_test_number(json, "clips") == 3);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "flagged")) == 0);
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("yt/m.jsonl");
    for (size_t i = 0; i < m.count; i++)
        expect_agreement(&m.clips[i], 1e-5);
    cr_expect(strstr(m.clips[0].truth, "m.files/foa/aaaaaaaaaaa_1.wav") != NULL);
    v2s_manifest_free(&m);
    v2s_test_sound sound = v2s_test_sound_read(v2s_test_path("yt/m.files/foa/aaaaaaaaaaa_6.wav"));
    cr_expect(sound.rate_hz == RATE && sound.frames == FRAMES);
    v2s_test_sound_free(&sound);
    sound = v2s_test_sound_read(v2s_test_path("yt/m.files/foa/aaaaaaaaaab_1.wav"));
    cr_expect(sound.rate_hz == 48000);
    v2s_test_sound_free(&sound);
}

Test(prepare_ytambigen, a_recording_from_elsewhere_is_flagged_with_its_angle) {
    v2s_test_make_ytambigen("yt", "", "aaaaaaaaaaa_1.npy\naaaaaaaaaaa_6.npy\n", "", "",
                            "{\"aaaaaaaaaaa_1\": [44, 112], \"aaaaaaaaaaa_6\": [44, 112]}");
    make_wave("yt/audio/aaaaaaaaaaa_1.wav", 45, 1, 1);
    make_wave("yt/audio/aaaaaaaaaaa_6.wav", -45, 1, 2);
    cJSON *json = V2S_TEST_PREPARE_JSON("ytambigen", "yt", "-o", "yt/m.jsonl");
    const cJSON *flagged = v2s_test_at(json, "flagged");
    cr_assert(cJSON_GetArraySize(flagged) == 1);
    cr_expect(fabs(v2s_test_number(cJSON_GetArrayItem(flagged, 0), "angle_deg") - 90) < 0.1);
    cr_expect(v2s_test_reason_of(json, "flagged", "aaaaaaaaaaa_6.wav")[0] != '\0');
    cJSON_Delete(json);
    v2s_manifest m = read_manifest("yt/m.jsonl");
    cr_expect(m.count == 2 && m.flagged == 1 && m.clips[0].flag == NULL && m.clips[1].flag != NULL);
    v2s_manifest_free(&m);
    v2s_test_write_text("yt/valid.csv", "file_path\naaaaaaaaaaa_6.npy\n");
    v2s_test_write_text("yt/test.csv", "file_path\naaaaaaaaaaa_6.npy\n");
    V2S_TEST_PREPARE_REFUSED(1, "aaaaaaaaaaa_6.wav: wrong direction", "ytambigen", "yt", "-o",
                             "s.jsonl", "--strict");
}

Test(prepare_ytambigen, rows_labels_and_sounds_that_cannot_be_used_are_named) {
    static const size_t codes[] = {36, 430};
    v2s_test_make_ytambigen(
        "yt", "",
        "aaaaaaaaaaa_1.npy\nnothing\naaaaaaaaaaa_2.npy,3\naaaaaaaaaaa_3.npy\naaaaaaaaaaa_4.npy\n"
        "aaaaaaaaaaa_5.npy\naaaaaaaaaaa_6.npy\naaaaaaaaaaa_7.npy\naaaaaaaaaaa_8.npy\n"
        "aaaaaaaaaaa_9.npy\naaaaaaaaaaa_10.npy\n",
        "aaaaaaaaaaa_1.npy\n", "",
        "{\"aaaaaaaaaaa_1\": [44, 112], \"aaaaaaaaaaa_3\": [44, 112], \"aaaaaaaaaaa_4\": [91, 1],"
        " \"aaaaaaaaaaa_5\": \"left\", \"aaaaaaaaaaa_7\": [44, 112], \"aaaaaaaaaaa_8\": [44, 112],"
        " \"aaaaaaaaaaa_9\": [44, 112], \"aaaaaaaaaaa_10\": [44, 112]}");
    for (int i = 1; i <= 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "yt/audio/aaaaaaaaaaa_%d.wav", i);
        make_wave(name, 45, 1, (unsigned)i);
    }
    v2s_test_make_lfs_pointer("yt/audio/aaaaaaaaaaa_3.wav");
    float *x = v2s_test_plane_wave(36 * 430, 0, 0, 1);
    cr_assert(v2s_npy_write_f32(v2s_test_path("yt/audio/aaaaaaaaaaa_8.npy"), 2, codes, x) ==
              V2S_OK);
    free(x);
    v2s_test_make_noise("yt/audio/aaaaaaaaaaa_9.wav", 1000, 2, RATE, 1);
    x = calloc(4, 1000 * sizeof *x);
    v2s_test_make_wav(v2s_test_path("yt/audio/aaaaaaaaaaa_10.wav"), x, 1000, 4, RATE);
    free(x);
    cJSON *json = V2S_TEST_PREPARE_JSON("ytambigen", "yt", "-o", "yt/m.jsonl");
    cr_expect(v2s_test_number(json, "clips") == 1);
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "skipped")) == 12, "%d",
              cJSON_GetArraySize(v2s_test_at(json, "skipped")));
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "train.csv"), "line 3") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "test.csv"), "empty") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "a_3.wav"), "LFS") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "a_4"), "out of range") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "a_5"), "[elevation, azimuth]") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "a_6"), "not in ambi.json") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "audio/aaaaaaaaaaa_7"), "not there") !=
              NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "a_8.npy"), "codes") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "a_9.wav"), "2, expected 4") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "a_10.wav"), "silence") != NULL);
    cr_expect(strstr(v2s_test_reason_of(json, "skipped", "aaaaaaaaaaa_1"), "named twice") != NULL);
    cJSON_Delete(json);
    cr_expect(access(v2s_test_path("yt/m.files/foa/aaaaaaaaaaa_8.wav"), F_OK) != 0);
}

Test(prepare_ytambigen, without_lists_or_directions_nothing_is_made) {
    v2s_test_make_folders("yt/audio");
    V2S_TEST_PREPARE_REFUSED(1, "train.csv", "ytambigen", "yt", "-o", "yt/m.jsonl");
    v2s_test_write_text("yt/train.csv", "file_path\naaaaaaaaaaa_1.npy\n");
    V2S_TEST_PREPARE_REFUSED(1, "ambi.json", "ytambigen", "yt", "-o", "yt/m.jsonl");
    v2s_test_write_text("yt/ambi.json", "{\"aaaaaaaaaaa_1\": [44, ");
    V2S_TEST_PREPARE_REFUSED(1, "not JSON", "ytambigen", "yt", "-o", "yt/m.jsonl");
    v2s_test_make_lfs_pointer("yt/ambi.json");
    V2S_TEST_PREPARE_REFUSED(1, "LFS", "ytambigen", "yt", "-o", "yt/m.jsonl");
    v2s_test_write_text("yt/ambi.json", "[]");
    V2S_TEST_PREPARE_REFUSED(1, "object of directions", "ytambigen", "yt", "-o", "yt/m.jsonl");
    v2s_test_write_text("yt/ambi.json", "{\"aaaaaaaaaaa_1\": [44, 3]}");
    V2S_TEST_PREPARE_REFUSED(1, "not there", "ytambigen", "yt", "-o", "yt/m.jsonl");
    cr_expect(access(v2s_test_path("yt/m.jsonl"), F_OK) != 0);
}
