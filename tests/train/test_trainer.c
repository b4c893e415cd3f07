// SPDX-License-Identifier: MIT
// Training steps over an objective whose loss is known in closed form: half the squared distance of
// the residual's mean to a clip's own target.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "kernels/device.h"
#include "train/trainer.h"

enum { CLIPS = 7, T = 6, ROWS = 16, SEEN_MAX = 256 };

typedef struct fake {
    v2s_objective base;
    v2s_row_item items[ROWS];     // of the last batch
    float residual[ROWS * 2 * T]; // of the last batch
    int bad_clip;                 // -1: none
    int bad_loss;                 // clip whose loss is not a number, -1: none
    size_t seen[SEEN_MAX];        // clips in the order of their losses
    uint64_t seeds[CLIPS];        // of the last row of each clip
    int seen_count;
} fake;

// The clip travels with the row.
static v2s_status prepare(v2s_objective *o, int row, const v2s_row_item *item, float *x,
                          void *extra) {
    (void)row;
    fake *f = (fake *)o;
    memcpy(extra, item, sizeof *item);
    for (int i = 0; i < T * o->config.inputs; i++)
        x[i] = 0.1f * (float)(i % 5) + 0.2f * (float)item->clip;
    if ((int)item->clip == f->bad_clip)
        return V2S_FAIL(V2S_NUMERIC, "clip %zu is bad", item->clip);
    return V2S_OK;
}

static double loss_of(fake *f, const v2s_row_item *item, const float *residual, double scale,
                      float *dresidual) {
    size_t clip = item->clip;
    int n = T * f->base.config.outputs;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double d = residual[i] - 0.01 * (double)clip;
        sum += d * d / 2;
        dresidual[i] = (float)(d * scale);
    }
    f->seen[f->seen_count++ % SEEN_MAX] = clip;
    f->seeds[clip] = item->seed;
    return (int)clip == f->bad_loss ? NAN : sum;
}

static void loss(v2s_objective *o, int rows, const float *x, const void *extra,
                 const float *residual, double scale, float *dresidual, double *values) {
    (void)x;
    fake *f = (fake *)o;
    int n = T * o->config.outputs;
    memcpy(f->items, extra, (size_t)rows * sizeof f->items[0]);
    memcpy(f->residual, residual, (size_t)rows * (size_t)n * sizeof *residual);
    for (int i = 0; i < rows; i++)
        values[i] = loss_of(f, &f->items[i], residual + i * n, scale, dresidual + i * n);
}

static const v2s_objective_class fake_class = {.preset = "fake", .prepare = prepare, .loss = loss};

static fake make_fake(void) {
    return (fake){
        .base = {.cls = &fake_class,
                 .config = {.inputs = 2, .kernel = 3, .channels = 3, .hidden = 2, .outputs = 2},
                 .T = T,
                 .rows = ROWS,
                 .row_bytes = sizeof(v2s_row_item),
                 .train_clips = CLIPS},
        .bad_clip = -1,
        .bad_loss = -1};
}

static v2s_device *one_thread(void) {
    v2s_device *dev = NULL;
    cr_assert(v2s_device_open("cpu", 1, &dev) == V2S_OK);
    return dev;
}

static const v2s_processes alone = {.count = 1};

static v2s_trainer *open_trainer(fake *f, const v2s_device *dev, const v2s_trainer_config *config) {
    v2s_trainer *t = NULL;
    cr_assert(v2s_trainer_open(config, &f->base, dev, &alone, NULL, &t) == V2S_OK);
    return t;
}

static v2s_trainer_config plain(int batch) {
    return (v2s_trainer_config){.seed = 5,
                                .batch = batch,
                                .optimizer = V2S_OPTIM_SGD,
                                .schedule = {.kind = V2S_SCHEDULE_CONSTANT, .rate = 0.1}};
}

static v2s_step_result step(v2s_trainer *t) {
    v2s_step_result r;
    cr_assert(v2s_trainer_step(t, &r) == V2S_OK, "%s", v2s_error_text());
    return r;
}

// Each epoch is a permutation, another one each time; what is left makes the last batch.
Test(trainer, an_epoch_takes_every_clip_once) {
    v2s_device *dev = one_thread();
    uint64_t seeds[CLIPS] = {0};
    for (int batch = 1; batch <= 9; batch++) {
        fake f = make_fake();
        v2s_trainer_config config = plain(batch);
        v2s_trainer *t = open_trainer(&f, dev, &config);
        int batches = batch >= CLIPS ? 1 : (CLIPS + batch - 1) / batch;
        cr_assert(v2s_trainer_batches(t) == batches);
        bool differs = false;
        for (int epoch = 0; epoch < 3; epoch++) {
            for (int k = 0; k < batches; k++)
                cr_assert(step(t).epoch_ended == (k == batches - 1));
            cr_assert(f.seen_count == CLIPS * (epoch + 1));
            bool found[CLIPS] = {false};
            for (int i = 0; i < CLIPS; i++) {
                found[f.seen[CLIPS * epoch + i]] = true;
                differs = differs || f.seen[CLIPS * epoch + i] != f.seen[i];
            }
            for (int i = 0; i < CLIPS; i++)
                cr_assert(found[i], "clip %d of epoch %d, batch %d", i, epoch, batch);
        }
        cr_expect(differs);
        cr_expect(t->state.epoch == 3 && t->state.batch == 0 && t->state.steps == 3 * batches);
        // A row's seed depends on run, epoch and clip alone.
        if (batch > 1)
            cr_expect(memcmp(seeds, f.seeds, sizeof seeds) == 0);
        memcpy(seeds, f.seeds, sizeof seeds);
        v2s_trainer_close(&t);
    }
    for (int i = 1; i < CLIPS; i++)
        cr_expect(seeds[i] != seeds[0]);
    v2s_device_close(&dev);
}

