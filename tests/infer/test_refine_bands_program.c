// SPDX-License-Identifier: MIT
// render with v2s refiners: against the same refiner on a clip in memory, and which one is chosen.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/trajectory_csv.h"
#include "infer/clip_refiner.h"
#include "tests/support/band_weights.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE_HZ = 16000, FRAMES = 16000 };

static void write_noise(const char *name, unsigned stream) {
    float *noise = malloc(FRAMES * sizeof *noise);
    hash_noise(stream, FRAMES, 0.2f, noise);
    v2s_test_make_wav(v2s_test_path(name), noise, FRAMES, 1, RATE_HZ);
    free(noise);
}

#define HEAD "time_s,object,az_deg,el_deg,dist_m,confidence\n"

static void prepare(void) {
    v2s_test_write_text("t.csv", HEAD "0,1,-70,10,2,1\n0.6,1,20,-10,1,1\n1,1,110,30,1.5,1\n");
    write_noise("n.wav", 5);
    v2s_test_make_band_weights(v2s_test_path("omni.safetensors"), false, 3);
    v2s_test_make_band_weights(v2s_test_path("dry.safetensors"), true, 4);
}

TestSuite(refine_bands_program, .fini = v2s_test_folder_remove, .timeout = 60);

// refined = what the clip's refiner makes of the geometric file.
static double gap_to_clip(const char *weights, const v2s_clip *clip, const v2s_test_sound *refined,
                          const v2s_test_sound *geometric) {
    v2s_device *dev = NULL;
    v2s_clip_refiner *r = NULL;
    v2s_trajectory_set set = {0};
    cr_assert_eq(v2s_device_open("cpu", 1, &dev), V2S_OK);
    cr_assert_eq(v2s_clip_refiner_open(v2s_test_path(weights), dev, &r), V2S_OK, "%s",
                 v2s_error_text());
    cr_assert_eq(v2s_trajectory_csv_read(v2s_test_path("t.csv"), &set), V2S_OK);
    v2s_pair pair = {.rate_hz = RATE_HZ,
                     .frames = geometric->frames,
                     .geometric = geometric->samples,
                     .path = set.items[0]};
    float *out = malloc(geometric->frames * 4 * sizeof *out);
    cr_assert_eq(v2s_clip_refiner_apply(r, V2S_CLIP_REFINED, clip, &pair, out), V2S_OK);
    double gap = 0, moved = 0;
    for (size_t i = 0; i < geometric->frames * 4; i++) {
        gap = fmax(gap, fabs(out[i] - refined->samples[i]));
        moved = fmax(moved, fabs(out[i] - geometric->samples[i]));
    }
    cr_assert(moved > 1e-3, "the refiner does nothing");
    free(out);
    v2s_trajectory_set_free(&set);
    v2s_clip_refiner_close(&r);
    v2s_device_close(&dev);
    return gap;
}

Test(refine_bands_program, omni_equals_the_refiner_of_a_clip) {
    prepare();
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "g.wav");
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "r.wav", "--refiner",
                 "omni.safetensors");
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "r0.wav", "--refiner",
                 "omni.safetensors", "--refiner-amount", "0");
    v2s_test_sound geometric = v2s_test_sound_read(v2s_test_path("g.wav"));
    v2s_test_sound refined = v2s_test_sound_read(v2s_test_path("r.wav"));
    v2s_test_sound nothing = v2s_test_sound_read(v2s_test_path("r0.wav"));
    cr_assert_eq(refined.frames, geometric.frames);
    cr_expect_eq(v2s_test_difference(&geometric, &nothing), 0, "amount 0 is the geometric path");
    double gap = gap_to_clip("omni.safetensors", NULL, &refined, &geometric);
    cr_expect(gap < 2e-6, "%g", gap);
    v2s_test_sound_free(&geometric);
    v2s_test_sound_free(&refined);
    v2s_test_sound_free(&nothing);
}

// Options that do not go together: exit code 2 and a sentence with `part`.
static void expect_wrong_usage(const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, part) != NULL, "%s", run.err);
    v2s_test_run_free(&run);
}

#define WRONG_USAGE(part, ...)                                                                     \
    expect_wrong_usage(part, (const char *const[]){"render", "--trajectory", "t.csv", "--sound",   \
                                                   "n.wav", "-o", "x.wav", __VA_ARGS__, NULL})

