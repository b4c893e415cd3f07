// SPDX-License-Identifier: MIT
// v2s-infer depth as its users run it, on checkpoints of fresh weights and sounds made here.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/depth_map.h"
#include "data/image.h"
#include "data/npy.h"
#include "tests/support/depth_run.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_depth_set.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

TestSuite(infer_depth_program, .fini = v2s_test_folder_remove);

Test(infer_depth_program, a_sound_becomes_npy_png_and_colours) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_sound("a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    V2S_TEST_RUN("depth", "a.wav", "--model", "m.safetensors", "-o", "d.npy", "-o", "d.png",
                 "--colour", "c.png", "--spectrogram-out", "x.npy", "--json", "j.json");
    float *depth = depth_read_npy("d.npy", 2, DEPTH_PIXELS);
    float *x = depth_read_npy("x.npy", 3, 2 * DEPTH_PIXELS);
    int width = 0, height = 0;
    uint16_t *grey = NULL;
    cr_assert_eq(v2s_image_read_grey16(v2s_test_path("d.png"), &width, &height, &grey), V2S_OK);
    cr_assert(width == DEPTH_SIZE && height == DEPTH_SIZE);
    double sum = 0, energy[2] = {0, 0};
    for (int i = 0; i < DEPTH_PIXELS; i++) {
        cr_assert(depth[i] > 0 && depth[i] < 30, "pixel %d: %g m", i, (double)depth[i]);
        cr_expect(grey[i] == lround(1000.0 * (double)depth[i]), "pixel %d", i);
        sum += (double)depth[i];
        energy[0] += (double)x[i];
        energy[1] += (double)x[DEPTH_PIXELS + i];
    }
    cr_expect(energy[0] > 0 && energy[1] > 0 && energy[0] != energy[1]);
    cJSON *json = depth_json();
    const cJSON *file = cJSON_GetArrayItem(v2s_test_at(json, "files"), 0);
    cr_expect(fabs(v2s_test_number(file, "depth_mean_m") - sum / DEPTH_PIXELS) < 1e-6 * sum);
    cr_expect(v2s_test_number(json, "size") == DEPTH_SIZE && v2s_test_number(json, "samples") == 1);
    cr_expect(depth_is_there("c.png") && v2s_test_at(json, "metrics") == NULL);
    cJSON_Delete(json);
    free(depth);
    free(x);
    free(grey);
}

