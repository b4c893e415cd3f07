// SPDX-License-Identifier: MIT
// The system `room` of v2s-infer compare, against what v2s-infer render makes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "infer/refiner_file.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE = 16000, FRAMES = 8000, CLIPS = 3 };

TestSuite(compare_room_program, .fini = v2s_test_folder_remove);

// A source that stands, one that moves, and one that leaves the box of 8 x 6 x 3 m.
static const char *const paths[CLIPS] = {"0,1,60,10,1.5,1\n", "0,1,-100,0,1,1\n0.5,1,-20,5,2.5,1\n",
                                         "0,1,20,0,2,1\n0.5,1,30,20,9,1\n"};

#define RT60 "0.9,0.8,0.7,0.6,0.5,0.5,0.4,0.3"

// c0..c2: d.wav (dry noise), p.csv; t.wav is what render makes of them in a room.
static void make_clips(void) {
    float *noise = malloc(FRAMES * sizeof *noise);
    for (int i = 0; i < CLIPS; i++) {
        char dry[16], path[16], truth[16], text[256];
        snprintf(dry, sizeof dry, "c%d-d.wav", i);
        snprintf(path, sizeof path, "c%d-p.csv", i);
        snprintf(truth, sizeof truth, "c%d-t.wav", i);
        hash_noise((unsigned)i + 1, FRAMES, 0.1f, noise);
        v2s_test_make_wav(v2s_test_path(dry), noise, FRAMES, 1, RATE);
        snprintf(text, sizeof text, "time_s,object,az_deg,el_deg,dist_m,confidence\n%s", paths[i]);
        v2s_test_write_text(path, text);
        V2S_TEST_RUN("render", "--trajectory", path, "--sound", dry, "-o", truth, "-q", "--room",
                     "8,6,3", "--rt60", RT60);
    }
    free(noise);
}

// Manifest lines of the clips, each in a room of its own, with `more` fields.
static void write_manifest(const char *pairing, const char *const more[CLIPS]) {
    char text[2048] = "";
    for (int i = 0; i < CLIPS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "{\"id\":\"c%d\",\"split\":\"test\",\"pairing\":\"%s\",\"truth\":\"c%d-t.wav\","
                 "\"dry\":\"c%d-d.wav\",\"trajectory\":\"c%d-p.csv\",\"duration_s\":0.5,"
                 "\"room\":\"r%d\"%s}\n",
                 i, pairing, i, i, i, i, more[i]);
    v2s_test_write_text("m.jsonl", text);
}

static const char *const true_times[CLIPS] = {",\"rt60_s\":[" RT60 "]", ",\"rt60_s\":[" RT60 "]",
                                              ",\"rt60_s\":[" RT60 "]"};

static cJSON *compare(void) {
    V2S_TEST_RUN("compare", "m.jsonl", "--metrics", "all", "--json", "o.json", "-q");
    return v2s_test_json(v2s_test_path("o.json"));
}

// In time, too: M1 and the log-spectral distance are large for a room that is late.
Test(compare_room_program, a_truth_of_that_room_is_found) {
    make_clips();
    write_manifest("dry", true_times);
    cJSON *json = compare();
    cr_expect_eq(v2s_test_number(json, "clips_with_room"), CLIPS);
    for (int i = 0; i < CLIPS; i++) {
        const cJSON *clip = cJSON_GetArrayItem(v2s_test_at(json, "per_clip"), i);
        cr_expect(cJSON_IsTrue(v2s_test_at(clip, "has_room")));
        cr_expect_lt(v2s_test_number(clip, "room.level"), 1e-3, "clip %d: %g", i,
                     v2s_test_number(clip, "room.level"));
        cr_expect_lt(v2s_test_number(clip, "room.diffuseness"), 1e-4);
        cr_expect_lt(v2s_test_number(clip, "room.lsd"), 0.01, "clip %d: %g", i,
                     v2s_test_number(clip, "room.lsd"));
        cr_expect_lt(v2s_test_number(clip, "room.M1_stft"),
                     1e-4 * v2s_test_number(clip, "geometric.M1_stft"));
        cr_expect_gt(v2s_test_number(clip, "geometric.level"), 1);
        cr_expect_gt(v2s_test_number(clip, "geometric.diffuseness"), 0.1);
        cr_expect_gt(v2s_test_number(clip, "geometric.lsd"), 3);
    }
    cJSON_Delete(json);
}

static const char *const metrics[] = {"diffuseness", "level", "lsd",
                                      "direction",   "iacc",  "M1_stft"};