static double output_bias(const v2s_trainer *t, int i) {
    return t->weights->output.bias.data[i];
}

// The gradient of the output's bias by hand: 0.1 times the sum over steps, mean over rows.
Test(trainer, loss_and_gradient_are_means_over_the_rows) {
    v2s_device *dev = one_thread();
    fake f = make_fake();
    v2s_trainer_config config = plain(CLIPS);
    v2s_trainer *t = open_trainer(&f, dev, &config);
    double before = output_bias(t, 0);
    v2s_step_result r = step(t);
    double expected_loss = 0, gradient = 0;
    for (int row = 0; row < CLIPS; row++)
        for (int i = 0; i < 2 * T; i++) {
            double d = f.residual[row * 2 * T + i] - 0.01 * (double)f.items[row].clip;
            expected_loss += d * d / 2 / CLIPS;
            gradient += i % 2 == 0 ? 0.1 * d / CLIPS : 0;
        }
    cr_expect(fabs(r.loss - expected_loss) < 1e-9 + 1e-5 * expected_loss, "%g %g", r.loss,
              expected_loss);
    double moved = output_bias(t, 0) - before;
    cr_expect(fabs(moved + 0.1 * gradient) < 1e-6 * fabs(gradient) + 1e-8, "%g %g", moved,
              -0.1 * gradient);
    cr_expect(r.rate == 0.1 && r.gradient_norm > fabs(gradient));
    v2s_trainer_close(&t);
    v2s_device_close(&dev);
}

Test(trainer, a_long_gradient_is_made_shorter) {
    v2s_device *dev = one_thread();
    double moved[2], norm = 0;
    for (int k = 0; k < 2; k++) {
        fake f = make_fake();
        v2s_trainer_config config = plain(CLIPS);
        config.clip_norm = k == 0 ? 0 : norm / 4;
        v2s_trainer *t = open_trainer(&f, dev, &config);
        double before = output_bias(t, 1);
        norm = step(t).gradient_norm;
        moved[k] = output_bias(t, 1) - before;
        v2s_trainer_close(&t);
    }
    cr_expect(fabs(moved[0] / moved[1] - 4) < 1e-2, "%g %g", moved[0], moved[1]);
    v2s_device_close(&dev);
}

Test(trainer, the_average_follows_the_weights) {
    v2s_device *dev = one_thread();
    fake f = make_fake();
    v2s_trainer_config config = plain(CLIPS);
    config.ema_decay = 0.75;
    v2s_trainer *t = open_trainer(&f, dev, &config);
    double average = output_bias(t, 0);
    for (int i = 0; i < 5; i++) {
        step(t);
        average = 0.75 * average + 0.25 * output_bias(t, 0);
    }
    cr_expect(v2s_trainer_judged(t) == t->ema);
    cr_expect(fabs(t->ema->output.bias.data[0] - average) < 1e-7);
    v2s_trainer_close(&t);
    v2s_device_close(&dev);
}

static void expect_unchanged(fake *f, const v2s_device *dev, size_t clip) {
    v2s_trainer_config config = plain(1);
    v2s_trainer *t = open_trainer(f, dev, &config);
    size_t count;
    real *weights = v2s_refiner_flat(t->weights, &count);
    real *before = malloc(count * sizeof *before);
    int skipped = 0;
    for (int i = 0; i < CLIPS; i++) {
        memcpy(before, weights, count * sizeof *before);
        v2s_step_result r = step(t);
        cr_expect((memcmp(before, weights, count * sizeof *before) == 0) == r.skipped);
        skipped += r.skipped;
        if (r.skipped)
            cr_expect(r.bad_clip == clip && r.reason[0] != '\0');
    }
    cr_expect(skipped == 1 && t->state.skipped == 1 && t->state.steps == CLIPS - 1);
    cr_expect(t->state.epoch == 1);
    free(before);
    v2s_trainer_close(&t);
}

Test(trainer, a_bad_batch_is_no_step) {
    v2s_device *dev = one_thread();
    fake samples = make_fake(), losses = make_fake();
    samples.bad_clip = 4;
    losses.bad_loss = 2;
    expect_unchanged(&samples, dev, 4);
    expect_unchanged(&losses, dev, 2);
    v2s_device_close(&dev);
}