Test(infer_depth_program, a_folder_gets_both_files_of_each_whatever_the_batch) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_folder("in");
    depth_make_sound("in/b.wav", 2, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_sound("in/a.wav", 3, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_sound("in/c.WAV", 4, DEPTH_FRAMES, DEPTH_RATE);
    v2s_test_write_text("in/readme.txt", "not a sound");
    V2S_TEST_RUN("depth", "in", "--model", "m.safetensors", "-o", "one", "--batch", "1",
                 "--spectrogram-out", "seen", "--colour", "colours");
    V2S_TEST_RUN("depth", "in", "--model", "m.safetensors", "-o", "two", "--batch", "2");
    static const char *const names[] = {"a", "b", "c"};
    float *before = NULL;
    for (int i = 0; i < 3; i++) {
        char one[64], two[64];
        snprintf(one, sizeof one, "one/%s.npy", names[i]);
        snprintf(two, sizeof two, "two/%s.npy", names[i]);
        float *p = depth_read_npy(one, 2, DEPTH_PIXELS), *q = depth_read_npy(two, 2, DEPTH_PIXELS);
        for (int k = 0; k < DEPTH_PIXELS; k++)
            cr_assert(fabsf(p[k] - q[k]) < 1e-4f, "%s: pixel %d", one, k);
        cr_expect(before == NULL || memcmp(before, p, DEPTH_PIXELS * sizeof *p) != 0);
        free(before);
        free(q);
        before = p;
        snprintf(one, sizeof one, "one/%s.png", names[i]);
        snprintf(two, sizeof two, "colours/%s.png", names[i]);
        cr_expect(depth_is_there(one) && depth_is_there(two));
        snprintf(one, sizeof one, "seen/%s.npy", names[i]);
        cr_expect(depth_is_there(one));
    }
    free(before);
    cr_expect(v2s_test_count_files(v2s_test_path("one"), "") == 6 + 2, "and no others");
}

// One ear's change cannot reach a network of the other.
Test(infer_depth_program, a_checkpoint_of_the_left_ear_does_not_hear_the_right) {
    static float sound[2 * DEPTH_FRAMES];
    hash_noise(7, 2 * DEPTH_FRAMES, 0.3f, sound);
    v2s_test_make_wav(v2s_test_path("a.wav"), sound, DEPTH_FRAMES, 2, DEPTH_RATE);
    for (int i = 0; i < DEPTH_FRAMES; i++)
        sound[2 * i + 1] *= 0.1f;
    v2s_test_make_wav(v2s_test_path("b.wav"), sound, DEPTH_FRAMES, 2, DEPTH_RATE);
    depth_make_model(&(depth_kind){.file = "left.safetensors", .seed = 1, .left_only = true});
    depth_make_model(&(depth_kind){.file = "both.safetensors", .seed = 1});
    static const char *const runs[][3] = {{"a.wav", "left.safetensors", "al.npy"},
                                          {"b.wav", "left.safetensors", "bl.npy"},
                                          {"a.wav", "both.safetensors", "ab.npy"},
                                          {"b.wav", "both.safetensors", "bb.npy"}};
    float *depth[4];
    for (int i = 0; i < 4; i++) {
        V2S_TEST_RUN("depth", runs[i][0], "--model", runs[i][1], "-o", runs[i][2]);
        depth[i] = depth_read_npy(runs[i][2], 2, DEPTH_PIXELS);
    }
    cr_expect(memcmp(depth[0], depth[1], DEPTH_PIXELS * sizeof(float)) == 0);
    cr_expect(memcmp(depth[2], depth[3], DEPTH_PIXELS * sizeof(float)) != 0);
    for (int i = 0; i < 4; i++)
        free(depth[i]);
}

// ---- truth ------------------------------------------------------------------------------------

static void expect_scores(const cJSON *m7, const v2s_depth_scores *s) {
    cr_expect_float_eq(v2s_test_number(m7, "mae"), s->mae, 1e-5);
    cr_expect_float_eq(v2s_test_number(m7, "rmse"), s->rmse, 1e-5);
    cr_expect_float_eq(v2s_test_number(m7, "abs_rel"), s->abs_rel, 1e-5);
    cr_expect_float_eq(v2s_test_number(m7, "log10"), s->log10, 1e-5);
    cr_expect_float_eq(v2s_test_number(m7, "delta1"), s->delta1, 1e-5);
    cr_expect_float_eq(v2s_test_number(m7, "delta2"), s->delta2, 1e-5);
    cr_expect_float_eq(v2s_test_number(m7, "delta3"), s->delta3, 1e-5);
}

Test(infer_depth_program, scores_are_those_of_the_files) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_sound("a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_truth("t.npy", 48, 64);
    V2S_TEST_RUN("depth", "a.wav", "--model", "m.safetensors", "-o", "d.npy", "--truth", "t.npy",
                 "--json", "j.json");
    float *depth = depth_read_npy("d.npy", 2, DEPTH_PIXELS),
          *truth = malloc(DEPTH_PIXELS * sizeof *truth);
    const v2s_depth_map_options options = {.max_depth_m = 30, .size = DEPTH_SIZE};
    cr_assert_eq(v2s_depth_map_read(v2s_test_path("t.npy"), &options, truth), V2S_OK);
    v2s_depth_scores s;
    cr_assert(v2s_depth_scores_of(DEPTH_PIXELS, depth, truth, &s));
    cJSON *json = depth_json();
    expect_scores(v2s_test_at(json, "metrics.M7"), &s);
    cr_assert(v2s_depth_scores_of(DEPTH_PIXELS, depth_mean_map, truth, &s));
    expect_scores(v2s_test_at(json, "floors.mean_map.M7"), &s);
    for (int i = 0; i < DEPTH_PIXELS; i++)
        depth[i] = depth_constant_m;
    cr_assert(v2s_depth_scores_of(DEPTH_PIXELS, depth, truth, &s));
    expect_scores(v2s_test_at(json, "floors.constant.M7"), &s);
    cJSON_Delete(json);
    free(depth);
    free(truth);
}

Test(infer_depth_program, bilinear_truth_is_another) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_sound("a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_truth("t.npy", 48, 64);
    double mae[2];
    static const char *const words[] = {"nearest", "bilinear"};
    for (int i = 0; i < 2; i++) {
        V2S_TEST_RUN("depth", "a.wav", "--model", "m.safetensors", "--truth", "t.npy",
                     "--depth-resize", words[i], "--json", "j.json");
        cJSON *json = depth_json();
        mae[i] = v2s_test_number(json, "metrics.M7.mae");
        cJSON_Delete(json);
    }
    cr_expect(mae[0] != mae[1] && fabs(mae[0] - mae[1]) < 0.5);
}

Test(infer_depth_program, truths_of_a_folder_are_matched_by_name) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_folder("in");
    depth_make_folder("truth");
    depth_make_sound("in/a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_sound("in/b.wav", 2, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_sound("in/c.wav", 3, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_truth("truth/a.npy", 48, 64);
    depth_make_truth("truth/c.npy", 20, 20);
    V2S_TEST_RUN("depth", "in", "--model", "m.safetensors", "--truth", "truth", "--json", "j.json");
    cJSON *json = depth_json();
    const cJSON *files = v2s_test_at(json, "files");
    cr_expect(v2s_test_number(json, "clips") == 2 && v2s_test_number(json, "samples") == 3);
    cr_expect(v2s_test_number(json, "truths_missing") == 1);
    cr_expect(!cJSON_HasObjectItem(cJSON_GetArrayItem(files, 1), "scores"));
    double mean = (v2s_test_number(cJSON_GetArrayItem(files, 0), "scores.model.M7.mae") +
                   v2s_test_number(cJSON_GetArrayItem(files, 2), "scores.model.M7.mae")) /
                  2;
    cr_expect_float_eq(v2s_test_number(json, "metrics.M7.mae"), mean, 1e-9);
    cJSON_Delete(json);
    V2S_TEST_REFUSED("no truth b.npy or b.png", "depth", "in", "--model", "m.safetensors",
                     "--truth", "truth", "--strict");
}

// ---- data sets --------------------------------------------------------------------------------

Test(infer_depth_program, a_data_set_is_judged_with_intervals_over_locations) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_model(&(depth_kind){.file = "other.safetensors", .seed = 2, .no_attention = true});
    v2s_test_make_depth_set("set", 6, 3, 3);
    V2S_TEST_RUN("depth", "set", "--model", "m.safetensors", "--split", "all", "--against",
                 "other.safetensors", "--against", "again=m.safetensors", "--json", "j.json",
                 "--report", "r.html", "--bootstrap", "500", "--seed", "3", "--batch", "5");
    cJSON *json = depth_json();
    const cJSON *files = v2s_test_at(json, "files");
    cr_assert(cJSON_GetArraySize(files) == 12);
    cr_expect(v2s_test_number(json, "clips") == 12 && v2s_test_number(json, "locations") == 4);
    double mean = 0, less = 0;
    int wins = 0;
    for (int i = 0; i < 12; i++) {
        const cJSON *file = cJSON_GetArrayItem(files, i);
        double mine = v2s_test_number(file, "scores.model.M7.mae");
        double map = v2s_test_number(file, "scores.mean_map.M7.mae");
        mean += mine / 12;
        less += (mine - map) / 12;
        wins += mine < map;
    }
    cr_expect_float_eq(v2s_test_number(json, "systems.model.mae.mean"), mean, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M7.mae"), mean, 1e-9);
    cr_expect(v2s_test_number(json, "systems.model.mae.lo") < mean &&
              v2s_test_number(json, "systems.model.mae.hi") > mean);
    cr_expect_float_eq(v2s_test_number(json, "difference.mean_map.mae.mean"), less, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "difference.mean_map.mae.win_rate"), wins / 12.0,
                       1e-9);
    cr_expect_float_eq(v2s_test_number(json, "ratio.mean_map"),
                       mean / v2s_test_number(json, "systems.mean_map.mae.mean"), 1e-9);
    const cJSON *verdict = v2s_test_at(json, "difference.mean_map.mae.verdict");
    double lo = v2s_test_number(json, "difference.mean_map.mae.lo");
    double hi = v2s_test_number(json, "difference.mean_map.mae.hi");
    cr_expect_str_eq(verdict->valuestring, lo > 0 ? "worse" : hi < 0 ? "better" : "not different");
    cr_expect(v2s_test_number(json, "difference.again.mae.mean") == 0, "the same weights");
    cr_expect_str_eq(v2s_test_at(json, "difference.again.mae.verdict")->valuestring,
                     "not different");
    cr_expect(v2s_test_number(json, "difference.other.mae.mean") != 0);
    cJSON_Delete(json);
}

