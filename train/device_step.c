// SPDX-License-Identifier: MIT
#include "train/device_step.h"

#include <stdlib.h>

enum { SLOTS = 2, SIZES = 2, ALIGN = 256 };

// Where things lie in a staging slot, and in the device's copy of it.
typedef struct layout {
    size_t now, x, extra, bytes;
} layout;

// What the host reads of a step; losses [batch] lie behind it.
typedef struct outcome {
    v2s_optim_result result;
    double losses[];
} outcome;

// Batches of one size: their work is the same.
typedef struct sized_work {
    v2s_device_step *step;
    int rows;
    size_t all;
    bool seen;
    v2s_recording *recording;
} sized_work;

struct v2s_device_step {
    v2s_device_step_setup setup;
    layout at;
    unsigned char *slots[SLOTS]; // of the host
    int next;                    // slot to be filled
    size_t outcome_bytes;
    unsigned char *ring; // of the host, [queue_depth] outcomes
    // of the device
    v2s_refiner_work layers;
    v2s_arena memory, scratch;
    unsigned char *input; // a slot's copy
    float *residual, *dresidual;
    outcome *outcome;
    double *losses; // sum of the rows' losses
    int64_t *halt;
    sized_work sizes[SIZES]; // full batches, and the last ones of epochs
};

// ---- life -------------------------------------------------------------------------------------

