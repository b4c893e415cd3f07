// SPDX-License-Identifier: MIT
// v2s-infer on the device gives what it gives on the processor.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/tested_device.h"
#include "tests/support/band_weights.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/program.h"

enum { RATE_HZ = 16000 };

TestSuite(infer_program, .fini = v2s_test_folder_remove);

static void prepare(size_t frames) {
    v2s_test_write_text("t.csv", "time_s,object,az_deg,el_deg,dist_m,confidence\n"
                                 "0,1,-70,10,2,1\n0.2,1,20,-10,1,1\n1,1,110,30,1.5,1\n");
    float *noise = malloc(frames * sizeof *noise);
    cr_assert_not_null(noise);
    hash_noise(5, frames, 0.4f, noise);
    v2s_test_make_wav(v2s_test_path("n.wav"), noise, frames, 1, RATE_HZ);
    free(noise);
}

static v2s_test_sound rendered(const char *refiner, const char *device, const char *file) {
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "--refiner", refiner,
                 "--device", device, "-o", file, "--json", "o.json", "-q");
    return v2s_test_sound_read(v2s_test_path(file));
}

// Both are FP32; sums of up to 1000 products in another order move a residual of about 0.1 by 1e-7.
static void check_render(const char *refiner, size_t frames) {
    prepare(frames);
    v2s_test_sound geometric = rendered("none", "cpu", "g.wav");
    v2s_test_sound expected = rendered(refiner, "cpu", "c.wav");
    v2s_test_sound found = rendered(refiner, tested_device_spec(), "d.wav");
    cr_expect_leq(v2s_test_difference(&found, &expected), 1e-6, "%s", refiner);
    float largest = 0;
    for (size_t i = 0; i < 4 * geometric.frames; i++)
        largest = fmaxf(largest, fabsf(expected.samples[i] - geometric.samples[i]));
    cr_expect_gt(largest, 1e-3, "%s: the test sees nothing", refiner);
    v2s_test_sound_free(&geometric);
    v2s_test_sound_free(&expected);
    v2s_test_sound_free(&found);
}

Test(infer_program, renders_with_seed_as_on_the_processor) {
    check_render("seed-omni", RATE_HZ / 20);
}

Test(infer_program, renders_with_v2s_omni_as_on_the_processor) {
    check_render("v2s-omni", RATE_HZ / 2);
}

Test(infer_program, renders_with_v2s_dry_as_on_the_processor) {
    check_render("v2s-dry", RATE_HZ / 4);
}

Test(infer_program, says_which_device_and_kernels_ran) {
    prepare(400);
    const char *spec = tested_device_spec();
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"render", "--trajectory", "t.csv", "--sound", "n.wav", "--refiner",
                              "v2s-omni", "--device", spec, "-o", "d.wav", "-v", NULL});
    cr_assert_eq(run.code, 0, "%s", run.err);
    char row[64];
    snprintf(row, sizeof row, "\ndevice             %.4s",
             strcmp(spec, "cpu") == 0 ? "cpu," : spec);
    cr_expect_not_null(strstr(run.out, row), "%s", run.out);
    const char *kernels = strstr(run.out, "\nkernels            ");
    cr_assert_not_null(kernels, "%s", run.out);
    if (strcmp(spec, "cpu") != 0)
        cr_expect(strstr(kernels, "GRU: ") != NULL && strstr(kernels, "not run") == NULL, "%s",
                  kernels);
    v2s_test_run_free(&run);
    v2s_test_sound sound = rendered("v2s-omni", spec, "d.wav");
    v2s_test_sound_free(&sound);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(cJSON_IsString(v2s_test_at(json, "kernels")));
    cr_expect_eq(strncmp(cJSON_GetStringValue(v2s_test_at(json, "device")), spec, 3), 0);
    cJSON_Delete(json);
}

// The words of --precision mean what the device takes them for.
Test(infer_program, precisions_go_by_their_names) {
    static const char *const words[] = {"f32", "tf32", "bf16"};
    prepare(400);
    const char *spec = tested_device_spec();
    for (int i = 0; i < 3; i++) {
        v2s_test_run run = v2s_test_run_program((const char *const[]){
            "render", "--trajectory", "t.csv", "--sound", "n.wav", "--refiner", "v2s-omni",
            "--device", spec, "--precision", words[i], "-o", "d.wav", NULL});
        if (strcmp(spec, "cpu") == 0 && run.code != 0) {
            char part[32];
            snprintf(part, sizeof part, "precision %s: ", words[i]);
            cr_expect_gt(i, 0);
            cr_expect_not_null(strstr(run.err, part), "%s", run.err);
        } else {
            cr_expect_eq(run.code, 0, "%s", run.err);
            const char *row = strstr(run.out, "\ndevice ");
            cr_assert_not_null(row);
            cr_expect(strcmp(spec, "cpu") == 0 || strstr(row, words[i]) != NULL, "%s", row);
        }
        v2s_test_run_free(&run);
    }
}

// Scores of three clips side by side.
static void check_compare(const char *weights) {
    static const char *const metrics[] = {"diffuseness", "level", "lsd", "direction", "iacc"};
    const char *const devices[] = {"cpu", tested_device_spec()};
    double scores[2][5];
    for (int i = 0; i < 2; i++) {
        V2S_TEST_RUN("compare", "m.jsonl", "--split", "val", "--refiner", weights, "--device",
                     devices[i], "--threads", "3", "--json", "o.json", "-q");
        cJSON *json = v2s_test_json(v2s_test_path("o.json"));
        cr_expect_eq(v2s_test_number(json, "clips"), 3);
        cr_expect_eq(strncmp(cJSON_GetStringValue(v2s_test_at(json, "device")), devices[i], 3), 0);
        for (int k = 0; k < 5; k++) {
            char path[64];
            snprintf(path, sizeof path, "systems.refined.%s.mean", metrics[k]);
            scores[i][k] = v2s_test_number(json, path);
        }
        cJSON_Delete(json);
    }
    for (int k = 0; k < 5; k++)
        cr_expect_float_eq(scores[1][k], scores[0][k], 1e-4, "%s: %s: %g, %g", weights, metrics[k],
                           scores[1][k], scores[0][k]);
}

Test(infer_program, compares_as_on_the_processor) {
    v2s_test_make_pairs(0, 3);
    v2s_test_make_tiny_weights();
    v2s_test_make_band_weights(v2s_test_path("bands.safetensors"), false, 3);
    check_compare("tiny.safetensors");
    check_compare("bands.safetensors");
}
