// SPDX-License-Identifier: MIT
// v2s-infer compare on clips whose scores are known.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "infer/refiner_file.h"
#include "spatial/conventions.h"
#include "tests/support/foa_scene.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE = 16000, FRAMES = 6400 };

TestSuite(compare_program, .fini = v2s_test_folder_remove);

// A plane wave from the left with dipoles `gain` too strong, and a trajectory `off_deg` beside it.
static void make_clip(const char *name, unsigned stream, double gain, double off_deg) {
    char file[64], text[256];
    float *foa = foa_plane_wave(FRAMES, stream, 0, 1, 0);
    for (size_t i = 0; i < 4 * FRAMES; i++)
        foa[i] *= i % 4 == 0 ? 1.0f : (float)gain;
    snprintf(file, sizeof file, "%s.wav", name);
    v2s_test_make_wav(v2s_test_path(file), foa, FRAMES, 4, RATE);
    free(foa);
    snprintf(file, sizeof file, "%s.csv", name);
    snprintf(text, sizeof text, "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,%g,0,2,1\n",
             90 + off_deg);
    v2s_test_write_text(file, text);
}

#define LINE(id, room, more)                                                                       \
    "{\"id\":\"" id "\",\"split\":\"test\",\"pairing\":\"omni\",\"truth\":\"" id ".wav\","         \
    "\"trajectory\":\"" id ".csv\",\"room\":\"" room "\"" more "}\n"

// Three rooms, directions 10, 20 and 30 deg off, dipoles 6 dB too strong; one of them is dry.
static void make_set(void) {
    make_clip("a", 1, 2, 10);
    make_clip("b", 2, 2, 20);
    make_clip("c", 3, 2, 30);
    v2s_test_write_text("m.jsonl", LINE("a", "r1", ",\"rt60_s\":[0.5]") LINE("b", "r2", "")
                                       LINE("c", "r3", ",\"rt60_s\":0.05"));
}

Test(compare_program, scores_of_plane_waves_are_known) {
    make_set();
    V2S_TEST_RUN("compare", "m.jsonl", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "clips"), 3);
    cr_expect_float_eq(v2s_test_number(json, "systems.geometric.direction.mean"), 20, 1e-3);
    cr_expect_float_eq(v2s_test_number(json, "systems.geometric.direction.lo"), 10, 0.1);
    cr_expect_float_eq(v2s_test_number(json, "systems.geometric.direction.hi"), 30, 0.1);
    cr_expect_float_eq(v2s_test_number(json, "systems.geometric.level.mean"), 20 * log10(2), 1e-4);
    cr_expect_float_eq(v2s_test_number(json, "systems.geometric.level.hi"), 20 * log10(2), 1e-4);
    // D of the truth: 1 - 2 * 2 / (1 + 4)
    cr_expect_float_eq(v2s_test_number(json, "systems.geometric.diffuseness.mean"), 0.2, 1e-4);
    cr_expect_float_eq(v2s_test_number(json, "systems.mono.diffuseness.mean"), 0.8, 1e-4);
    cr_expect(cJSON_IsNull(v2s_test_at(json, "systems.mono.direction.mean")));
    cr_expect(v2s_test_at(json, "systems.geometric.iacc.mean") != NULL);
    cr_expect(v2s_test_at(json, "systems.geometric.M1_stft") == NULL);
    cr_expect(v2s_test_at(json, "systems.refined") == NULL &&
              v2s_test_at(json, "difference") == NULL);
    cr_expect_eq(v2s_test_number(json, "groups.dry.clips"), 1);
    cr_expect_float_eq(v2s_test_number(json, "groups.dry.systems.geometric.direction.mean"), 30,
                       1e-3);
    cr_expect_float_eq(v2s_test_number(json, "groups.reverberant.systems.geometric.direction.mean"),
                       15, 1e-3);
    cJSON_Delete(json);
}

