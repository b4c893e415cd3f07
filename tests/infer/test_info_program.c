// SPDX-License-Identifier: MIT
// v2s-infer info on what the other commands write, and on recordings where they are at hand.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "infer/refiner_file.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

TestSuite(info_program, .fini = v2s_test_folder_remove);

static cJSON *info(const char *path) {
    V2S_TEST_RUN("info", path, "--json", "i.json", "--quiet");
    return v2s_test_json(v2s_test_path("i.json"));
}

static bool has_text(const cJSON *json, const char *key, const char *expected) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    return cJSON_IsString(item) && strcmp(item->valuestring, expected) == 0;
}

Test(info_program, sound_of_one_channel) {
    enum { FRAMES = 4410 };
    static float sound[FRAMES];
    for (size_t i = 0; i < FRAMES; i++)
        sound[i] = i % 2 ? 0.5f : -0.5f;
    v2s_test_make_wav(v2s_test_path("s.wav"), sound, FRAMES, 1, 44100);
    cJSON *json = info("s.wav");
    cr_expect(has_text(json, "kind", "sound"));
    cr_expect(v2s_test_number(json, "channels") == 1 && v2s_test_number(json, "rate_hz") == 44100);
    cr_expect(v2s_test_number(json, "frames") == FRAMES);
    cr_expect(fabs(v2s_test_number(json, "duration_s") - 0.1) < 1e-9);
    cr_expect(fabs(v2s_test_number(json, "peak_dbfs") + 6.0206) < 1e-3);
    cr_expect(fabs(v2s_test_number(json, "rms_dbfs") + 6.0206) < 1e-3);
    cr_expect(!cJSON_HasObjectItem(json, "layout_guess"));
    cJSON_Delete(json);
}

// A moving source that we rendered ourselves is AmbiX, or the test is not sure: never another.
Test(info_program, own_output_is_never_called_anything_but_ambix) {
    static float noise[96000];
    hash_noise(1, 96000, 0.3f, noise);
    v2s_test_make_wav(v2s_test_path("n.wav"), noise, 96000, 1, 16000);
    const char path[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n"
                        "0,1,-170,-40,1,1\n2,1,0,50,1,1\n4,1,130,-30,1,1\n6,1,-100,20,1,1\n";
    v2s_test_write_file(v2s_test_path("t.csv"), path, strlen(path));
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "o.wav");
    cJSON *json = info("o.wav");
    cr_expect(has_text(json, "layout_guess", "ambix") ||
                  has_text(json, "layout_guess", "uncertain"),
              "%s", cJSON_GetObjectItem(json, "layout_guess")->valuestring);
    cr_expect(cJSON_IsString(cJSON_GetObjectItem(json, "layout_evidence")));
    cJSON_Delete(json);
}

Test(info_program, trajectory) {
    const char path[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n"
                        "0.5,a,10,-5,1,1\n2.5,a,170,5,3,1\n3,a,-170,0,2,1\n1,b,0,0,7,1\n";
    v2s_test_write_file(v2s_test_path("t.csv"), path, strlen(path));
    cJSON *json = info("t.csv");
    cr_expect(has_text(json, "kind", "trajectory"));
    cr_expect(v2s_test_number(json, "points") == 4);
    cr_expect(v2s_test_number(json, "start_s") == 0.5);
    cr_expect(v2s_test_number(json, "duration_s") == 2.5);
    const cJSON *objects = cJSON_GetObjectItem(json, "objects");
    cr_assert(cJSON_GetArraySize(objects) == 2);
    const cJSON *a = cJSON_GetArrayItem(objects, 0);
    cr_expect(has_text(a, "name", "a"));
    cr_expect(fabs(v2s_test_number(a, "azimuth_min_deg") - 10) < 1e-6);
    cr_expect(fabs(v2s_test_number(a, "azimuth_max_deg") - 190) < 1e-6, "it passes behind");
    cr_expect(v2s_test_number(a, "distance_max_m") == 3);
    cJSON_Delete(json);
}

Test(info_program, checkpoint) {
    v2s_refiner *refiner = hash_refiner();
    size_t parameters = v2s_refiner_parameters(refiner);
    cr_assert(v2s_refiner_save(v2s_test_path("w.safetensors"), refiner, 16000, "omni") == V2S_OK);
    v2s_refiner_close(&refiner);
    cJSON *json = info("w.safetensors");
    cr_expect(has_text(json, "kind", "checkpoint") && has_text(json, "model", "refiner") &&
              has_text(json, "preset", "seed"));
    // 64 (4 15 + 1) + 2 (384 (64 + 128) + 2 384) + 4 257
    cr_expect(parameters == 153924 && v2s_test_number(json, "parameters") == 153924, "%zu",
              parameters);
    const cJSON *tensors = cJSON_GetObjectItem(json, "tensors");
    cr_expect(cJSON_GetArraySize(tensors) == 12);
    const cJSON *metadata = cJSON_GetObjectItem(json, "metadata");
    cr_expect(has_text(metadata, "pairing", "omni") && has_text(metadata, "rate_hz", "16000"));
    cJSON_Delete(json);
}

Test(info_program, devices) {
    v2s_test_run run = v2s_test_run_program((const char *const[]){"info", "--devices", NULL});
    cr_expect(run.code == 0 && strstr(run.out, "cpu") != NULL && strstr(run.out, "cuda") != NULL);
    cr_expect(strstr(run.out, "not used (") != NULL, "the reason: %s", run.out);
    v2s_test_run_free(&run);
}

// Chapman's recording is FuMa; the yt360 ones are AmbiX.
Test(info_program, layout_of_recordings) {
    static const struct {
        const char *path, *layout;
    } cases[] = {
        {V2S_SHARED_DATA "/foa/fuma_speech_positions_chapman.mp4", "fuma"},
        {V2S_SHARED_DATA "/foa/yt360-order/kqAZkf5Odyw-80.ambix_wyzx.flac", "ambix"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (access(cases[i].path, R_OK) != 0)
            cr_skip("%s is absent", cases[i].path);
        cJSON *json = info(cases[i].path);
        cr_expect(has_text(json, "layout_guess", cases[i].layout), "%s: %s", cases[i].path,
                  cJSON_GetObjectItem(json, "layout_guess")->valuestring);
        cJSON_Delete(json);
    }
}
