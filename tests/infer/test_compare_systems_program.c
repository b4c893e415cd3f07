// SPDX-License-Identifier: MIT
// v2s-infer compare with several checkpoints, ablations and a cache.
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/band_weights.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE = 16000, FRAMES = 8000, LATE = 160, CLIPS = 4 };

static void remove_all(void) {
    unlink(v2s_test_path("cache/scores.txt"));
    rmdir(v2s_test_path("cache"));
    v2s_test_folder_remove();
}

TestSuite(compare_systems_program, .fini = remove_all, .timeout = 120);

static const char HEAD[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n";

// Clip i of a set: dry noise, its path, and as the truth what `render` makes of them with the words
// of `more`, without its first `late` samples. Every clip is in a room of its own.
static void make_clip(int i, const char *path, size_t late, const char *const *more) {
    char dry[32], csv[32], wav[32], text[4096];
    const char *words[32] = {"render", "--trajectory", csv, "--sound", dry, "-o", wav, "-q"};
    int n = 8;
    for (; *more != NULL; more++)
        words[n++] = *more;
    snprintf(dry, sizeof dry, "c%d-d.wav", i);
    snprintf(csv, sizeof csv, "c%d-p.csv", i);
    snprintf(wav, sizeof wav, "c%d-t.wav", i);
    float *noise = malloc(2 * FRAMES * sizeof *noise);
    hash_noise((unsigned)i + 1, 2 * FRAMES, 0.1f, noise);
    v2s_test_make_wav(v2s_test_path(dry), noise, 2 * FRAMES, 1, RATE);
    free(noise);
    snprintf(text, sizeof text, "%s%s", HEAD, path);
    v2s_test_write_text(csv, text);
    v2s_test_run_ok(words);
    v2s_test_sound truth = v2s_test_sound_read(v2s_test_path(wav));
    cr_assert(truth.frames >= FRAMES + late);
    v2s_test_make_wav(v2s_test_path(wav), truth.samples + 4 * late, FRAMES, 4, RATE);
    v2s_test_sound_free(&truth);
}

static void write_manifest(const char *pairing, int clips) {
    char *text = calloc((size_t)clips, 256);
    for (int i = 0; i < clips; i++)
        snprintf(text + strlen(text), 256,
                 "{\"id\":\"c%d\",\"split\":\"test\",\"pairing\":\"%s\",\"truth\":\"c%d-t.wav\","
                 "\"dry\":\"c%d-d.wav\",\"trajectory\":\"c%d-p.csv\",\"duration_s\":0.5,"
                 "\"room\":\"r%d\"}\n",
                 i, pairing, i, i, i, i);
    v2s_test_write_text("m.jsonl", text);
    free(text);
}

static cJSON *json_of_run(const char *const *words) {
    v2s_test_run_ok(words);
    return v2s_test_json(v2s_test_path("o.json"));
}

#define JSON_OF(...)                                                                               \
    json_of_run(                                                                                   \
        (const char *const[]){"compare", "m.jsonl", "--json", "o.json", "-q", __VA_ARGS__, NULL})

static void expect_text(const cJSON *json, const char *path, const char *want) {
    const cJSON *at = v2s_test_at(json, path);
    cr_assert(cJSON_IsString(at), "%s", path);
    cr_expect(strstr(at->valuestring, want) != NULL, "%s: %s", path, at->valuestring);
}

// ---- ablations --------------------------------------------------------------------------------

// Sources that go away from 3.43 m (160 samples) at 20 m/s; the truth has their glissando.
Test(compare_systems_program, an_ablation_in_which_the_full_system_wins) {
    static const char *const truth[] = {"--doppler", "--air", NULL};
    for (int i = 0; i < CLIPS; i++) {
        char path[4096] = "";
        for (int k = 0; k <= 60; k++)
            snprintf(path + strlen(path), sizeof path - strlen(path), "%g,1,%d,0,%g,1\n", 0.01 * k,
                     40 * i - 60, 3.43 + 0.2 * k);
        make_clip(i, path, LATE, truth);
    }
    write_manifest("dry", CLIPS);
    cJSON *json = JSON_OF("--without", "doppler,depth", "--metrics", "level,lsd,M1");
    cr_expect_lt(v2s_test_number(json, "systems.full.lsd.mean"),
                 0.25 * v2s_test_number(json, "systems.without_doppler.lsd.mean"));
    expect_text(json, "ablation.difference.without_doppler.M1_stft.verdict", "worse");
    expect_text(json, "ablation.difference.without_depth.lsd.verdict", "worse");
    expect_text(json, "ablation.difference.minimal.M1_stft.verdict", "worse");
    expect_text(json, "ablation.effect.M1_stft.doppler", "helps");
    expect_text(json, "ablation.sentence.M1_stft",
                "doppler and depth help; the minimal system is worse than the full one");
    cr_expect(v2s_test_at(json, "systems.without_air") == NULL, "it was not asked for");
    cr_expect(v2s_test_at(json, "difference_full") == NULL);
    cJSON_Delete(json);
}

// Sources that jump between the points of the path; the truth follows every jump and has no delay.
Test(compare_systems_program, an_ablation_in_which_the_minimal_system_wins) {
    static const char *const truth[] = {NULL};
    for (int i = 0; i < CLIPS; i++) {
        char path[2048] = "";
        for (int k = 0; k < 26; k++)
            snprintf(path + strlen(path), sizeof path - strlen(path), "%g,1,%d,0,%g,1\n", 0.02 * k,
                     10 * i + 25 * (k % 2), 1.5 + 0.1 * (k % 3));
        make_clip(i, path, 0, truth);
    }
    write_manifest("dry", CLIPS);
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", "m.jsonl", "--json", "o.json", "--without",
                              "doppler,air,smoothing", "--metrics", "spatial,M1", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.out, "the minimal system is better than the full one") != NULL, "%s",
              run.out);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_lt(v2s_test_number(json, "systems.minimal.M1_stft.mean"), 1e-9);
    cr_expect_gt(v2s_test_number(json, "systems.full.M1_stft.mean"), 1e-4);
    expect_text(json, "ablation.difference.minimal.M1_stft.verdict", "better");
    expect_text(json, "ablation.difference.minimal.M1_stft.sentence", "100.0 % of 4 clips");
    expect_text(json, "ablation.effect.M1_stft.smoothing", "hurts");
    expect_text(json, "ablation.sentence.M1_stft", "hurt");
    cJSON_Delete(json);
}

