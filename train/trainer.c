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

static const double clip_eps = 1e-6; // as torch.nn.utils.clip_grad_norm_
static const double beta1 = 0.9, beta2 = 0.999, adam_eps = 1e-8;

// A row of the batch in progress.
typedef struct v2s_trainer_row {
    v2s_row_item item;
    v2s_status status;
    double loss;
    char error[V2S_ERROR_TEXT_MAX];
} v2s_trainer_row;

// ---- life -------------------------------------------------------------------------------------

static v2s_status open_models(v2s_trainer *t, v2s_refiner *init) {
    const v2s_refiner_config *config = &t->objective->config;
    V2S_TRY(v2s_refiner_open(config, &t->weights));
    V2S_TRY(v2s_refiner_open(config, &t->grads));
    V2S_TRY(v2s_refiner_open(config, &t->m));
    if (t->config.optimizer != V2S_OPTIM_SGD)
        V2S_TRY(v2s_refiner_open(config, &t->v));
    size_t count;
    real *weights = v2s_refiner_flat(t->weights, &count);
    if (init != NULL) {
        memcpy(weights, v2s_refiner_flat(init, &count), count * sizeof *weights);
    } else {
        v2s_refiner_init_weights(t->weights, v2s_rng_derive(t->config.seed, SEED_WEIGHTS));
        if (t->objective->cls->start != NULL)
            t->objective->cls->start(t->objective, t->weights);
    }
    if (t->config.ema_decay > 0) {
        V2S_TRY(v2s_refiner_open(config, &t->ema));
        memcpy(v2s_refiner_flat(t->ema, &count), weights, count * sizeof *weights);
    }
    return V2S_OK;
}

