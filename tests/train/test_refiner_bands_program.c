// SPDX-License-Identifier: MIT
// v2s-train refiner --preset v2s: what it finds, carries, repeats and refuses.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "infer/refiner_file.h"
#include "kernels/band_split.h"
#include "spatial/foa_basis.h"
#include "tests/support/band_weights.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "tests/support/program.h"
#include "tests/support/same_tensors.h"

TestSuite(refiner_bands_program, .fini = v2s_test_folder_remove, .timeout = 120);

static void train(int code, const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_train(words);
    cr_assert_eq(run.code, code, "exit code %d: %s", run.code, run.err);
    cr_assert(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

#define SMALL                                                                                      \
    "m.jsonl", "--preset", "v2s", "--rate", "8000", "--batch", "4", "--init", "w.safetensors"
#define TRAIN(...) train(0, "", (const char *const[]){"refiner", SMALL, __VA_ARGS__, NULL})

static void prepare(void) {
    v2s_test_make_diffuse_pairs(8, 2);
    v2s_test_make_band_weights(v2s_test_path("w.safetensors"), false, 3);
}

// The pairs' dipoles are 0.4 of what panning gives, plus diffuse noise: the constants must say so,
// and the checkpoint must carry them for `compare` and `render`.
Test(refiner_bands_program, it_finds_the_constants_and_carries_them) {
    prepare();
    TRAIN("-o", "run", "--steps", "4");
    v2s_refiner_floors floors;
    cr_assert_eq(v2s_refiner_read_floors(v2s_test_path("run/best.safetensors"), &floors), V2S_OK);
    cr_assert(floors.has_scaled);
    cr_expect_float_eq(floors.scaled[0], 1, 1e-5);
    for (int c = 1; c < 4; c++)
        cr_expect_float_eq(floors.scaled[c], V2S_TEST_PAIR_GAIN, 0.03, "channel %d: %g", c,
                           floors.scaled[c]);
    int gains = v2s_foa_basis_gains(false);
    cr_assert_eq(floors.constant_count, V2S_BASIS_BANDS * gains);
    for (int band = 8; band < 16; band++) { // with energy at 8 kHz, and enough bins
        const float *g = floors.constant + (size_t)band * gains;
        v2s_band_split s = v2s_band_split_of(g, false, (v2s_vec3){0, 1, 0});
        cr_expect_float_eq(s.c.y, V2S_TEST_PAIR_GAIN, 0.08, "band %d: %g", band, s.c.y);
    }
    v2s_refiner_floors_free(&floors);
    v2s_refiner *m = NULL;
    v2s_refiner_info info;
    cr_assert_eq(v2s_refiner_load(v2s_test_path("run/best.safetensors"), &m, &info), V2S_OK);
    cr_expect_str_eq(info.preset, "v2s");
    cr_expect_str_eq(info.pairing, "omni");
    v2s_refiner_close(&m);
}

Test(refiner_bands_program, it_repeats_and_resumes_to_the_same_tensors) {
    prepare();
    TRAIN("-o", "whole", "--epochs", "3", "--save-every", "1", "--schedule", "constant");
    TRAIN("-o", "again", "--epochs", "3", "--save-every", "1", "--schedule", "constant");
    v2s_test_same_tensors("whole/last.safetensors", "again/last.safetensors");
    TRAIN("-o", "parts", "--epochs", "1", "--save-every", "1", "--schedule", "constant");
    train(0, "",
          (const char *const[]){"refiner", "--resume", "-o", "parts", "--epochs", "3", NULL});
    v2s_test_same_tensors("whole/last.safetensors", "parts/last.safetensors");
    v2s_test_same_tensors("whole/best.safetensors", "parts/best.safetensors");
}

Test(refiner_bands_program, it_refuses_what_does_not_fit) {
    prepare();
    v2s_test_make_tiny_weights();
    v2s_test_make_band_weights(v2s_test_path("dry.safetensors"), true, 4);
#define BANDS "refiner", "m.jsonl", "--preset", "v2s", "--rate", "8000", "-o", "run"
    train(1, "expected a v2s refiner",
          (const char *const[]){BANDS, "--init", "tiny.safetensors", NULL});
    train(1, "expected a v2s refiner",
          (const char *const[]){BANDS, "--init", "dry.safetensors", NULL});
    train(2, "no loss is called 'mse'", (const char *const[]){BANDS, "--loss", "mse=1", NULL});
    train(2, "--augment", (const char *const[]){BANDS, "--augment", "rotation", NULL});
    train(1, "rate: expected",
          (const char *const[]){"refiner", "m.jsonl", "--preset", "v2s", "--rate", "4000", "-o",
                                "run", NULL});
}

// A spoilt clip is named and left out, or an error with --strict.
Test(refiner_bands_program, a_clip_that_cannot_be_used_is_named) {
    prepare();
    v2s_test_spoil_pair(2, NAN);
    train(0, "c2", (const char *const[]){"refiner", SMALL, "-o", "run", "--steps", "2", NULL});
    train(1, "c2",
          (const char *const[]){"refiner", SMALL, "-o", "run2", "--steps", "2", "--strict", NULL});
}

// STARSS and small sets have no split val: the training loss chooses the best weights then.
Test(refiner_bands_program, a_set_without_validation_is_trained_with_a_warning) {
    v2s_test_make_diffuse_pairs(8, 0);
    v2s_test_make_band_weights(v2s_test_path("w.safetensors"), false, 3);
    train(0, "no clips of the split val: best.safetensors is chosen by the training loss",
          (const char *const[]){"refiner", SMALL, "-o", "run", "--epochs", "1", "--schedule",
                                "constant", NULL});
    v2s_refiner *m = NULL;
    cr_assert_eq(v2s_refiner_load(v2s_test_path("run/best.safetensors"), &m, NULL), V2S_OK);
    v2s_refiner_close(&m);
    train(0, "", (const char *const[]){"refiner", "--resume", "-o", "run", "--epochs", "2", NULL});
}