// ---- checkpoints ------------------------------------------------------------------------------

static void make_omni_set(int clips) {
    static const char *const room[] = {"--room", "8,6,3", "--rt60", "0.4", NULL};
    for (int i = 0; i < clips; i++) {
        char path[128];
        snprintf(path, sizeof path, "0,1,%d,%d,1.5,1\n0.5,1,%d,0,2,1\n", 37 * i, 3 * i,
                 37 * i + 30);
        make_clip(i, path, 0, room);
    }
    write_manifest("omni", clips);
    v2s_test_make_band_weights(v2s_test_path("a.safetensors"), false, 3);
    v2s_test_make_band_weights(v2s_test_path("b.safetensors"), false, 4);
}

Test(compare_systems_program, two_checkpoints_against_each_other) {
    make_omni_set(CLIPS);
    cJSON *json = JSON_OF("--refiner", "a.safetensors", "--against", "b.safetensors", "--against",
                          "same=a.safetensors", "--against", "geometric=b.safetensors");
    double a = v2s_test_number(json, "systems.refined.lsd.mean");
    double b = v2s_test_number(json, "systems.b.lsd.mean");
    cr_expect(a != b);
    cr_expect_float_eq(v2s_test_number(json, "difference_against.b.lsd.mean"), a - b, 1e-9);
    cr_expect_eq(v2s_test_number(json, "difference_against.same.lsd.mean"), 0);
    expect_text(json, "difference_against.same.lsd.verdict", "not different");
    cr_expect_eq(v2s_test_number(json, "systems.geometric-2.lsd.mean"), b,
                 "the name of a floor is not given away");
    cr_expect_float_eq(v2s_test_number(json, "difference.lsd.mean"),
                       a - v2s_test_number(json, "systems.geometric.lsd.mean"), 1e-9);
    expect_text(json, "difference_mono.lsd.sentence", "than mono in lsd");
    expect_text(json, "difference_mono.lsd.sentence", "4 clips from 4 rooms");
    expect_text(json, "cluster", "room");
    cr_expect(v2s_test_at(cJSON_GetArrayItem(v2s_test_at(json, "per_clip"), 2), "b.lsd") != NULL);
    cJSON_Delete(json);
}