static v2s_status open_scratch(v2s_trainer *t) {
    const v2s_objective *o = t->objective;
    int batch = t->config.batch;
    V2S_TRY(v2s_refiner_work_open_training(&t->work, t->weights, t->dev, batch, o->T));
    size_t steps = v2s_size_mul((size_t)batch, (size_t)o->T);
    size_t outputs = v2s_size_mul(steps, (size_t)o->config.outputs);
    t->x = calloc(v2s_size_mul(steps, (size_t)o->config.inputs), sizeof *t->x);
    t->residual = calloc(outputs, sizeof *t->residual);
    t->dresidual = calloc(outputs, sizeof *t->dresidual);
    t->order = calloc(o->train_clips, sizeof *t->order);
    t->rows = calloc((size_t)batch, sizeof *t->rows);
    t->ordered = -1;
    if (t->x == NULL || t->residual == NULL || t->dresidual == NULL || t->order == NULL ||
        t->rows == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for a batch of %d rows of %d steps", batch, o->T);
    return V2S_OK;
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
    v2s_status status = open_models(t, init);
    if (status == V2S_OK)
        status = open_scratch(t);
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
    v2s_refiner_close(&t->weights);
    v2s_refiner_close(&t->grads);
    v2s_refiner_close(&t->m);
    v2s_refiner_close(&t->v);
    v2s_refiner_close(&t->ema);
    v2s_refiner_work_close(&t->work);
    free(t->x);
    free(t->residual);
    free(t->dresidual);
    free(t->order);
    free(t->rows);
    free(t);
    *out = NULL;
}

v2s_refiner *v2s_trainer_judged(const v2s_trainer *t) {
    return t->ema != NULL ? t->ema : t->weights;
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

static void order_epoch(v2s_trainer *t) {
    if (t->ordered == t->state.epoch)
        return;
    size_t count = t->objective->train_clips;
    for (size_t i = 0; i < count; i++)
        t->order[i] = i;
    v2s_rng rng =
        v2s_rng_open(v2s_rng_derive(t->config.seed, SEED_ORDER), (uint64_t)t->state.epoch);
    v2s_rng_shuffle(&rng, t->order, count);
    t->ordered = t->state.epoch;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

// Fills this process's rows; returns their number, *all is that of the whole batch.
static int choose_rows(v2s_trainer *t, size_t *all) {
    order_epoch(t);
    size_t count = t->objective->train_clips, batch = (size_t)t->config.batch;
    size_t first = (size_t)t->state.batch * whole_batch(t);
    *all = smaller(whole_batch(t), count - first);
    size_t begin = smaller((size_t)t->processes->rank * batch, *all);
    size_t rows = smaller(batch, *all - begin);
    uint64_t epoch_seed =
        v2s_rng_derive(v2s_rng_derive(t->config.seed, SEED_ROWS), (uint64_t)t->state.epoch);
    for (size_t i = 0; i < rows; i++) {
        size_t clip = t->order[first + begin + i];
        t->rows[i].item = (v2s_row_item){clip, v2s_rng_derive(epoch_seed, clip)};
    }
    return (int)rows;
}

// ---- one batch --------------------------------------------------------------------------------

static void prepare_row(void *ctx, int i, int parts) {
    (void)parts;
    v2s_trainer *t = ctx;
    v2s_objective *o = t->objective;
    v2s_trainer_row *row = &t->rows[i];
    float *x = t->x + (size_t)i * (size_t)o->T * (size_t)o->config.inputs;
    row->status = o->cls->prepare(o, i, &row->item, x);
    if (row->status != V2S_OK)
        v2s_error_save(row->error);
}

typedef struct judging {
    v2s_trainer *t;
    float scale; // 1 / rows of the whole batch
} judging;

static void judge_row(void *ctx, int i, int parts) {
    (void)parts;
    const judging *j = ctx;
    v2s_objective *o = j->t->objective;
    size_t at = (size_t)i * (size_t)o->T * (size_t)o->config.outputs;
    j->t->rows[i].loss = o->cls->loss(o, i, j->t->residual + at, j->scale, j->t->dresidual + at);
}

// What the processes tell one another about a batch; the largest counts.
enum { BAD_CLIP, FLAGS }; // clip + 1, 0: none

// This process's bad row, or -1.
static int find_bad_row(const v2s_trainer *t, int rows, char reason[V2S_ERROR_TEXT_MAX]) {
    for (int i = 0; i < rows; i++)
        if (t->rows[i].status == V2S_NUMERIC) {
            snprintf(reason, V2S_ERROR_TEXT_MAX, "%s", t->rows[i].error);
            return i;
        }
    for (int i = 0; i < rows; i++)
        if (!isfinite(t->rows[i].loss)) {
            snprintf(reason, V2S_ERROR_TEXT_MAX, "the loss is not finite");
            return i;
        }
    return -1;
}

// Whether a row of any process is bad; fills the result then.
static bool batch_is_bad(v2s_trainer *t, int rows, v2s_step_result *result) {
    int bad = find_bad_row(t, rows, result->reason);
    double flags[FLAGS] = {bad < 0 ? 0 : (double)t->rows[bad].item.clip + 1};
    v2s_processes_max_f64(t->processes, flags, FLAGS);
    if (flags[BAD_CLIP] == 0)
        return false;
    result->bad_clip = (size_t)flags[BAD_CLIP] - 1;
    if (bad < 0 || t->rows[bad].item.clip != result->bad_clip) // another process's
        snprintf(result->reason, sizeof result->reason, "samples or loss are not finite");
    return true;
}

static v2s_status prepare_rows(v2s_trainer *t, int rows) {
    for (int i = 0; i < rows; i++)
        t->rows[i].loss = 0;
    v2s_parallel(t->dev->threads, rows, prepare_row, t);
    v2s_status status = v2s_cancel_check();
    for (int i = 0; i < rows && status == V2S_OK; i++)
        if (t->rows[i].status != V2S_OK && t->rows[i].status != V2S_NUMERIC) {
            v2s_error_restore(t->rows[i].error);
            status = t->rows[i].status;
        }
    return v2s_processes_agree(t->processes, status);
}

// Loss and gradient of the whole batch. False: a row is bad.
static bool differentiate(v2s_trainer *t, int rows, size_t all, v2s_step_result *result) {
    const v2s_objective *o = t->objective;
    size_t count;
    real *grads = v2s_refiner_flat(t->grads, &count);
    memset(grads, 0, count * sizeof *grads);
    if (batch_is_bad(t, rows, result))
        return false;
    if (rows > 0) {
        judging j = {t, (float)(1.0 / (double)all)};
        v2s_refiner_forward(t->weights, t->dev, rows, o->T, t->x, t->residual, &t->work);
        v2s_parallel(t->dev->threads, rows, judge_row, &j);
    }
    if (batch_is_bad(t, rows, result))
        return false;
    if (rows > 0)
        v2s_refiner_backward(t->weights, t->grads, t->dev, rows, o->T, t->x, t->dresidual, NULL,
                             &t->work);
    v2s_processes_sum_f32(t->processes, grads, count);
    double loss = 0;
    for (int i = 0; i < rows; i++)
        loss += t->rows[i].loss;
    v2s_processes_sum_f64(t->processes, &loss, 1);
    result->loss = loss / (double)all;
    result->gradient_norm = v2s_grad_norm(t->dev, grads, count);
    if (isfinite(result->gradient_norm))
        return true;
    result->bad_clip = t->order[(size_t)t->state.batch * whole_batch(t)];
    snprintf(result->reason, sizeof result->reason,
             "the gradient of a batch that begins with this clip is not finite");
    return false;
}

static void update_weights(v2s_trainer *t, v2s_step_result *result) {
    const v2s_trainer_config *c = &t->config;
    double scale = 1;
    if (c->clip_norm > 0)
        scale = fmin(1, c->clip_norm / (result->gradient_norm + clip_eps));
    result->rate = v2s_schedule_rate(&c->schedule, t->state.steps);
    size_t count;
    real *weights = v2s_refiner_flat(t->weights, &count);
    v2s_optim_args args = {
        .kind = c->optimizer,
        .count = count,
        .p = weights,
        .grad = v2s_refiner_flat(t->grads, &count),
        .m = v2s_refiner_flat(t->m, &count),
        .v = t->v != NULL ? v2s_refiner_flat(t->v, &count) : NULL,
        .step = t->state.steps + 1,
        .scale = scale,
        .rate = result->rate,
        .decay = c->decay,
        .beta1 = beta1,
        .beta2 = beta2,
        .eps = adam_eps,
        .momentum = c->momentum,
    };
    v2s_optim_step(t->dev, &args);
    if (t->ema != NULL)
        v2s_ema_update(t->dev, &(v2s_ema_args){.count = count,
                                               .average = v2s_refiner_flat(t->ema, &count),
                                               .p = weights,
                                               .decay = c->ema_decay});
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
    if (++s->batch < v2s_trainer_batches(t))
        return;
    result->epoch_ended = true;
    result->epoch_loss = s->loss_count > 0 ? s->loss_sum / s->loss_count : NAN;
    s->loss_sum = s->loss_count = 0;
    s->batch = 0;
    s->epoch++;
}

v2s_status v2s_trainer_step(v2s_trainer *t, v2s_step_result *result) {
    *result = (v2s_step_result){.loss = NAN, .gradient_norm = NAN, .rate = NAN, .epoch_loss = NAN};
    size_t all;
    int rows = choose_rows(t, &all);
    V2S_TRY(prepare_rows(t, rows));
    result->skipped = !differentiate(t, rows, all, result);
    if (!result->skipped)
        update_weights(t, result);
    advance(t, result);
    return V2S_OK;
}