// Each clip's room has the scores of geometric, digit by digit.
static void expect_geometric(const cJSON *json) {
    cr_expect_eq(v2s_test_number(json, "clips"), CLIPS);
    cr_expect_eq(v2s_test_number(json, "clips_with_room"), 0);
    for (int i = 0; i < CLIPS; i++) {
        const cJSON *clip = cJSON_GetArrayItem(v2s_test_at(json, "per_clip"), i);
        cr_expect(cJSON_IsFalse(v2s_test_at(clip, "has_room")));
        for (size_t m = 0; m < sizeof metrics / sizeof metrics[0]; m++)
            cr_expect_eq(v2s_test_number(v2s_test_at(clip, "room"), metrics[m]),
                         v2s_test_number(v2s_test_at(clip, "geometric"), metrics[m]), "clip %d: %s",
                         i, metrics[m]);
    }
}

Test(compare_room_program, a_clip_that_has_no_room_is_geometric) {
    static const char *const none[][CLIPS] = {
        {",\"free_field\":true", ",\"free_field\":true,\"rt60_s\":0.5", ""},
        {",\"rt60_s\":0", ",\"rt60_s\":[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0]", ",\"rt60_s\":0.018"},
        {",\"rt60_s\":100", ",\"rt60_s\":[0,0,0,0,0,0,0,0]", ",\"rt60_s\":0.001"}};
    make_clips();
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        write_manifest("dry", none[i]);
        cJSON *json = compare();
        expect_geometric(json);
        cJSON_Delete(json);
    }
}

// A refiner whose residual is 0, trained on `pairing`.
static void make_refiner(const char *pairing) {
    v2s_refiner_config config = v2s_refiner_seed();
    v2s_refiner *m = NULL;
    config.kernel = 3;
    config.channels = 4;
    config.hidden = 4;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    cr_assert_eq(v2s_refiner_save(v2s_test_path("w.safetensors"), m, RATE, pairing), V2S_OK);
    v2s_refiner_close(&m);
}

static v2s_test_run run_refined(void) {
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", "m.jsonl", "--refiner", "w.safetensors", "--json",
                              "o.json", "--report", "o.html", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    return run;
}

static bool page_has(const char *words) {
    size_t size = 0;
    char *page = (char *)v2s_test_read_file(v2s_test_path("o.html"), &size);
    bool found = memmem(page, size, words, strlen(words)) != NULL;
    free(page);
    return found;
}

Test(compare_room_program, refined_is_judged_against_it) {
    make_clips();
    write_manifest("dry", true_times);
    make_refiner("dry");
    v2s_test_run run = run_refined();
    cr_expect(strstr(run.out, "refined is worse than room") != NULL, "%s", run.out);
    cr_expect(strstr(run.err, "floor 'room'") == NULL, "%s", run.err);
    v2s_test_run_free(&run);
    cr_expect(page_has("refined minus room") && page_has("3 of 3 clips have one"));
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_str_eq(v2s_test_at(json, "difference_room.level.verdict")->valuestring, "worse");
    cr_expect_eq(v2s_test_number(json, "difference_room.level.win_rate"), 0);
    cr_expect_float_eq(v2s_test_number(json, "difference_room.level.mean"),
                       v2s_test_number(json, "systems.refined.level.mean") -
                           v2s_test_number(json, "systems.room.level.mean"),
                       1e-12);
    cJSON_Delete(json);
    V2S_TEST_RUN("compare", "m.jsonl", "--report", "o.html", "-q");
    cr_expect(page_has("<th scope=\"col\">room"), "without a refiner it stands beside geometric");
}

Test(compare_room_program, omni_pairs_have_none) {
    make_clips();
    write_manifest("omni", true_times);
    make_refiner("omni");
    v2s_test_run run = run_refined();
    cr_expect(strstr(run.out, "than room") == NULL, "%s", run.out);
    v2s_test_run_free(&run);
    cr_expect(!page_has("refined minus room"));
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(v2s_test_at(json, "systems.geometric") != NULL &&
              v2s_test_at(json, "difference") != NULL);
    cr_expect(v2s_test_at(json, "systems.room") == NULL &&
              v2s_test_at(json, "difference_room") == NULL);
    cr_expect(v2s_test_at(json, "clips_with_room") == NULL);
    cr_expect(v2s_test_at(cJSON_GetArrayItem(v2s_test_at(json, "per_clip"), 0), "has_room") ==
              NULL);
    cJSON_Delete(json);
}