static size_t aligned(size_t bytes) {
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t steps_of(const v2s_device_step_setup *s, int rows) {
    return v2s_size_mul((size_t)rows, (size_t)s->objective->T);
}

static void lay_out(v2s_device_step *step) {
    const v2s_device_step_setup *s = &step->setup;
    size_t x = v2s_size_mul(steps_of(s, s->batch), (size_t)s->objective->config.inputs);
    step->at.x = aligned(sizeof(v2s_optim_now));
    step->at.extra = step->at.x + aligned(v2s_size_mul(x, sizeof(float)));
    step->at.bytes =
        step->at.extra + aligned(v2s_size_mul((size_t)s->batch, s->objective->row_bytes));
    step->outcome_bytes = aligned(sizeof(outcome) + (size_t)s->batch * sizeof(double));
}

static void take_memory(v2s_device_step *step, v2s_arena *arena) {
    const v2s_device_step_setup *s = &step->setup;
    size_t outputs = v2s_size_mul(steps_of(s, s->batch), (size_t)s->objective->config.outputs);
    step->input = v2s_arena_take(arena, step->at.bytes, 1);
    step->outcome = v2s_arena_take(arena, step->outcome_bytes, 1);
    step->residual = v2s_arena_take(arena, outputs, sizeof(float));
    step->dresidual = v2s_arena_take(arena, outputs, sizeof(float));
    step->losses = v2s_arena_take(arena, 1, sizeof(double));
    step->halt = v2s_arena_take(arena, 1, sizeof(int64_t));
}

static void fill_optim(v2s_device_step *step) {
    v2s_device_step_setup *s = &step->setup;
    v2s_optim_update_args *a = &s->optim;
    size_t count;
    a->p = v2s_refiner_flat(s->weights, &count);
    a->grad = v2s_refiner_flat(s->grads, &count);
    a->m = v2s_refiner_flat(s->m, &count);
    a->v = s->v != NULL ? v2s_refiner_flat(s->v, &count) : NULL;
    a->ema = s->ema != NULL ? v2s_refiner_flat(s->ema, &count) : NULL;
    a->count = count;
    a->losses = step->losses;
    a->now = (const v2s_optim_now *)(step->input + step->at.now);
    a->result = &step->outcome->result;
    a->halt = step->halt;
}

static v2s_status open_memory(v2s_device_step *step) {
    const v2s_device_step_setup *s = &step->setup;
    const v2s_memory_ops *memory = s->dev->ops->memory;
    v2s_arena count = v2s_arena_count();
    take_memory(step, &count);
    V2S_TRY(v2s_device_arena_open(s->dev, count.used, &step->memory));
    take_memory(step, &step->memory);
    fill_optim(step);
    V2S_TRY(v2s_device_arena_open(s->dev, s->dev->ops->optim_update_scratch(s->dev, &s->optim),
                                  &step->scratch));
    for (int i = 0; i < SLOTS; i++)
        V2S_TRY(memory->host_take(s->dev, step->at.bytes, (void **)&step->slots[i]));
    size_t ring = v2s_size_mul(step->outcome_bytes, (size_t)s->dev->queue_depth);
    return memory->host_take(s->dev, ring, (void **)&step->ring);
}

v2s_status v2s_device_step_open(const v2s_device_step_setup *setup, v2s_device_step **out) {
    V2S_ASSERT(setup->dev->queue_depth + SLOTS <= V2S_MARKS);
    v2s_objective *o = setup->objective;
    v2s_device_step *step = calloc(1, sizeof *step);
    if (step == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    step->setup = *setup;
    for (int i = 0; i < SIZES; i++)
        step->sizes[i].step = step;
    lay_out(step);
    v2s_status status = v2s_refiner_work_open_training(&step->layers, setup->weights, setup->dev,
                                                       setup->batch, o->T);
    if (status == V2S_OK)
        status = open_memory(step);
    if (status == V2S_OK && o->cls->open_device != NULL)
        status = o->cls->open_device(o, setup->dev, setup->batch);
    if (status != V2S_OK) {
        v2s_device_step_close(&step);
        return status;
    }
    *out = step;
    return V2S_OK;
}

void v2s_device_step_close(v2s_device_step **out) {
    v2s_device_step *step = *out;
    if (step == NULL)
        return;
    const v2s_device *dev = step->setup.dev;
    const v2s_memory_ops *memory = dev->ops->memory;
    for (int i = 0; i < SIZES; i++)
        memory->forget(dev, &step->sizes[i].recording);
    for (int i = 0; i < SLOTS; i++)
        memory->host_give(dev, step->slots[i]);
    memory->host_give(dev, step->ring);
    v2s_refiner_work_close(&step->layers);
    v2s_device_arena_close(dev, &step->memory);
    v2s_device_arena_close(dev, &step->scratch);
    free(step);
    *out = NULL;
}

// ---- a step -----------------------------------------------------------------------------------

void v2s_device_step_stage(v2s_device_step *step, float **x, unsigned char **extra) {
    const v2s_device *dev = step->setup.dev;
    dev->ops->memory->wait(dev, step->next);
    *x = (float *)(step->slots[step->next] + step->at.x);
    *extra = step->slots[step->next] + step->at.extra;
}

// Everything between the upload and the download.
static void work(void *ctx) {
    const sized_work *w = ctx;
    v2s_device_step *step = w->step;
    const v2s_device_step_setup *s = &step->setup;
    const v2s_device *dev = s->dev;
    v2s_objective *o = s->objective;
    const float *x = (const float *)(step->input + step->at.x);
    double *losses = step->outcome->losses;
    size_t count;
    real *grads = v2s_refiner_flat(s->grads, &count);
    dev->ops->memory->zero(dev, grads, count * sizeof *grads);
    if (w->rows > 0) {
        float scale = (float)(1.0 / (double)w->all);
        v2s_refiner_forward(s->weights, dev, w->rows, o->T, x, step->residual, &step->layers);
        o->cls->loss(o, w->rows, x, step->input + step->at.extra, step->residual, (double)scale,
                     step->dresidual, losses);
        v2s_refiner_backward(s->weights, s->grads, dev, w->rows, o->T, x, step->dresidual, NULL,
                             &step->layers);
    }
    dev->ops->total(dev, (size_t)w->rows, losses, step->losses);
    v2s_processes_sum_on(s->processes, dev, grads, count, step->losses, 1);
    v2s_optim_update_args update = s->optim;
    update.rows = (double)w->all;
    dev->ops->optim_update(dev, &update, &step->scratch);
}

// What is not queued by a device until it is first used (tables, handles) is in place once a size
// was there before.
static v2s_status queue_work(v2s_device_step *step, const v2s_device_batch *batch) {
    const v2s_device *dev = step->setup.dev;
    sized_work *w = &step->sizes[batch->full ? 0 : 1];
    w->rows = batch->rows;
    w->all = batch->all;
    if (!w->seen) {
        w->seen = true;
        work(w);
        return V2S_OK;
    }
    if (w->recording == NULL)
        V2S_TRY(dev->ops->memory->record(dev, work, w, &w->recording));
    dev->ops->memory->replay(dev, w->recording);
    return V2S_OK;
}

static outcome *outcome_at(const v2s_device_step *step, int place) {
    return (outcome *)(step->ring + (size_t)place * step->outcome_bytes);
}

v2s_status v2s_device_step_queue(v2s_device_step *step, const v2s_device_batch *batch, int place) {
    const v2s_device *dev = step->setup.dev;
    const v2s_memory_ops *memory = dev->ops->memory;
    unsigned char *slot = step->slots[step->next];
    *(v2s_optim_now *)(slot + step->at.now) = batch->now;
    outcome_at(step, place)->result.done = -1; // until the device has been here
    memory->upload(dev, step->input, slot, step->at.bytes);
    memory->mark(dev, step->next);
    step->next = (step->next + 1) % SLOTS;
    V2S_TRY(queue_work(step, batch));
    memory->download(dev, outcome_at(step, place), step->outcome, step->outcome_bytes);
    memory->mark(dev, SLOTS + place);
    return V2S_OK;
}

v2s_status v2s_device_step_result(v2s_device_step *step, int place, bool all,
                                  const v2s_optim_result **result, const double **losses) {
    const v2s_device *dev = step->setup.dev;
    const outcome *o = outcome_at(step, place);
    dev->ops->memory->wait(dev, SLOTS + place);
    if (all || o->result.done < 0)
        V2S_TRY(dev->ops->memory->synchronize(dev));
    if (o->result.done < 0)
        return V2S_FAIL(V2S_CUDA, "%s: a step came without a result", dev->name);
    *result = &o->result;
    *losses = o->losses;
    return V2S_OK;
}

v2s_status v2s_device_step_go_on(v2s_device_step *step) {
    const v2s_device *dev = step->setup.dev;
    dev->ops->memory->zero(dev, step->halt, sizeof *step->halt);
    return dev->ops->memory->synchronize(dev);
}