Test(compare_systems_program, wrong_usage_is_2) {
    make_omni_set(1);
    static const char *const cases[][8] = {
        {"--against needs --refiner", "m.jsonl", "--against", "a.safetensors"},
        {"--against needs --refiner", "m.jsonl", "--refiner", "none", "--against", "a.safetensors"},
        {"'wind' is none of doppler", "m.jsonl", "--without", "air,wind"},
        {"the recording's own", "m.jsonl", "--without", "doppler,air,depth"},
        {"there is no --refiner", "m.jsonl", "--without", "refiner"},
        {"--json m.jsonl would overwrite an input", "m.jsonl", "--json", "m.jsonl"},
        {"c0-d.wav would overwrite an input", "m.jsonl", "--report", "c0-d.wav"},
        {"name the same file", "m.jsonl", "--report", "new", "--json", "new"},
        {"contradict", "--pred", "a.wav", "--truth", "b.wav", "--without", "all"},
        {"contradict", "--pred", "a.wav", "--truth", "b.wav", "--cache", "cache"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *words[10] = {"compare"};
        for (int k = 1; k < 8; k++)
            words[k] = cases[i][k];
        v2s_test_run run = v2s_test_run_program(words);
        cr_expect_eq(run.code, 2, "%s: %d: %s", cases[i][0], run.code, run.err);
        cr_expect(strstr(run.err, cases[i][0]) != NULL, "%s: %s", cases[i][0], run.err);
        v2s_test_run_free(&run);
    }
    V2S_TEST_REFUSED("gone.safetensors", "compare", "m.jsonl", "--refiner", "a.safetensors",
                     "--against", "x=gone.safetensors", "-q");
    V2S_TEST_REFUSED("m.jsonl", "compare", "m.jsonl", "--refiner", "a.safetensors", "--against",
                     "m.jsonl", "-q");
}

// What does not apply is named and not judged.
Test(compare_systems_program, what_an_omni_pair_does_not_have_is_named) {
    make_omni_set(2);
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"compare", "m.jsonl", "--refiner", "a.safetensors", "--without",
                              "all", "--json", "o.json", "-q", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.err, "--without doppler is not judged: the sound of these pairs") != NULL,
              "%s", run.err);
    v2s_test_run_free(&run);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(v2s_test_at(json, "systems.without_air") == NULL);
    cr_expect(v2s_test_at(json, "systems.without_conditioning") != NULL);
    cr_expect_eq(v2s_test_number(json, "systems.minimal.lsd.mean"),
                 v2s_test_number(json, "systems.geometric.lsd.mean"),
                 "without smoothing and refiner it is the geometric path");
    cJSON_Delete(json);
}

// ---- threads and cache ------------------------------------------------------------------------