// The room goes on after the sound; its decay times are the condition.
Test(refine_bands_program, dry_makes_a_room_of_the_wanted_decay) {
    prepare();
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "g.wav");
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "r.wav", "--refiner",
                 "dry.safetensors", "--rt60", "0.8");
    v2s_test_sound geometric = v2s_test_sound_read(v2s_test_path("g.wav"));
    v2s_test_sound refined = v2s_test_sound_read(v2s_test_path("r.wav"));
    cr_assert(refined.frames > geometric.frames + RATE_HZ, "%zu frames", refined.frames);
    cr_expect(v2s_test_rms(&refined, 0, FRAMES + 1000, FRAMES + 8000) > 1e-5);
    // The same with silence behind the sound is the same sound for the network.
    v2s_test_sound longer = {.frames = refined.frames};
    longer.samples = calloc(refined.frames * 4, sizeof *longer.samples);
    memcpy(longer.samples, geometric.samples, geometric.frames * 4 * sizeof *longer.samples);
    v2s_clip clip = {.rt60_s = {0.8}, .rt60_count = 1, .drr_db = NAN};
    double gap = gap_to_clip("dry.safetensors", &clip, &refined, &longer);
    cr_expect(gap < 2e-6, "%g", gap);
    free(longer.samples);
    v2s_test_sound_free(&geometric);
    v2s_test_sound_free(&refined);
    WRONG_USAGE("not with --room", "--refiner", "dry.safetensors", "--room", "6,5,3", "--rt60",
                "0.5");
    WRONG_USAGE("--rt60 needs --room", "--refiner", "omni.safetensors", "--rt60", "0.5");
}

// Two objects: the residual of each, added.
Test(refine_bands_program, objects_are_refined_one_by_one) {
    prepare();
    write_noise("m.wav", 6);
    v2s_test_write_text("a.csv", HEAD "0,a,30,0,1,1\n");
    v2s_test_write_text("b.csv", HEAD "0,b,-100,20,2,1\n");
    v2s_test_write_text("both.csv", HEAD "0,a,30,0,1,1\n0,b,-100,20,2,1\n");
#define RENDER(path, out, ...)                                                                     \
    V2S_TEST_RUN("render", "--trajectory", path, "-o", out, "--refiner", "omni.safetensors",       \
                 __VA_ARGS__)
    RENDER("a.csv", "a.wav", "--object", "name=a;sound=n.wav");
    RENDER("b.csv", "b.wav", "--object", "name=b;sound=m.wav");
    RENDER("both.csv", "both.wav", "--object", "name=a;sound=n.wav", "--object",
           "name=b;sound=m.wav");
    v2s_test_sound a = v2s_test_sound_read(v2s_test_path("a.wav"));
    v2s_test_sound b = v2s_test_sound_read(v2s_test_path("b.wav"));
    v2s_test_sound both = v2s_test_sound_read(v2s_test_path("both.wav"));
    double gap = 0;
    for (size_t i = 0; i < 4 * both.frames; i++)
        gap = fmax(gap, fabs(both.samples[i] - a.samples[i] - b.samples[i]));
    cr_expect(gap < 2e-6, "%g", gap);
    v2s_test_sound_free(&a);
    v2s_test_sound_free(&b);
    v2s_test_sound_free(&both);
}

static void expect_refiner(const char *json_name, const char *name) {
    cJSON *json = v2s_test_json(v2s_test_path(json_name));
    const cJSON *found = cJSON_GetObjectItem(json, "refiner");
    if (name == NULL)
        cr_expect(cJSON_IsNull(found), "%s: %s", json_name, found->valuestring);
    else
        cr_expect(cJSON_IsString(found) && strcmp(found->valuestring, name) == 0);
    cJSON_Delete(json);
}

// The film's own sound has its room in it: then, and only then, v2s-omni is used unasked.
Test(refine_bands_program, shipped_refiner_is_the_default_for_a_films_own_sound) {
    prepare();
    v2s_test_make_band_weights(v2s_test_path("v2s-omni.safetensors"), false, 3);
    setenv("V2S_CHECKPOINTS", v2s_test_path("."), 1);
    V2S_TEST_RUN("render", "n.wav", "--trajectory", "t.csv", "-o", "a.wav", "--json", "own.json");
    expect_refiner("own.json", "v2s-omni");
    V2S_TEST_RUN("render", "--sound", "n.wav", "--trajectory", "t.csv", "-o", "a.wav", "--json",
                 "other.json");
    expect_refiner("other.json", NULL);
    V2S_TEST_RUN("render", "n.wav", "--trajectory", "t.csv", "-o", "a.wav", "--json", "room.json",
                 "--room", "6,5,3", "--rt60", "0.4");
    expect_refiner("room.json", NULL);
    V2S_TEST_RUN("render", "n.wav", "--trajectory", "t.csv", "-o", "a.wav", "--json", "none.json",
                 "--refiner", "none");
    expect_refiner("none.json", NULL);
    V2S_TEST_RUN("render", "--sound", "n.wav", "--trajectory", "t.csv", "-o", "a.wav", "--json",
                 "name.json", "--refiner", "v2s-omni");
    expect_refiner("name.json", "v2s-omni");
    V2S_TEST_REFUSED("v2s-nothing", "render", "--sound", "n.wav", "--trajectory", "t.csv", "-o",
                     "b.wav", "--refiner", "v2s-nothing");
}
