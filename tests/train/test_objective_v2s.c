// SPDX-License-Identifier: MIT
// The objective of preset v2s: its loss's gradient with respect to what the network gives, and its
// validation against the loss of the rows.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "data/manifest.h"
#include "kernels/band_gains.h"
#include "kernels/base/rng.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "train/objective_v2s.h"

enum { TRAIN = 2, VAL = 1, TRIES = 40 };

TestSuite(objective_v2s, .fini = v2s_test_folder_remove, .timeout = 60);

typedef struct opened {
    v2s_manifest manifest;
    const v2s_clip *clips[TRAIN + VAL];
    v2s_objective *o;
} opened;

static opened open_all(int spoilt) {
    opened a = {0};
    v2s_objective_v2s_config config = v2s_objective_v2s_defaults(V2S_PAIRING_OMNI);
    config.channels = 4, config.hidden = 4, config.kernel = 3, config.rows = 1;
    v2s_test_make_diffuse_pairs(TRAIN, VAL);
    if (spoilt >= 0)
        v2s_test_spoil_pair(spoilt, NAN);
    cr_assert_eq(v2s_manifest_read(v2s_test_path("m.jsonl"), true, &a.manifest), V2S_OK);
    for (int i = 0; i < TRAIN + VAL; i++)
        a.clips[i] = &a.manifest.clips[i];
    cr_assert_eq(v2s_objective_v2s_open(&config, a.clips, TRAIN, a.clips + TRAIN, VAL, &a.o),
                 V2S_OK, "%s", v2s_error_text());
    return a;
}

static void close_all(opened *a) {
    a->o->cls->close(a->o);
    v2s_manifest_free(&a->manifest);
}

// Directions of random signs over the whole residual: the slope along each must be the gradient's.
// The loss is a double of floats, so central differences are good to about 1e-3.
Test(objective_v2s, the_gradient_is_that_of_the_loss) {
    opened a = open_all(-1);
    size_t n = (size_t)a.o->T * (size_t)a.o->config.outputs;
    float *x = calloc((size_t)a.o->T * (size_t)a.o->config.inputs, sizeof *x);
    float *residual = malloc(n * sizeof *residual), *moved = malloc(n * sizeof *moved);
    float *gradient = malloc(n * sizeof *gradient), *unused = malloc(n * sizeof *unused);
    cr_assert_eq(a.o->cls->prepare(a.o, 0, &(v2s_row_item){0, 7}, x, NULL), V2S_OK);
    v2s_rng rng = v2s_rng_open(3, 0);
    for (size_t i = 0; i < n; i++)
        residual[i] = (float)(i % 6 < 3 ? -0.2 : 0.5) + 0.1f * (float)v2s_rng_normal(&rng);
    double value;
    a.o->cls->loss(a.o, 1, x, NULL, residual, 1, gradient, &value);
    for (int k = 0; k < TRIES; k++) {
        // One frame's outputs move: what smoothing makes of them at the ends counts as well.
        size_t frame = k == 0 ? 0 : k == 1 ? (size_t)a.o->T - 1 : v2s_rng_below(&rng, a.o->T);
        double loss[2], expected = 0;
        for (int side = 0; side < 2; side++) {
            v2s_rng signs = v2s_rng_open(4, (uint64_t)k);
            expected = 0;
            for (size_t i = 0; i < n; i++) {
                bool moves = i / (size_t)a.o->config.outputs == frame;
                double step = moves ? (v2s_rng_uniform(&signs) < 0.5 ? -1e-2 : 1e-2) : 0;
                moved[i] = residual[i] + (float)(side == 0 ? step : -step);
                expected += step * gradient[i];
            }
            a.o->cls->loss(a.o, 1, x, NULL, moved, 1, unused, &loss[side]);
        }
        double slope = (loss[0] - loss[1]) / 2;
        cr_expect(fabs(slope - expected) < 0.01 * fabs(expected) + 2e-6,
                  "frame %zu: slope %g, gradient %g", frame, slope, expected);
    }
    free(x);
    free(residual);
    free(moved);
    free(gradient);
    free(unused);
    close_all(&a);
}

