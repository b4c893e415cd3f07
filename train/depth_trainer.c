// SPDX-License-Identifier: MIT
#include "train/depth_trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/cancel.h"
#include "kernels/base/rng.h"

// Streams of the run's seed (kernels/base/rng.h): what is drawn from where.
enum { SEED_WEIGHTS = 1, SEED_ORDER = 2, SEED_ROWS = 3 };
enum { TERMS = 3 };

static const double term_weights[TERMS] = {1, 0.2, 0.1};

static size_t pixels_of(const v2s_depth_trainer *t) {
    return (size_t)t->net.size * (size_t)t->net.size;
}

static size_t rows_of_step(const v2s_depth_trainer *t) {
    return (size_t)t->config.batch * (size_t)t->config.accumulate;
}

// ---- life -------------------------------------------------------------------------------------

static v2s_loss_depth_args loss_args(const v2s_depth_trainer *t, int rows) {
    return (v2s_loss_depth_args){.N = rows,
                                 .H = t->net.size,
                                 .W = t->net.size,
                                 .p = t->depth,
                                 .g = t->truth,
                                 .dp = t->ddepth,
                                 .terms = t->terms};
}

static void take_memory(v2s_depth_trainer *t, v2s_arena *arena) {
    size_t maps = v2s_size_mul((size_t)t->config.batch, pixels_of(t));
    t->x = v2s_arena_take(arena, maps, 2 * sizeof(float));
    t->truth = v2s_arena_take(arena, maps, sizeof(float));
    t->depth = v2s_arena_take(arena, maps, sizeof(float));
    t->ddepth = v2s_arena_take(arena, maps, sizeof(float));
    t->terms = v2s_arena_take(arena, TERMS, sizeof(double));
}