Test(infer_depth_program, the_test_split_is_the_default_and_one_location_has_no_interval) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    v2s_test_make_depth_set("set", 4, 2, 3);
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "depth", "set", "--model", "m.safetensors", "--json", "j.json", NULL});
    cr_assert(run.code == 0, "%s", run.err);
    cr_expect(strstr(run.out, "too few locations to say") != NULL, "%s", run.out);
    v2s_test_run_free(&run);
    cJSON *json = depth_json();
    cr_expect(v2s_test_number(json, "clips") == 3 && v2s_test_number(json, "locations") == 1);
    cr_expect(cJSON_IsNull(v2s_test_at(json, "systems.model.mae.lo")));
    cr_expect_str_eq(v2s_test_at(json, "difference.mean_map.mae.verdict")->valuestring, "unknown");
    cJSON_Delete(json);
}

Test(infer_depth_program, samples_that_cannot_be_used_are_named_and_counted) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    v2s_test_make_depth_set("set", 6, 1, 1);
    depth_make_sound("set/attic/audio/audio_2.wav", 1, DEPTH_FRAMES, 48000);
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "depth", "set", "--model", "m.safetensors", "--split", "train", "--json", "j.json", NULL});
    cr_assert(run.code == 0, "%s", run.err);
    cr_expect(strstr(run.err, "audio_2.wav") != NULL && strstr(run.err, "48000") != NULL, "%s",
              run.err);
    v2s_test_run_free(&run);
    cJSON *json = depth_json();
    cr_expect(v2s_test_number(json, "clips") == 5 && v2s_test_number(json, "left_out") == 1);
    cJSON_Delete(json);
    V2S_TEST_REFUSED("48000", "depth", "set", "--model", "m.safetensors", "--split", "train",
                     "--strict", "--report", "r.html");
    cr_expect(!depth_is_there("r.html"));
    V2S_TEST_RUN("depth", "set", "--model", "m.safetensors", "--split", "train", "--strict",
                 "--resample");
}

