// SPDX-License-Identifier: MIT
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"
#include "kernels/base/rng.h"

// Streams of the run's seed (kernels/base/rng.h): what is drawn from where.
enum { SEED_WEIGHTS = 1, SEED_ORDER = 2, SEED_ROWS = 3 };

static const double beta1 = 0.9, beta2 = 0.999, adam_eps = 1e-8;

// A row of the batch that is prepared.
typedef struct v2s_trainer_row {
    v2s_row_item item;
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
} v2s_trainer_row;

// A queued batch.
typedef struct v2s_trainer_batch {
    bool bad; // found so while it was prepared: the device does not know of it
    size_t bad_clip;
    char reason[V2S_ERROR_TEXT_MAX];
    double rate;
} v2s_trainer_batch;

// ---- life -------------------------------------------------------------------------------------

static v2s_status open_copies(v2s_trainer *t, v2s_refiner *init) {
    const v2s_refiner_config *config = &t->objective->config;
    v2s_trainer_copies *host = &t->host;
    V2S_TRY(v2s_refiner_open(config, &host->weights));
    V2S_TRY(v2s_refiner_open(config, &host->m));
    if (t->config.optimizer != V2S_OPTIM_SGD)
        V2S_TRY(v2s_refiner_open(config, &host->v));
    size_t count;
    real *weights = v2s_refiner_flat(host->weights, &count);
    if (init != NULL) {
        memcpy(weights, v2s_refiner_flat(init, &count), count * sizeof *weights);
    } else {
        v2s_refiner_init_weights(host->weights, v2s_rng_derive(t->config.seed, SEED_WEIGHTS));
        if (t->objective->cls->start != NULL)
            t->objective->cls->start(t->objective, host->weights);
    }
    if (t->config.ema_decay > 0) {
        V2S_TRY(v2s_refiner_open(config, &host->ema));
        memcpy(v2s_refiner_flat(host->ema, &count), weights, count * sizeof *weights);
    }
    return V2S_OK;
}

static v2s_status open_models(v2s_trainer *t) {
    const v2s_refiner_config *config = &t->objective->config;
    V2S_TRY(v2s_refiner_open_on(config, t->dev, &t->weights));
    V2S_TRY(v2s_refiner_open_on(config, t->dev, &t->grads));
    V2S_TRY(v2s_refiner_open_on(config, t->dev, &t->m));
    if (t->host.v != NULL)
        V2S_TRY(v2s_refiner_open_on(config, t->dev, &t->v));
    if (t->host.ema != NULL)
        V2S_TRY(v2s_refiner_open_on(config, t->dev, &t->ema));
    return v2s_trainer_upload(t);
}