// The rule for real recordings: one gain per recording brings the dipoles to W.
Test(compare_program, a_recordings_dipoles_are_brought_to_w) {
    make_set();
    V2S_TEST_RUN("compare", "m.jsonl", "--real", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_lt(v2s_test_number(json, "systems.geometric.level.mean"), 1e-4);
    cr_expect_lt(v2s_test_number(json, "systems.geometric.diffuseness.mean"), 1e-4);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "recordings")), 3);
    cr_expect_float_eq(
        v2s_test_number(cJSON_GetArrayItem(v2s_test_at(json, "recordings"), 0), "dipole_gain"), 0.5,
        1e-4);
    cJSON_Delete(json);
    float *noise = malloc(4 * FRAMES * sizeof *noise); // no direction at all
    hash_noise(9, 4 * FRAMES, 0.3f, noise);
    v2s_test_make_wav(v2s_test_path("b.wav"), noise, FRAMES, 4, RATE);
    free(noise);
    v2s_test_write_text("m.jsonl", LINE("a", "r1", "") LINE("b", "r2", ",\"recorded\":true"));
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", "m.jsonl", "--json", "o.json", "-q", NULL});
    cr_expect_eq(run.code, 0);
    cr_expect(strstr(run.err, "clip b: no clear direction") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "clips"), 1);
    cr_expect_eq(v2s_test_number(json, "clips_without_direction"), 1);
    cJSON_Delete(json);
}

// A refiner whose residual is 0 is the geometric path: no difference anywhere.
Test(compare_program, a_refiner_that_does_nothing_is_not_different) {
    make_set();
    v2s_refiner_config config = v2s_refiner_seed();
    v2s_refiner *m = NULL;
    config.kernel = 3;
    config.channels = 4;
    config.hidden = 4;
    cr_assert_eq(v2s_refiner_open(&config, &m), V2S_OK);
    cr_assert_eq(v2s_refiner_save(v2s_test_path("w.safetensors"), m, RATE, "omni"), V2S_OK);
    v2s_refiner_close(&m);
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "compare", "m.jsonl", "--refiner", "w.safetensors", "--json", "o.json", "--report",
        "o.html", "--metrics", "all", "--threads", "2", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.out, "2, a clip on each") != NULL, "%s", run.out);
    cr_expect(strstr(run.out, "refined is not different from geometric") != NULL, "%s", run.out);
    cr_expect(strstr(run.err, "no gains for the floor 'scaled'") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "difference.lsd.mean"), 0);
    cr_expect_eq(v2s_test_number(json, "difference.lsd.win_rate"), 0);
    cr_expect_eq(v2s_test_number(json, "difference.M1_stft.hi"), 0);
    cr_expect_str_eq(v2s_test_at(json, "difference.direction.verdict")->valuestring,
                     "not different");
    cr_expect_float_eq(v2s_test_number(json, "systems.refined.direction.mean"), 20, 1e-3);
    cJSON_Delete(json);
    FILE *page = fopen(v2s_test_path("o.html"), "r");
    char text[65536];
    cr_assert(page != NULL);
    text[fread(text, 1, sizeof text - 1, page)] = '\0';
    fclose(page);
    cr_expect(strstr(text, "Refined against geometric") != NULL);
    cr_expect(strstr(text, "not different") != NULL);
    cr_expect(strstr(text, "nan") == NULL, "numbers that are none are shown as dashes");
}

static char *json_without_time(const char *threads) {
    V2S_TEST_RUN("compare", "m.jsonl", "--threads", threads, "--json", "o.json", "-q", "--metrics",
                 "all");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cJSON_DeleteItemFromObject(json, "wall_s");
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

Test(compare_program, threads_do_not_change_a_digit) {
    make_set();
    char *one = json_without_time("1"), *three = json_without_time("3");
    cr_expect_str_eq(one, three);
    free(one);
    free(three);
}

Test(compare_program, one_pair_of_files) {
    make_clip("a", 1, 1, 0);
    make_clip("b", 1, 2, 0);
    V2S_TEST_RUN("compare", "--pred", "a.wav", "--truth", "b.wav", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "clips"), 1);
    cr_expect_float_eq(v2s_test_number(json, "systems.prediction.level.mean"), 20 * log10(2), 1e-4);
    cr_expect(cJSON_IsNull(v2s_test_at(json, "systems.prediction.level.lo")));
    cJSON_Delete(json);
    V2S_TEST_RUN("compare", "--pred", "a.wav", "--truth", "b.wav", "--real", "--json", "o.json",
                 "-q");
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_lt(v2s_test_number(json, "systems.prediction.level.mean"), 1e-4);
    cr_expect_float_eq(v2s_test_number(json, "dipole_gain"), 0.5, 1e-5);
    cJSON_Delete(json);
    float *stereo = stereo_scene(RATE, FRAMES, 5);
    v2s_test_make_wav(v2s_test_path("s.wav"), stereo, FRAMES, 2, RATE);
    free(stereo);
    V2S_TEST_RUN("compare", "--pred", "s.wav", "--truth", "s.wav", "--metrics", "all", "--json",
                 "o.json", "-q");
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "systems.prediction.M1_stft.mean"), 0);
    cr_expect_eq(v2s_test_number(json, "systems.prediction.M2_env.mean"), 0);
    cr_expect_eq(v2s_test_number(json, "systems.prediction.ild.mean"), 0);
    cr_expect(v2s_test_at(json, "systems.prediction.level") == NULL);
    cJSON_Delete(json);
    V2S_TEST_REFUSED("s.wav has 2 channels, b.wav has 4", "compare", "--pred", "s.wav", "--truth",
                     "b.wav");
}