Test(infer_depth_program, a_checkpoint_without_floors_leaves_them_out) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1, .no_floors = true});
    v2s_test_make_depth_set("set", 4, 1, 2);
    v2s_test_run run =
        v2s_test_run_program((const char *const[]){"depth", "set", "--model", "m.safetensors",
                                                   "--json", "j.json", "--report", "r.html", NULL});
    cr_assert(run.code == 0, "%s", run.err);
    cr_expect(strstr(run.err, "holds no floors") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    cJSON *json = depth_json();
    cr_expect(v2s_test_at(json, "systems.mean_map") == NULL &&
              v2s_test_at(json, "systems.model") != NULL);
    cJSON_Delete(json);
}

// ---- attention and pages ----------------------------------------------------------------------

Test(infer_depth_program, attention_pictures_and_their_index) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_sound("a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    V2S_TEST_RUN("depth", "a.wav", "--model", "m.safetensors", "--attention", "look");
    cr_expect(v2s_test_count_files(v2s_test_path("look"), ".png") == 9 * 3 * 2);
    V2S_TEST_RUN("depth", "a.wav", "--model", "m.safetensors", "--attention", "at",
                 "--attention-at", "0,31", "--attention-at", "20,7");
    cJSON *json = v2s_test_json(v2s_test_path("at/index.json"));
    cr_assert(cJSON_GetArraySize(json) == 2 * 3 * 2);
    const cJSON *one;
    cJSON_ArrayForEach(one, json) {
        char path[128];
        snprintf(path, sizeof path, "at/%s", cJSON_GetObjectItem(one, "file")->valuestring);
        cr_expect(depth_is_there(path), "%s", path);
        double bits = v2s_test_number(one, "entropy_bits");
        double even = v2s_test_number(one, "uniform_bits");
        int side = (int)v2s_test_number(one, "side"), level = (int)v2s_test_number(one, "level");
        cr_expect(side == DEPTH_SIZE >> (level - 1) && even == 2 * log2(side));
        cr_expect(bits >= 0 && bits < even + 1e-5, "%g of %g bits", bits, even);
        cr_expect(v2s_test_number(one, "centre.distance_m") > -0.1 &&
                  v2s_test_number(one, "centre.distance_m") < 30.1);
        cr_expect(v2s_test_number(one, "centre.frequency_hz") > -100 &&
                  v2s_test_number(one, "centre.frequency_hz") < 22100);
    }
    cr_expect(v2s_test_number(cJSON_GetArrayItem(json, 0), "row") == 0 &&
              v2s_test_number(cJSON_GetArrayItem(json, 0), "column") == 31);
    cJSON_Delete(json);
}

static char *read_text(const char *name) {
    size_t size = 0;
    unsigned char *bytes = v2s_test_read_file(v2s_test_path(name), &size);
    bytes = realloc(bytes, size + 1);
    bytes[size] = '\0';
    return (char *)bytes;
}

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