static v2s_status open_step(v2s_trainer *t) {
    const v2s_trainer_config *c = &t->config;
    v2s_device_step_setup setup = {.objective = t->objective,
                                   .dev = t->dev,
                                   .processes = t->processes,
                                   .batch = c->batch,
                                   .weights = t->weights,
                                   .grads = t->grads,
                                   .m = t->m,
                                   .v = t->v,
                                   .ema = t->ema,
                                   .optim = {.kind = c->optimizer,
                                             .decay = c->decay,
                                             .beta1 = beta1,
                                             .beta2 = beta2,
                                             .eps = adam_eps,
                                             .momentum = c->momentum,
                                             .ema_decay = c->ema_decay,
                                             .clip_norm = c->clip_norm}};
    t->order = calloc(t->objective->train_clips, sizeof *t->order);
    t->rows = calloc((size_t)c->batch, sizeof *t->rows);
    t->places = calloc((size_t)t->dev->queue_depth, sizeof *t->places);
    t->ordered = -1;
    if (t->order == NULL || t->rows == NULL || t->places == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return v2s_device_step_open(&setup, &t->step);
}

// The text says how much was missing.
static v2s_status tell_size(const v2s_trainer *t) {
    char text[V2S_ERROR_TEXT_MAX];
    v2s_error_save(text);
    return V2S_FAIL(V2S_NOMEM,
                    "training on %d rows of %d steps at a time: %s; a smaller --batch or a shorter "
                    "--segment needs less",
                    t->config.batch, t->objective->T, text);
}

v2s_status v2s_trainer_open(const v2s_trainer_config *config, v2s_objective *objective,
                            const v2s_device *dev, const v2s_processes *processes,
                            v2s_refiner *init, v2s_trainer **out) {
    V2S_ASSERT(config->batch >= 1 && objective->train_clips >= 1);
    v2s_trainer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    t->config = *config;
    t->objective = objective;
    t->dev = dev;
    t->processes = processes;
    // A batch larger than the set takes all of it: no memory for rows that never come.
    if ((size_t)t->config.batch > objective->train_clips)
        t->config.batch = (int)objective->train_clips;
    v2s_status status = open_copies(t, init);
    if (status == V2S_OK)
        status = open_models(t);
    if (status == V2S_OK)
        status = open_step(t);
    if (status == V2S_NOMEM)
        status = tell_size(t);
    if (status != V2S_OK) {
        v2s_trainer_close(&t);
        return status;
    }
    *out = t;
    return V2S_OK;
}

void v2s_trainer_close(v2s_trainer **out) {
    v2s_trainer *t = *out;
    if (t == NULL)
        return;
    v2s_device_step_close(&t->step);
    v2s_refiner *const models[] = {t->weights,      t->grads,  t->m,      t->v,       t->ema,
                                   t->host.weights, t->host.m, t->host.v, t->host.ema};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        v2s_refiner *m = models[i];
        v2s_refiner_close(&m);
    }
    free(t->order);
    free(t->rows);
    free(t->places);
    free(t);
    *out = NULL;
}

v2s_refiner *v2s_trainer_judged(const v2s_trainer *t) {
    return t->ema != NULL ? t->ema : t->weights;
}

v2s_refiner *v2s_trainer_judged_copy(const v2s_trainer *t) {
    return t->host.ema != NULL ? t->host.ema : t->host.weights;
}

v2s_status v2s_trainer_download(const v2s_trainer *t) {
    v2s_refiner_download(t->host.weights, t->weights);
    v2s_refiner_download(t->host.m, t->m);
    if (t->v != NULL)
        v2s_refiner_download(t->host.v, t->v);
    if (t->ema != NULL)
        v2s_refiner_download(t->host.ema, t->ema);
    return t->dev->ops->memory->synchronize(t->dev);
}

v2s_status v2s_trainer_upload(v2s_trainer *t) {
    t->ahead = t->state;
    v2s_refiner_upload(t->weights, t->host.weights);
    v2s_refiner_upload(t->m, t->host.m);
    if (t->v != NULL)
        v2s_refiner_upload(t->v, t->host.v);
    if (t->ema != NULL)
        v2s_refiner_upload(t->ema, t->host.ema);
    return t->dev->ops->memory->synchronize(t->dev);
}

// ---- which rows -------------------------------------------------------------------------------

// Rows of a full batch, over all processes.
static size_t whole_batch(const v2s_trainer *t) {
    return (size_t)t->config.batch * (size_t)t->processes->count;
}

int64_t v2s_trainer_batches(const v2s_trainer *t) {
    size_t batch = whole_batch(t);
    return (int64_t)((t->objective->train_clips + batch - 1) / batch);
}