// Score of the validation clip by its definition.
static double score_of(const opened *a, const v2s_refiner *m, const v2s_device *device) {
    v2s_foa_basis *b = NULL;
    v2s_pair pair = {0};
    v2s_band_clip c;
    v2s_band_loss work;
    v2s_refiner_work layers = {0};
    cr_assert_eq(v2s_foa_basis_open(V2S_TEST_PAIR_RATE_HZ, false, &b), V2S_OK);
    cr_assert_eq(v2s_pair_load(a->clips[TRAIN], 0, &pair), V2S_OK);
    cr_assert_eq(v2s_band_clip_make(b, a->clips[TRAIN], &pair, &c), V2S_OK);
    cr_assert_eq(v2s_band_loss_open(c.frames, &work), V2S_OK);
    cr_assert_eq(v2s_refiner_work_open(&layers, m, device, 1, c.frames), V2S_OK);
    size_t frames = (size_t)c.frames, outputs = (size_t)a->o->config.outputs;
    float *energy = malloc(frames * V2S_BASIS_BANDS * sizeof *energy);
    float *x = malloc(frames * V2S_BAND_INPUTS_OMNI * sizeof *x);
    float *raw = malloc(frames * outputs * sizeof *raw);
    float *gains = malloc(frames * outputs * sizeof *gains);
    for (size_t i = 0; i < frames * V2S_BASIS_BANDS; i++)
        energy[i] = v2s_band_clip_get(&c, i).g;
    v2s_band_clock clock = {0, c.hop_s, c.used};
    v2s_band_features(&clock, energy, c.frames, &c.path, NULL, x);
    v2s_refiner_forward(m, device, 1, c.frames, x, raw, &layers);
    v2s_band_gains(false, c.frames, a->o->config.outputs, raw, gains);
    v2s_loss_band_config config = v2s_band_loss_defaults(false);
    config.emphasis = 1;
    double score = v2s_band_loss_row(&work, &config, &c, 0, c.frames, gains, 1, NULL, NULL);
    free(energy);
    free(x);
    free(raw);
    free(gains);
    v2s_refiner_work_close(&layers);
    v2s_band_loss_close(&work);
    v2s_band_clip_free(&c);
    v2s_pair_free(&pair);
    v2s_foa_basis_close(&b);
    return score;
}

Test(objective_v2s, validation_is_the_loss_of_whole_clips) {
    opened a = open_all(-1);
    v2s_device *device = NULL;
    v2s_refiner *m = NULL;
    double score;
    cr_assert_eq(v2s_device_open("cpu", 1, &device), V2S_OK);
    cr_assert_eq(v2s_refiner_open(&a.o->config, &m), V2S_OK);
    v2s_refiner_init_weights(m, 2);
    size_t weights = v2s_tensor_count(&m->output.weight);
    for (size_t i = 0; i < weights; i++)
        m->output.weight.data[i] *= 20; // gains that move
    cr_assert_eq(a.o->cls->validate(a.o, m, device, &score), V2S_OK);
    double expected = score_of(&a, m, device);
    cr_expect_float_eq(score, expected, 1e-5 * expected, "%.9g, expected %.9g", score, expected);
    v2s_refiner_close(&m);
    v2s_device_close(&device);
    close_all(&a);
}

// The start from the constants, and all zeros, which is geometry.
Test(objective_v2s, the_constants_validate_better_than_geometry) {
    opened a = open_all(-1);
    v2s_device *device = NULL;
    v2s_refiner *m = NULL;
    double geometric, constant;
    cr_assert_eq(v2s_device_open("cpu", 2, &device), V2S_OK);
    cr_assert_eq(v2s_refiner_open(&a.o->config, &m), V2S_OK);
    cr_assert_eq(a.o->cls->validate(a.o, m, device, &geometric), V2S_OK);
    v2s_refiner_init_weights(m, 1);
    a.o->cls->start(a.o, m);
    cr_assert_eq(a.o->cls->validate(a.o, m, device, &constant), V2S_OK);
    cr_expect(constant < 0.8 * geometric, "%g, geometric %g", constant, geometric);
    v2s_refiner_close(&m);
    v2s_device_close(&device);
    close_all(&a);
}

Test(objective_v2s, a_spoilt_clip_is_left_out_and_the_others_keep_their_names) {
    opened a = open_all(0);
    cr_expect_eq(a.o->train_clips, TRAIN - 1);
    cr_expect_eq(a.o->skipped_clips, 1);
    cr_expect_str_eq(a.o->train[0]->id, "c1");
    close_all(&a);
}