static void expect_usage(const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_expect_eq(run.code, 2, "%s: exit code %d: %s", part, run.code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

#define USAGE(part, ...) expect_usage(part, (const char *const[]){__VA_ARGS__, NULL})

Test(compare_program, wrong_usage_is_2) {
    make_set();
    USAGE("no MANIFEST", "compare");
    USAGE("belong together", "compare", "--pred", "a.wav");
    USAGE("contradict", "compare", "m.jsonl", "--pred", "a.wav", "--truth", "b.wav");
    USAGE("'nonsense' is none of", "compare", "m.jsonl", "--metrics", "level,nonsense");
    USAGE("bootstrap", "compare", "m.jsonl", "--bootstrap", "1");
    USAGE("split", "compare", "m.jsonl", "--split", "exam");
    v2s_test_write_text(
        "both.jsonl",
        LINE("a", "r1", "") "{\"id\":\"d\",\"split\":\"test\",\"pairing\":\"dry\",\"truth\":"
                            "\"a.wav\",\"dry\":\"b.wav\",\"trajectory\":\"a.csv\"}\n");
    USAGE("give --pairing", "compare", "both.jsonl");
}

Test(compare_program, what_cannot_be_used_is_named_and_left_out) {
    make_set();
    float zeros[8 * 4] = {0};
    v2s_test_make_wav(v2s_test_path("b.wav"), zeros, 8, 4, RATE);
    v2s_test_write_text("m.jsonl",
                        LINE("a", "r1", "") LINE("b", "r2", "") "oops\n" LINE("z", "r2", ""));
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", "m.jsonl", "--json", "o.json", "-q", NULL});
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.err, "m.jsonl: line 3: not JSON") != NULL, "%s", run.err);
    cr_expect(strstr(run.err, "m.jsonl: line 4: truth: z.wav: No such file") != NULL, "%s",
              run.err);
    cr_expect(strstr(run.err, "clip b: b.wav: too short") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_eq(v2s_test_number(json, "clips"), 1);
    cr_expect_eq(v2s_test_number(json, "clips_failed"), 1);
    cJSON_Delete(json);
    V2S_TEST_REFUSED("line 3: not JSON", "compare", "m.jsonl", "--strict");
    v2s_test_write_text("n.jsonl", LINE("b", "r2", ""));
    V2S_TEST_REFUSED("none of its 1 clips can be judged", "compare", "n.jsonl", "-q");
    V2S_TEST_REFUSED("too short", "compare", "n.jsonl", "--strict", "-q");
    V2S_TEST_REFUSED("no clip of pairing omni and split val", "compare", "m.jsonl", "--split",
                     "val", "-q");
    V2S_TEST_REFUSED("gone.jsonl: cannot open", "compare", "gone.jsonl");
    V2S_TEST_REFUSED("a.wav", "compare", "m.jsonl", "--refiner", "a.wav");
    V2S_TEST_REFUSED("nowhere", "compare", "m.jsonl", "--json", "nowhere/o.json");
}

Test(compare_program, info_counts_the_clips_of_a_manifest) {
    make_set();
    V2S_TEST_RUN("info", "m.jsonl", "--json", "o.json", "-q");
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_str_eq(v2s_test_at(json, "kind")->valuestring, "manifest");
    cr_expect_eq(v2s_test_number(json, "clips"), 3);
    cr_expect_eq(v2s_test_number(json, "splits.test.omni"), 3);
    cr_expect_eq(v2s_test_number(json, "splits.test.clusters"), 3);
    cr_expect_eq(v2s_test_number(json, "splits.train.omni"), 0);
    cJSON_Delete(json);
}