static void order_epoch(v2s_trainer *t, int64_t epoch) {
    if (t->ordered == epoch)
        return;
    size_t count = t->objective->train_clips;
    for (size_t i = 0; i < count; i++)
        t->order[i] = i;
    v2s_rng rng = v2s_rng_open(v2s_rng_derive(t->config.seed, SEED_ORDER), (uint64_t)epoch);
    v2s_rng_shuffle(&rng, t->order, count);
    t->ordered = epoch;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

// Fills this process's rows of the batch that `at` stands before.
static v2s_device_batch choose_rows(v2s_trainer *t, const v2s_train_state *at) {
    order_epoch(t, at->epoch);
    size_t count = t->objective->train_clips, batch = (size_t)t->config.batch;
    size_t first = (size_t)at->batch * whole_batch(t);
    size_t all = smaller(whole_batch(t), count - first);
    size_t begin = smaller((size_t)t->processes->rank * batch, all);
    size_t rows = smaller(batch, all - begin);
    uint64_t epoch_seed =
        v2s_rng_derive(v2s_rng_derive(t->config.seed, SEED_ROWS), (uint64_t)at->epoch);
    for (size_t i = 0; i < rows; i++) {
        size_t clip = t->order[first + begin + i];
        t->rows[i].item = (v2s_row_item){clip, v2s_rng_derive(epoch_seed, clip)};
        t->rows[i].status = V2S_OK;
    }
    return (v2s_device_batch){
        .rows = (int)rows,
        .all = all,
        .full = all == whole_batch(t),
        .now = {v2s_schedule_rate(&t->config.schedule, at->steps), (double)(at->steps + 1)}};
}

// Behind a batch; true: it was the epoch's last.
static bool pass_batch(const v2s_trainer *t, v2s_train_state *at) {
    if (++at->batch < v2s_trainer_batches(t))
        return false;
    at->batch = 0;
    at->epoch++;
    return true;
}

// ---- bad batches ------------------------------------------------------------------------------

// What the processes tell one another about a batch: the clip + 1, 0: none; the largest counts.
// `bad` is this process's bad row, or -1. *clip is set where some process has one.
static bool share_bad_row(const v2s_trainer *t, int bad, size_t *clip,
                          char reason[V2S_ERROR_TEXT_MAX]) {
    double flag = bad < 0 ? 0 : (double)t->rows[bad].item.clip + 1;
    v2s_processes_max_f64(t->processes, &flag, 1);
    if (flag == 0)
        return false;
    *clip = (size_t)flag - 1;
    if (bad < 0 || t->rows[bad].item.clip != *clip) // another process's
        snprintf(reason, V2S_ERROR_TEXT_MAX, "samples or loss are not finite");
    return true;
}

// Whether samples of any process are not finite.
static bool samples_are_bad(const v2s_trainer *t, int rows, v2s_trainer_batch *batch) {
    int bad = -1;
    for (int i = rows - 1; i >= 0; i--)
        if (t->rows[i].status == V2S_NUMERIC)
            bad = i;
    if (bad >= 0)
        snprintf(batch->reason, sizeof batch->reason, "%s", t->rows[bad].error);
    return share_bad_row(t, bad, &batch->bad_clip, batch->reason);
}

// What was not finite in a batch that changed nothing.
static void explain(v2s_trainer *t, const double *losses, v2s_step_result *result) {
    v2s_device_batch batch = choose_rows(t, &t->state);
    int bad = -1;
    for (int i = batch.rows - 1; i >= 0; i--)
        if (!isfinite(losses[i]))
            bad = i;
    snprintf(result->reason, sizeof result->reason, "the loss is not finite");
    if (share_bad_row(t, bad, &result->bad_clip, result->reason))
        return;
    result->bad_clip = t->order[(size_t)t->state.batch * whole_batch(t)];
    snprintf(result->reason, sizeof result->reason,
             "the gradient of a batch that begins with this clip is not finite");
}

// ---- one batch --------------------------------------------------------------------------------

typedef struct staging {
    v2s_trainer *t;
    float *x;
    unsigned char *extra;
} staging;

static void prepare_row(void *ctx, int i, int parts) {
    (void)parts;
    const staging *s = ctx;
    v2s_objective *o = s->t->objective;
    v2s_trainer_row *row = &s->t->rows[i];
    float *x = s->x + (size_t)i * (size_t)o->T * (size_t)o->config.inputs;
    row->status = o->cls->prepare(o, i, &row->item, x, s->extra + (size_t)i * o->row_bytes);
    if (row->status != V2S_OK)
        v2s_error_save(row->error);
}

static v2s_status prepare_rows(v2s_trainer *t, int rows) {
    staging s = {.t = t};
    v2s_device_step_stage(t->step, &s.x, &s.extra);
    v2s_parallel(t->dev->threads, rows, prepare_row, &s);
    v2s_status status = v2s_cancel_check();
    for (int i = 0; i < rows && status == V2S_OK; i++)
        if (t->rows[i].status != V2S_OK && t->rows[i].status != V2S_NUMERIC) {
            v2s_error_restore(t->rows[i].error);
            status = t->rows[i].status;
        }
    return v2s_processes_agree(t->processes, status);
}

v2s_status v2s_trainer_queue(v2s_trainer *t) {
    V2S_ASSERT(t->queued < t->dev->queue_depth);
    int place = (t->first + t->queued) % t->dev->queue_depth;
    v2s_trainer_batch *queued = &t->places[place];
    v2s_device_batch batch = choose_rows(t, &t->ahead);
    V2S_TRY(prepare_rows(t, batch.rows));
    queued->rate = batch.now.rate;
    queued->bad = samples_are_bad(t, batch.rows, queued);
    if (!queued->bad) {
        V2S_TRY(v2s_processes_agree(t->processes, v2s_device_step_queue(t->step, &batch, place)));
        t->ahead.steps++;
    }
    pass_batch(t, &t->ahead);
    t->queued++;
    return V2S_OK;
}

static void advance(v2s_trainer *t, v2s_step_result *result) {
    v2s_train_state *s = &t->state;
    if (result->skipped) {
        s->skipped++;
        s->skipped_in_row++;
    } else {
        s->steps++;
        s->skipped_in_row = 0;
        s->loss_sum += result->loss;
        s->loss_count++;
    }
    if (!pass_batch(t, s))
        return;
    result->epoch_ended = true;
    result->epoch_loss = s->loss_count > 0 ? s->loss_sum / s->loss_count : NAN;
    s->loss_sum = s->loss_count = 0;
}

// The result of a batch that the device has; *halted: it and those behind it changed nothing.
static v2s_status take_result(v2s_trainer *t, v2s_step_result *result, bool *halted) {
    const v2s_optim_result *found;
    const double *losses;
    V2S_TRY(v2s_device_step_result(t->step, t->first, t->queued == 1, &found, &losses));
    *halted = found->done == 0;
    if (*halted) {
        explain(t, losses, result);
    } else {
        result->loss = found->loss;
        result->gradient_norm = found->norm;
        result->rate = t->places[t->first].rate;
    }
    return V2S_OK;
}

v2s_status v2s_trainer_collect(v2s_trainer *t, v2s_step_result *result) {
    V2S_ASSERT(t->queued > 0);
    *result = (v2s_step_result){.loss = NAN, .gradient_norm = NAN, .rate = NAN, .epoch_loss = NAN};
    const v2s_trainer_batch *batch = &t->places[t->first];
    bool halted = false;
    if (batch->bad) {
        result->bad_clip = batch->bad_clip;
        snprintf(result->reason, sizeof result->reason, "%s", batch->reason);
    } else {
        V2S_TRY(take_result(t, result, &halted));
    }
    result->skipped = batch->bad || halted;
    advance(t, result);
    t->first = (t->first + 1) % t->dev->queue_depth;
    t->queued--;
    if (!halted)
        return V2S_OK;
    t->queued = 0;
    t->ahead = t->state;
    return v2s_device_step_go_on(t->step);
}

v2s_status v2s_trainer_step(v2s_trainer *t, v2s_step_result *result) {
    V2S_ASSERT(t->queued == 0);
    V2S_TRY(v2s_trainer_queue(t));
    return v2s_trainer_collect(t, result);
}
