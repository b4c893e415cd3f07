// SPDX-License-Identifier: MIT
// The objective of preset v2s: its loss's gradient with respect to what the network gives, and its
// validation against the loss of the rows.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/manifest.h"
#include "kernels/band_gains.h"
#include "kernels/base/rng.h"
#include "tests/support/make_media.h"
#include "tests/support/make_pairs.h"
#include "train/objective_v2s.h"

enum { TRAIN = 2, VAL = 1, TRIES = 40, ROWS = 2 };

TestSuite(objective_v2s, .fini = v2s_test_folder_remove, .timeout = 60);

typedef struct opened {
    v2s_manifest manifest;
    const v2s_clip *clips[TRAIN + VAL];
    v2s_objective *o;
    v2s_device *device;
} opened;

static opened open_all(int spoilt) {
    opened a = {0};
    v2s_objective_v2s_config config = v2s_objective_v2s_defaults(V2S_PAIRING_OMNI);
    config.channels = 4, config.hidden = 4, config.kernel = 3, config.rows = ROWS;
    v2s_test_make_diffuse_pairs(TRAIN, VAL);
    if (spoilt >= 0)
        v2s_test_spoil_pair(spoilt, NAN);
    cr_assert_eq(v2s_manifest_read(v2s_test_path("m.jsonl"), (v2s_manifest_rules){.strict = true},
                                   &a.manifest),
                 V2S_OK);
    for (int i = 0; i < TRAIN + VAL; i++)
        a.clips[i] = &a.manifest.clips[i];
    cr_assert_eq(v2s_objective_v2s_open(&config, a.clips, TRAIN, a.clips + TRAIN, VAL, &a.o),
                 V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_device_open("cpu", 2, &a.device), V2S_OK);
    cr_assert_eq(a.o->cls->open_device(a.o, a.device, ROWS), V2S_OK);
    return a;
}

static void close_all(opened *a) {
    a->o->cls->close(a->o);
    v2s_device_close(&a->device);
    v2s_manifest_free(&a->manifest);
}

// A batch: numbers of a row of the residual, and what the loss makes of it.
typedef struct batch {
    size_t n;
    float *x, *residual, *gradient;
    unsigned char *extra;
    double values[ROWS];
} batch;

static batch prepare_batch(const opened *a) {
    batch b = {.n = (size_t)a->o->T * (size_t)a->o->config.outputs};
    size_t inputs = (size_t)a->o->T * (size_t)a->o->config.inputs;
    b.x = calloc(ROWS * inputs, sizeof *b.x);
    b.residual = calloc(ROWS * b.n, sizeof *b.residual);
    b.gradient = malloc(ROWS * b.n * sizeof *b.gradient);
    cr_assert_eq(a->o->row_bytes % 64, 0);
    b.extra = aligned_alloc(64, ROWS * a->o->row_bytes);
    for (int row = 0; row < ROWS; row++)
        cr_assert_eq(a->o->cls->prepare(a->o, row, &(v2s_row_item){(size_t)row, 7 + (uint64_t)row},
                                        b.x + (size_t)row * inputs,
                                        b.extra + (size_t)row * a->o->row_bytes),
                     V2S_OK);
    return b;
}

static void evaluate(const opened *a, batch *b, int rows) {
    a->o->cls->loss(a->o, rows, b->x, b->extra, b->residual, 1, b->gradient, b->values);
}

static void free_batch(batch *b) {
    free(b->x);
    free(b->residual);
    free(b->gradient);
    free(b->extra);
}

// Directions of random signs over the whole residual: the slope along each must be the gradient's.
// The loss is a double of floats, so central differences are good to about 1e-3.
Test(objective_v2s, the_gradient_is_that_of_the_loss) {
    opened a = open_all(-1);
    batch b = prepare_batch(&a);
    size_t n = b.n;
    float *residual = malloc(n * sizeof *residual), *gradient = malloc(n * sizeof *gradient);
    v2s_rng rng = v2s_rng_open(3, 0);
    for (size_t i = 0; i < n; i++)
        residual[i] = (float)(i % 6 < 3 ? -0.2 : 0.5) + 0.1f * (float)v2s_rng_normal(&rng);
    memcpy(b.residual, residual, n * sizeof *residual);
    evaluate(&a, &b, 1);
    memcpy(gradient, b.gradient, n * sizeof *gradient);
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
                b.residual[i] = residual[i] + (float)(side == 0 ? step : -step);
                expected += step * gradient[i];
            }
            evaluate(&a, &b, 1);
            loss[side] = b.values[0];
        }
        double slope = (loss[0] - loss[1]) / 2;
        cr_expect(fabs(slope - expected) < 0.01 * fabs(expected) + 2e-6,
                  "frame %zu: slope %g, gradient %g", frame, slope, expected);
    }
    free(residual);
    free(gradient);
    free_batch(&b);
    close_all(&a);
}

// Rows as long as the clips, so that it is known where they begin.
Test(objective_v2s, the_loss_of_a_batch_is_that_of_its_clips) {
    opened a = open_all(-1);
    batch b = prepare_batch(&a);
    v2s_foa_basis *basis = NULL;
    cr_assert_eq(v2s_foa_basis_open(V2S_TEST_PAIR_RATE_HZ, false, &basis), V2S_OK);
    evaluate(&a, &b, ROWS);
    for (int row = 0; row < ROWS; row++) {
        v2s_pair pair = {0};
        v2s_band_clip c;
        v2s_band_loss work;
        v2s_loss_band_config config = v2s_band_loss_defaults(false);
        cr_assert_eq(v2s_pair_load(a.clips[row], 0, &pair), V2S_OK);
        cr_assert_eq(v2s_band_clip_make(basis, a.clips[row], &pair, &c), V2S_OK);
        cr_assert_eq(c.frames, a.o->T);
        cr_assert_eq(v2s_band_loss_open(c.frames, &work), V2S_OK);
        double expected =
            v2s_band_loss_row(&work, &config, &c, 0, c.frames, b.residual, 1, NULL, NULL);
        cr_expect_eq(b.values[row], expected, "row %d: %.17g, not %.17g", row, b.values[row],
                     expected);
        v2s_band_loss_close(&work);
        v2s_band_clip_free(&c);
        v2s_pair_free(&pair);
    }
    v2s_foa_basis_close(&basis);
    free_batch(&b);
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