static v2s_status open_memory(v2s_depth_trainer *t) {
    const v2s_memory_ops *memory = t->dev->ops->memory;
    size_t rows = rows_of_step(t), map = pixels_of(t) * sizeof(float);
    v2s_arena count = v2s_arena_count();
    take_memory(t, &count);
    V2S_TRY(v2s_device_arena_open(t->dev, count.used, &t->memory));
    take_memory(t, &t->memory);
    v2s_loss_depth_args args = loss_args(t, t->config.batch);
    V2S_TRY(
        v2s_device_arena_open(t->dev, t->dev->ops->loss_depth_scratch(t->dev, &args), &t->scratch));
    for (int i = 0; i < V2S_DEPTH_SLOTS; i++) {
        v2s_depth_slot *slot = &t->slots[i];
        slot->epoch = -1;
        slot->rows = calloc(rows, sizeof *slot->rows);
        if (slot->rows == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        V2S_TRY(memory->host_take(t->dev, v2s_size_mul(rows, 2 * map), (void **)&slot->x));
        V2S_TRY(memory->host_take(t->dev, v2s_size_mul(rows, map), (void **)&slot->truth));
    }
    size_t found = v2s_size_mul((size_t)t->config.accumulate, TERMS * sizeof(double));
    V2S_TRY(memory->host_take(t->dev, found, (void **)&t->found));
    return memory->host_take(t->dev, v2s_size_mul((size_t)t->config.batch, map),
                             (void **)&t->judged);
}

// A few validation samples, in even steps.
static v2s_status open_views(v2s_depth_trainer *t) {
    size_t val = t->data->val_count, pixels = pixels_of(t);
    t->view_count = val < V2S_DEPTH_VIEWS ? (int)val : V2S_DEPTH_VIEWS;
    for (int i = 0; i < t->view_count; i++) {
        v2s_depth_view *view = &t->views[i];
        view->x = calloc(4 * pixels, sizeof *view->x);
        if (view->x == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        view->truth = view->x + 2 * pixels;
        view->depth = view->x + 3 * pixels;
    }
    return V2S_OK;
}

// Room for the last piece of so many samples.
static v2s_status fit_last(v2s_depth_trainer *t, size_t count) {
    int last = (int)(count % (size_t)t->config.batch);
    return last > 0 ? v2s_depth_work_fit(t->work, t->w.weights, last) : V2S_OK;
}

static v2s_status open_parts(v2s_depth_trainer *t, v2s_depth_net *init) {
    t->order = calloc(t->data->train_count, sizeof *t->order);
    if (t->order == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    t->config.weights.start_depth_m = (double)t->data->constant_depth;
    V2S_TRY(v2s_depth_weights_open(&t->config.weights, &t->net, t->dev, init, &t->w));
    V2S_TRY(v2s_depth_work_open(t->w.weights, t->dev, t->config.batch, true, &t->work));
    V2S_TRY(fit_last(t, t->data->train_count));
    V2S_TRY(fit_last(t, t->data->val_count));
    V2S_TRY(open_memory(t));
    return open_views(t);
}

// The text says how much was missing.
static v2s_status tell_size(const v2s_depth_trainer *t) {
    char text[V2S_ERROR_TEXT_MAX];
    v2s_error_save(text);
    return V2S_FAIL(V2S_NOMEM,
                    "training on %d samples of %d x %d with %d base channels at a time: %s; a "
                    "smaller --batch (with --accumulate for the same step), --size or "
                    "--base-channels needs less",
                    t->config.batch, t->net.size, t->net.size, t->net.base_channels, text);
}

v2s_status v2s_depth_trainer_open(const v2s_depth_trainer_config *config,
                                  const v2s_depth_config *net, const v2s_depth_data *data,
                                  const v2s_device *dev, v2s_depth_net *init,
                                  v2s_depth_trainer **out) {
    V2S_ASSERT(config->batch >= 1 && config->accumulate >= 1 && data->train_count >= 1);
    v2s_depth_trainer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    t->config = *config;
    t->config.weights.seed = v2s_rng_derive(config->seed, SEED_WEIGHTS);
    t->net = *net;
    t->data = data;
    t->dev = dev;
    t->ordered = -1;
    // What is larger than the set takes all of it: no memory for rows that never come.
    if ((size_t)t->config.batch > data->train_count)
        t->config.batch = (int)data->train_count;
    size_t pieces = (data->train_count + (size_t)t->config.batch - 1) / (size_t)t->config.batch;
    if ((size_t)t->config.accumulate > pieces)
        t->config.accumulate = (int)pieces;
    v2s_depth_loader_open(data, &t->loader);
    v2s_status status = open_parts(t, init);
    if (status == V2S_NOMEM)
        status = tell_size(t);
    if (status != V2S_OK) {
        v2s_depth_trainer_close(&t);
        return status;
    }
    *out = t;
    return V2S_OK;
}

void v2s_depth_trainer_close(v2s_depth_trainer **out) {
    v2s_depth_trainer *t = *out;
    if (t == NULL)
        return;
    const v2s_memory_ops *memory = t->dev->ops->memory;
    v2s_depth_loader_close(&t->loader);
    for (int i = 0; i < V2S_DEPTH_SLOTS; i++) {
        free(t->slots[i].rows);
        memory->host_give(t->dev, t->slots[i].x);
        memory->host_give(t->dev, t->slots[i].truth);
    }
    memory->host_give(t->dev, t->found);
    memory->host_give(t->dev, t->judged);
    for (int i = 0; i < V2S_DEPTH_VIEWS; i++)
        free(t->views[i].x);
    v2s_depth_work_close(&t->work);
    v2s_depth_weights_close(&t->w);
    v2s_device_arena_close(t->dev, &t->memory);
    v2s_device_arena_close(t->dev, &t->scratch);
    free(t->order);
    free(t);
    *out = NULL;
}

// ---- which rows -------------------------------------------------------------------------------

int64_t v2s_depth_trainer_batches(const v2s_depth_trainer *t) {
    size_t rows = rows_of_step(t);
    return (int64_t)((t->data->train_count + rows - 1) / rows);
}

static void order_epoch(v2s_depth_trainer *t, int64_t epoch) {
    if (t->ordered == epoch)
        return;
    for (size_t i = 0; i < t->data->train_count; i++)
        t->order[i] = i;
    v2s_rng rng = v2s_rng_open(v2s_rng_derive(t->config.seed, SEED_ORDER), (uint64_t)epoch);
    v2s_rng_shuffle(&rng, t->order, t->data->train_count);
    t->ordered = epoch;
}

int v2s_depth_trainer_rows(v2s_depth_trainer *t, int64_t epoch, int64_t batch,
                           v2s_depth_row *rows) {
    order_epoch(t, epoch);
    size_t first = (size_t)batch * rows_of_step(t), left = t->data->train_count - first;
    size_t count = left < rows_of_step(t) ? left : rows_of_step(t);
    uint64_t seed = v2s_rng_derive(v2s_rng_derive(t->config.seed, SEED_ROWS), (uint64_t)epoch);
    for (size_t i = 0; i < count; i++) {
        size_t item = t->order[first + i];
        v2s_rng rng = v2s_rng_open(seed, item);
        rows[i] = (v2s_depth_row){item, t->config.swap && v2s_rng_uniform(&rng) < 0.5};
    }
    return (int)count;
}

// Has the rows of a step read into a slot.
static void ask_for(v2s_depth_trainer *t, v2s_depth_slot *slot, int64_t epoch, int64_t batch) {
    slot->epoch = epoch;
    slot->batch = batch;
    slot->count = v2s_depth_trainer_rows(t, epoch, batch, slot->rows);
    v2s_depth_loader_start(&t->loader, t->data->train, slot->rows, slot->count, slot->x,
                           slot->truth);
}

// The slot with the rows of the step that comes; those of the one after it are under way.
static v2s_status take_slot(v2s_depth_trainer *t, v2s_depth_slot **out) {
    v2s_depth_slot *slot = &t->slots[t->next];
    const v2s_train_state *s = &t->state;
    v2s_status status = v2s_depth_loader_wait(&t->loader);
    if (slot->epoch != s->epoch || slot->batch != s->batch) { // the first step of a start
        ask_for(t, slot, s->epoch, s->batch);
        status = v2s_depth_loader_wait(&t->loader);
    }
    if (status != V2S_OK) {
        slot->epoch = -1;
        return status;
    }
    t->next = (t->next + 1) % V2S_DEPTH_SLOTS;
    bool last = s->batch + 1 == v2s_depth_trainer_batches(t);
    ask_for(t, &t->slots[t->next], last ? s->epoch + 1 : s->epoch, last ? 0 : s->batch + 1);
    *out = slot;
    return V2S_OK;
}

// ---- a step -----------------------------------------------------------------------------------

void v2s_depth_trainer_term_weights(bool adaptive, int64_t epoch, double weights[3]) {
    memcpy(weights, term_weights, sizeof term_weights);
    if (adaptive && epoch < V2S_DEPTH_EPOCHS_L1)
        weights[1] = 0;
    if (adaptive && epoch < V2S_DEPTH_EPOCHS_EDGE)
        weights[2] = 0;
}

// One piece: forward, loss, backward, queued; the terms go to t->found[piece].
static void do_piece(v2s_depth_trainer *t, const v2s_depth_slot *slot, int piece,
                     const v2s_loss_depth_args *loss) {
    const v2s_memory_ops *memory = t->dev->ops->memory;
    size_t first = (size_t)piece * (size_t)t->config.batch, map = pixels_of(t);
    size_t bytes = (size_t)loss->N * map * sizeof(float);
    memory->upload(t->dev, t->x, slot->x + 2 * map * first, 2 * bytes);
    memory->upload(t->dev, t->truth, slot->truth + map * first, bytes);
    v2s_depth_net_forward_training(t->w.weights, t->dev, loss->N, t->x, t->depth, t->work);
    t->dev->ops->loss_depth(t->dev, loss, &t->scratch);
    v2s_depth_net_backward(t->w.weights, t->w.grads, t->dev, loss->N, t->x, t->ddepth, t->work);
    memory->download(t->dev, t->found + TERMS * piece, t->terms, TERMS * sizeof(double));
}

static int pieces_of(const v2s_depth_trainer *t, const v2s_depth_slot *slot) {
    return (slot->count + t->config.batch - 1) / t->config.batch;
}

// Forward and backward of all pieces; *result gets the terms and the loss.
static v2s_status do_pieces(v2s_depth_trainer *t, const v2s_depth_slot *slot,
                            v2s_depth_result *result) {
    double weights[TERMS], terms[TERMS] = {0};
    v2s_loss_depth_counts counts = {0};
    int size = t->net.size;
    v2s_loss_depth_count(slot->count, size, size, slot->truth, &counts);
    v2s_depth_trainer_term_weights(t->config.adaptive, t->state.epoch, weights);
    v2s_depth_weights_begin(&t->w);
    for (int piece = 0; piece < pieces_of(t, slot); piece++) {
        int left = slot->count - piece * t->config.batch;
        v2s_loss_depth_args loss = loss_args(t, left < t->config.batch ? left : t->config.batch);
        loss.counts = counts;
        loss.weight_l1 = weights[0];
        loss.weight_edge = weights[1];
        loss.weight_smooth = weights[2];
        do_piece(t, slot, piece, &loss);
    }
    V2S_TRY(t->dev->ops->memory->synchronize(t->dev));
    for (int i = 0; i < TERMS * pieces_of(t, slot); i++)
        terms[i % TERMS] += t->found[i];
    result->l1 = terms[0];
    result->edge = terms[1];
    result->smooth = terms[2];
    result->loss = weights[0] * terms[0];
    for (int i = 1; i < TERMS; i++)
        result->loss += weights[i] > 0 ? weights[i] * terms[i] : 0;
    return V2S_OK;
}

// What was not finite in a step that changed nothing.
static void explain(const v2s_depth_trainer *t, const v2s_depth_slot *slot,
                    v2s_depth_result *result) {
    const char *what = isfinite(result->loss) ? "gradient" : "loss";
    int piece = 0;
    for (int i = TERMS * pieces_of(t, slot) - 1; i >= 0; i--)
        if (!isfinite(t->found[i]))
            piece = i / TERMS;
    size_t item = slot->rows[piece * t->config.batch].item;
    snprintf(result->reason, sizeof result->reason,
             "the %s of a batch that begins with sample %s is not finite", what,
             t->data->train[item].sample->id);
}

static void advance(v2s_depth_trainer *t, v2s_depth_result *result) {
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
    if (++s->batch < v2s_depth_trainer_batches(t))
        return;
    s->batch = 0;
    s->epoch++;
    result->epoch_ended = true;
    result->epoch_loss = s->loss_count > 0 ? s->loss_sum / s->loss_count : NAN;
    s->loss_sum = s->loss_count = 0;
}

v2s_status v2s_depth_trainer_step(v2s_depth_trainer *t, v2s_depth_result *result) {
    v2s_depth_slot *slot = NULL;
    bool done = false;
    *result = (v2s_depth_result){.epoch_loss = NAN};
    V2S_TRY(v2s_cancel_check());
    V2S_TRY(take_slot(t, &slot));
    V2S_TRY(do_pieces(t, slot, result));
    result->rate = v2s_schedule_rate(&t->config.schedule, t->state.steps);
    V2S_TRY(v2s_depth_weights_update(&t->w, result->rate, t->state.steps + 1, result->loss,
                                     &result->gradient_norm, &done));
    result->skipped = !done;
    if (result->skipped)
        explain(t, slot, result);
    advance(t, result);
    return V2S_OK;
}

// ---- validation -------------------------------------------------------------------------------

// Sample of view i.
static size_t viewed(const v2s_depth_trainer *t, int i) {
    return (size_t)i * t->data->val_count / (size_t)t->view_count;
}

static void keep_views(v2s_depth_trainer *t, size_t first, int rows, const v2s_depth_slot *slot) {
    size_t pixels = pixels_of(t), bytes = pixels * sizeof(float);
    for (int i = 0; i < t->view_count; i++) {
        size_t at = viewed(t, i) - first;
        if (viewed(t, i) < first || at >= (size_t)rows)
            continue;
        v2s_depth_view *view = &t->views[i];
        view->id = t->data->val[first + at].sample->id;
        memcpy(view->x, slot->x + 2 * pixels * at, 2 * bytes);
        memcpy(view->truth, slot->truth + pixels * at, bytes);
        memcpy(view->depth, t->judged + pixels * at, bytes);
    }
}

static v2s_status judge_rows(v2s_depth_trainer *t, v2s_depth_net *net, size_t first, int rows,
                             v2s_depth_slot *slot, double *sum, int64_t *count) {
    const v2s_memory_ops *memory = t->dev->ops->memory;
    size_t pixels = pixels_of(t), all = pixels * (size_t)rows;
    for (int i = 0; i < rows; i++)
        slot->rows[i] = (v2s_depth_row){first + (size_t)i, false};
    v2s_depth_loader_start(&t->loader, t->data->val, slot->rows, rows, slot->x, slot->truth);
    V2S_TRY(v2s_depth_loader_wait(&t->loader));
    memory->upload(t->dev, t->x, slot->x, 2 * all * sizeof(float));
    v2s_depth_net_forward(net, t->dev, rows, t->x, t->depth, t->work);
    memory->download(t->dev, t->judged, t->depth, all * sizeof(float));
    V2S_TRY(memory->synchronize(t->dev));
    for (size_t i = 0; i < all; i++)
        if (slot->truth[i] > 0) {
            *sum += fabs((double)t->judged[i] - (double)slot->truth[i]);
            (*count)++;
        }
    keep_views(t, first, rows, slot);
    return V2S_OK;
}

v2s_status v2s_depth_trainer_validate(v2s_depth_trainer *t, double *l1) {
    V2S_TRY(v2s_depth_loader_wait(&t->loader)); // rows of the next step, which lie in slot `next`
    v2s_depth_slot *slot = &t->slots[(t->next + 1) % V2S_DEPTH_SLOTS];
    v2s_depth_net *net = v2s_depth_weights_judged(&t->w);
    slot->epoch = -1;
    double sum = 0;
    int64_t count = 0;
    size_t batch = (size_t)t->config.batch, val = t->data->val_count;
    for (size_t first = 0; first < val; first += batch) {
        V2S_TRY(v2s_cancel_check());
        size_t rows = val - first < batch ? val - first : batch;
        V2S_TRY(judge_rows(t, net, first, (int)rows, slot, &sum, &count));
    }
    *l1 = sum / (double)count;
    return V2S_OK;
}