Test(infer_depth_program, pages_hold_everything_themselves) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_sound("a<b>.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_truth("t.npy", 48, 64);
    V2S_TEST_RUN("depth", "a<b>.wav", "--model", "m.safetensors", "--truth", "t.npy", "--attention",
                 "look", "--attention-at", "3,4", "--report", "r.html");
    char *page = read_text("r.html");
    cr_expect(count_of(page, "data:image/png;base64,") == 5 + 6, "%d pictures",
              count_of(page, "data:image/png;base64,"));
    cr_expect(count_of(page, "<img ") == count_of(page, "<img alt=\""));
    cr_expect(count_of(page, "role=\"img\"") == count_of(page, "role=\"img\" aria-label=\""));
    cr_expect(strstr(page, "http:") == NULL && strstr(page, "https:") == NULL);
    cr_expect(strstr(page, "<script") == NULL && strstr(page, "a<b>") == NULL);
    cr_expect(strstr(page, "a&lt;b&gt;") != NULL && strstr(page, "--attention-at 3,4") != NULL);
    cr_expect(strstr(page, ">Prediction<") && strstr(page, ">Truth<") && strstr(page, ">Error<"));
    free(page);
    v2s_test_make_depth_set("set", 6, 2, 4);
    V2S_TEST_RUN("depth", "set", "--model", "m.safetensors", "--report", "s.html", "--split",
                 "all");
    page = read_text("s.html");
    cr_expect(count_of(page, "data:image/png;base64,") == 8 * 4, "best and worst: %d",
              count_of(page, "data:image/png;base64,"));
    cr_expect(strstr(page, "Against mean_map") && strstr(page, "Distribution of the error"));
    free(page);
}

// ---- info and the real sample -----------------------------------------------------------------

Test(infer_depth_program, info_knows_checkpoints_and_arrays) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1, .left_only = true});
    V2S_TEST_RUN("info", "m.safetensors", "--json", "j.json");
    cJSON *json = depth_json();
    cr_expect_str_eq(v2s_test_at(json, "model")->valuestring, "depth");
    cr_expect_str_eq(v2s_test_at(json, "attention_levels")->valuestring, "3,4,5");
    cr_expect_str_eq(v2s_test_at(json, "attention_scale")->valuestring, "key");
    cr_expect_str_eq(v2s_test_at(json, "ears")->valuestring, "left");
    cr_expect(v2s_test_number(json, "base_channels") == 8 &&
              v2s_test_number(json, "size") == DEPTH_SIZE &&
              v2s_test_number(json, "rate_hz") == DEPTH_RATE);
    cr_expect_float_eq(v2s_test_number(json, "floors.constant_m"), 3.5, 1e-6);
    double numbers = 0;
    const cJSON *tensor;
    cJSON_ArrayForEach(tensor, v2s_test_at(json, "tensors")) {
        const char *name = cJSON_GetObjectItem(tensor, "name")->valuestring;
        double count = 1;
        const cJSON *d;
        cJSON_ArrayForEach(d, cJSON_GetObjectItem(tensor, "shape")) count *= d->valuedouble;
        if (strstr(name, "running_") == NULL && strncmp(name, "floor.", 6) != 0)
            numbers += count;
    }
    cr_expect(v2s_test_number(json, "parameters") == numbers);
    cJSON_Delete(json);
    depth_make_truth("t.npy", 3, 5);
    V2S_TEST_RUN("info", "t.npy", "--json", "j.json");
    json = depth_json();
    cr_expect_str_eq(v2s_test_at(json, "kind")->valuestring, "array");
    cr_expect(cJSON_GetArraySize(v2s_test_at(json, "shape")) == 2);
    cr_expect_float_eq(v2s_test_number(json, "valid"), 10.0 / 15, 1e-9);
    cJSON_Delete(json);
}

#define REAL V2S_SHARED_DATA "/batvision/"

Test(infer_depth_program, the_real_sample_goes_through) {
    if (access(REAL "audio_47.wav", R_OK) != 0 || access(REAL "depth_47.npy", R_OK) != 0)
        cr_skip("%s is absent", REAL);
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    V2S_TEST_RUN("depth", REAL "audio_47.wav", "--model", "m.safetensors", "--truth",
                 REAL "depth_47.npy", "-o", "d.png", "--json", "j.json");
    cJSON *json = depth_json();
    cr_expect(isfinite(v2s_test_number(json, "metrics.M7.mae")) && depth_is_there("d.png"));
    cJSON_Delete(json);
}