// The JSON without what may differ.
static char *numbers_of(cJSON *json) {
    static const char *const keys[] = {"wall_s", "clips_cached", "warnings"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        cJSON_DeleteItemFromObject(json, keys[i]);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static void expect_same(const char *want, cJSON *json, const char *what) {
    char *got = numbers_of(json);
    cr_expect_str_eq(want, got, "%s", what);
    free(got);
}

#define EVERYTHING                                                                                 \
    "--refiner", "a.safetensors", "--against", "b.safetensors", "--without", "all", "--metrics",   \
        "level,lsd,M9"

Test(compare_systems_program, threads_do_not_change_a_digit) {
    make_omni_set(5);
    char *one = numbers_of(JSON_OF(EVERYTHING, "--threads", "1"));
    expect_same(one, JSON_OF(EVERYTHING, "--threads", "3"), "three threads");
    free(one);
    one = numbers_of(JSON_OF("--real", "--threads", "1"));
    expect_same(one, JSON_OF("--real", "--threads", "4"), "recordings");
    free(one);
}

static int lines_in_cache(void) {
    FILE *f = fopen(v2s_test_path("cache/scores.txt"), "r");
    int lines = 0, c;
    while (f != NULL && (c = fgetc(f)) != EOF)
        lines += c == '\n';
    if (f != NULL)
        fclose(f);
    return lines;
}

static void sleep_ms(long ms) {
    const struct timespec t = {0, ms * 1000000};
    nanosleep(&t, NULL);
}

// Killed as soon as it has judged some of its clips; the next run judges the others.
Test(compare_systems_program, a_killed_run_goes_on_to_the_same_bits) {
    enum { MANY = 6 };
    make_omni_set(MANY);
    char *want = numbers_of(JSON_OF(EVERYTHING));
    for (int round = 1; round <= 2; round++) {
        pid_t child = v2s_test_start_infer((const char *const[]){
            "compare", "m.jsonl", "-q", EVERYTHING, "--cache", "cache", "--threads", "1", NULL});
        for (int i = 0; i < 5000 && lines_in_cache() < 2 * round; i++)
            sleep_ms(2);
        kill(child, SIGKILL);
        v2s_test_wait(child);
        cr_assert(lines_in_cache() >= 2 * round);
    }
    int before = lines_in_cache();
    FILE *f = fopen(v2s_test_path("cache/scores.txt"), "a");
    fprintf(f, "0123456789abcdef torn");
    fclose(f);
    cJSON *json = JSON_OF(EVERYTHING, "--cache", "cache");
    cr_expect_eq(v2s_test_number(json, "clips_cached"), before);
    cr_expect_eq(lines_in_cache(), MANY);
    expect_same(want, json, "resumed");
    json = JSON_OF(EVERYTHING, "--cache", "cache", "--threads", "2");
    cr_expect_eq(v2s_test_number(json, "clips_cached"), MANY);
    expect_same(want, json, "all from the cache");
    free(want);
}

static int cached(cJSON *json) {
    int n = (int)v2s_test_number(json, "clips_cached");
    cJSON_Delete(json);
    return n;
}

Test(compare_systems_program, what_has_changed_is_judged_again) {
    make_omni_set(3);
    cr_expect_eq(cached(JSON_OF("--refiner", "a.safetensors", "--cache", "cache")), 0);
    cr_expect_eq(cached(JSON_OF("--refiner", "a.safetensors", "--cache", "cache")), 3);
    cr_expect_eq(cached(JSON_OF("--refiner", "a.safetensors", "--cache", "cache", "--bootstrap",
                                "500", "--seed", "3", "--threads", "1")),
                 3);
    cr_expect_eq(cached(JSON_OF("--refiner", "b.safetensors", "--cache", "cache")), 0);
    v2s_test_make_band_weights(v2s_test_path("a.safetensors"), false, 5);
    cr_expect_eq(cached(JSON_OF("--refiner", "a.safetensors", "--cache", "cache")), 0);
    cr_expect_eq(cached(JSON_OF("--cache", "cache")), 0, "other systems");
    cr_expect_eq(cached(JSON_OF("--cache", "cache", "--metrics", "lsd")), 0, "other metrics");
    cr_expect_eq(cached(JSON_OF("--cache", "cache", "--real")), 0, "another rule");
    cr_expect_eq(cached(JSON_OF("--cache", "cache", "--real")), 3);
    v2s_test_write_text("c1-p.csv", "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,9,0,1,1\n");
    cr_expect_eq(cached(JSON_OF("--cache", "cache")), 2, "another path");
    write_manifest("dry", 3);
    cr_expect_eq(cached(JSON_OF("--cache", "cache")), 0, "another pairing");
}

Test(compare_systems_program, a_cache_that_cannot_be_used_is_named) {
    make_omni_set(1);
    V2S_TEST_REFUSED("gone/cache: cannot make the folder", "compare", "m.jsonl", "--cache",
                     "gone/cache", "-q");
    V2S_TEST_REFUSED("m.jsonl/scores.txt: cannot open", "compare", "m.jsonl", "--cache", "m.jsonl",
                     "-q");
}

// A clip's truth has the gain of its whole recording: with other clips of it the scores are others.
Test(compare_systems_program, a_recording_of_other_clips_is_judged_again) {
#define PART(id, at)                                                                               \
    "{\"id\":\"" id "\",\"split\":\"test\",\"pairing\":\"omni\",\"truth\":\"c0-t.wav\","           \
    "\"trajectory\":\"c0-p.csv\",\"start_s\":" at ",\"duration_s\":0.25,\"recorded\":true}\n"
    make_omni_set(1);
    v2s_test_write_text("m.jsonl", PART("a", "0") PART("b", "0.25"));
    cr_expect_eq(cached(JSON_OF("--cache", "cache")), 0);
    cr_expect_gt(cached(JSON_OF("--cache", "cache")), 0);
    v2s_test_write_text("m.jsonl", PART("other", "0"));
    char *want = numbers_of(JSON_OF("--quiet"));
    cJSON *json = JSON_OF("--cache", "cache");
    cr_expect_eq(v2s_test_number(json, "clips_cached"), 0);
    expect_same(want, json, "with its own gain");
    free(want);
}
