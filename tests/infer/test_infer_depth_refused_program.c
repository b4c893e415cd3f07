// SPDX-License-Identifier: MIT
// What v2s-infer depth refuses, and with which words.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "data/npy.h"
#include "tests/support/depth_run.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_depth_set.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

TestSuite(infer_depth_refused_program, .fini = v2s_test_folder_remove);

static void expect_usage(const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_expect(run.code == 2, "exit code %d: %s", run.code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}
#define USAGE(part, ...) expect_usage(part, (const char *const[]){"depth", __VA_ARGS__, NULL})

Test(infer_depth_refused_program, wrong_usage_is_told_before_the_work) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_sound("a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_folder("in");
    depth_make_sound("in/a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_truth("in/a.npy", 8, 8);
    v2s_test_make_depth_set("set", 2, 1, 1);
    USAGE("no --model", "a.wav");
    USAGE("no AUDIO.wav", "--model", "m.safetensors");
    USAGE("suffix must be .npy or .png", "a.wav", "--model", "m.safetensors", "-o", "d.jpg");
    USAGE("needs a folder", "in", "--model", "m.safetensors", "-o", "d.npy");
    USAGE("--attention-at needs", "a.wav", "--model", "m.safetensors", "--attention-at", "1,1");
    USAGE("is not ROW,COL", "a.wav", "--model", "m.safetensors", "--attention", "look",
          "--attention-at", "5");
    USAGE("outside the 32 x 32", "a.wav", "--model", "m.safetensors", "--attention", "look",
          "--attention-at", "5,32");
    USAGE("contradict", "set", "--model", "m.safetensors", "--truth", "in");
    USAGE("a data set is judged", "set", "--model", "m.safetensors", "-o", "d");
    USAGE("--against needs", "a.wav", "--model", "m.safetensors", "--against", "m.safetensors");
    USAGE("folder of truths", "in", "--model", "m.safetensors", "--truth", "in/a.npy");
    USAGE("would overwrite an input", "in", "--model", "m.safetensors", "--truth", "in", "-o",
          "in");
    USAGE("would overwrite an input", "a.wav", "--model", "m.safetensors", "--report",
          "m.safetensors");
    USAGE("name the same file", "a.wav", "--model", "m.safetensors", "-o", "d.npy",
          "--spectrogram-out", "d.npy");
    cr_expect(!depth_is_there("d.npy") && !depth_is_there("look") && !depth_is_there("d"));
}

// Every case of what sounds may be: refused with one sentence that names the file.
Test(infer_depth_refused_program, unusable_sounds_are_refused) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    static float noise[2 * DEPTH_FRAMES];
    hash_noise(1, 2 * DEPTH_FRAMES, 0.3f, noise);
    v2s_test_make_wav(v2s_test_path("mono.wav"), noise, DEPTH_FRAMES, 1, DEPTH_RATE);
    depth_make_sound("fast.wav", 1, DEPTH_FRAMES, 48000);
    depth_make_sound("tiny.wav", 1, 511, DEPTH_RATE);
    depth_make_sound("none.wav", 1, 0, DEPTH_RATE);
    noise[1001] = NAN;
    v2s_test_make_wav(v2s_test_path("nan.wav"), noise, DEPTH_FRAMES, 2, DEPTH_RATE);
    v2s_test_write_text("text.wav", "RIFF of nothing");
    static const char *const cases[][2] = {{"mono.wav", "mono.wav"},    {"fast.wav", "48000"},
                                           {"tiny.wav", "511"},         {"none.wav", "none.wav"},
                                           {"nan.wav", "nan.wav"},      {"text.wav", "text.wav"},
                                           {"absent.wav", "absent.wav"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        V2S_TEST_REFUSED(cases[i][1], "depth", cases[i][0], "--model", "m.safetensors", "-o",
                         "d.npy", "--report", "r.html");
    cr_expect(!depth_is_there("d.npy") && !depth_is_there("r.html"));
    V2S_TEST_RUN("depth", "fast.wav", "--model", "m.safetensors", "-o", "d.npy", "--resample");
}

Test(infer_depth_refused_program, short_and_truncated_sounds_are_used_with_a_warning) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_sound("short.wav", 1, 600, DEPTH_RATE);
    depth_make_sound("whole.wav", 2, DEPTH_FRAMES, DEPTH_RATE);
    size_t size = 0;
    unsigned char *bytes = v2s_test_read_file(v2s_test_path("whole.wav"), &size);
    v2s_test_write_file(v2s_test_path("cut.wav"), bytes, size / 2);
    free(bytes);
    static const char *const names[] = {"short.wav", "cut.wav"};
    for (int i = 0; i < 2; i++) {
        v2s_test_run run = v2s_test_run_program(
            (const char *const[]){"depth", names[i], "--model", "m.safetensors", NULL});
        cr_expect(run.code == 0 && strstr(run.err, "warning: ") != NULL &&
                      strstr(run.err, names[i]) != NULL,
                  "%d: %s", run.code, run.err);
        v2s_test_run_free(&run);
    }
}

Test(infer_depth_refused_program, unusable_truths_models_and_folders_are_refused) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_model(&(depth_kind){.file = "large.safetensors", .seed = 1, .size = 64});
    depth_make_model(&(depth_kind){.file = "blind.safetensors", .seed = 1, .no_attention = true});
    depth_make_sound("a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    const size_t dim[2] = {8, 8};
    static const float zeros[64];
    cr_assert_eq(v2s_npy_write_f32(v2s_test_path("zero.npy"), 2, dim, zeros), V2S_OK);
    depth_make_folder("empty");
    v2s_test_make_depth_set("set", 2, 1, 1);
    V2S_TEST_REFUSED("zero.npy", "depth", "a.wav", "--model", "m.safetensors", "--truth",
                     "zero.npy", "-o", "d.npy");
    V2S_TEST_REFUSED("absent.npy", "depth", "a.wav", "--model", "m.safetensors", "--truth",
                     "absent.npy", "-o", "d.npy");
    V2S_TEST_REFUSED("absent.safetensors", "depth", "a.wav", "--model", "absent.safetensors", "-o",
                     "d.npy");
    V2S_TEST_REFUSED("a.wav", "depth", "a.wav", "--model", "a.wav", "-o", "d.npy");
    V2S_TEST_REFUSED("no .wav", "depth", "empty", "--model", "m.safetensors", "-o", "d");
    V2S_TEST_REFUSED("no attention", "depth", "a.wav", "--model", "blind.safetensors",
                     "--attention", "look");
    V2S_TEST_REFUSED("large.safetensors: expected", "depth", "set", "--model", "m.safetensors",
                     "--against", "large.safetensors");
    V2S_TEST_REFUSED("nowhere", "depth", "a.wav", "--model", "m.safetensors", "-o",
                     "nowhere/d.npy");
    V2S_TEST_REFUSED("in the place of the folder", "depth", "a.wav", "--model", "m.safetensors",
                     "--attention", "zero.npy", "--attention-at", "1,1");
    cr_expect(!depth_is_there("d.npy") && !depth_is_there("d") && !depth_is_there("look"));
}

Test(infer_depth_refused_program, a_bad_sound_of_a_folder_is_left_out_or_with_strict_an_error) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    depth_make_folder("in");
    depth_make_sound("in/a.wav", 1, DEPTH_FRAMES, DEPTH_RATE);
    depth_make_sound("in/b.wav", 2, DEPTH_FRAMES, 48000);
    V2S_TEST_REFUSED("b.wav", "depth", "in", "--model", "m.safetensors", "-o", "out", "--strict");
    cr_expect(!depth_is_there("out"), "nothing is written");
    V2S_TEST_RUN("depth", "in", "--model", "m.safetensors", "-o", "out", "--json", "j.json");
    cr_expect(depth_is_there("out/a.npy") && !depth_is_there("out/b.npy"));
    cJSON *json = depth_json();
    cr_expect(v2s_test_number(json, "samples") == 1 && v2s_test_number(json, "left_out") == 1);
    cJSON_Delete(json);
    cr_assert(unlink(v2s_test_path("in/a.wav")) == 0);
    V2S_TEST_REFUSED("b.wav", "depth", "in", "--model", "m.safetensors", "-o", "none");
    cr_expect(!depth_is_there("none"));
}
