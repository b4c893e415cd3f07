// SPDX-License-Identifier: MIT
#include "nn/refiner.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/rng.h"

// Steps after which PyTorch's initial weights, and trained ones that were seen, have forgotten
// their state to the last bit. A wrong guess costs time only.
enum { OVERLAP = 128 };

v2s_refiner_config v2s_refiner_seed(void) {
    return (v2s_refiner_config){.inputs = V2S_REFINER_CHANNELS,
                                .kernel = 15,
                                .channels = 64,
                                .hidden = 128,
                                .outputs = V2S_REFINER_CHANNELS};
}

static v2s_status check_size(const char *what, int value) {
    if (value < 1 || value > V2S_REFINER_SIZE_MAX)
        return V2S_FAIL(V2S_ARG, "refiner: %s: expected 1 .. %d, found %d", what,
                        V2S_REFINER_SIZE_MAX, value);
    return V2S_OK;
}

static v2s_status check_config(const v2s_refiner_config *c) {
    V2S_TRY(check_size("inputs", c->inputs));
    V2S_TRY(check_size("convolution kernel", c->kernel));
    V2S_TRY(check_size("convolution channels", c->channels));
    V2S_TRY(check_size("hidden size", c->hidden));
    V2S_TRY(check_size("outputs", c->outputs));
    if (c->kernel % 2 == 0)
        return V2S_FAIL(V2S_ARG, "refiner: convolution kernel: expected an odd number, found %d",
                        c->kernel);
    return V2S_OK;
}

// The one place that knows the layers; runs on a counting arena first.
static void init(v2s_refiner *m, v2s_arena *params) {
    const v2s_refiner_config *c = &m->config;
    v2s_conv1d_init(&m->conv, c->inputs, c->channels, c->kernel, params);
    v2s_bigru_init(&m->gru, c->channels, c->hidden, params);
    m->gru.overlap = OVERLAP;
    v2s_linear_init(&m->output, 2 * c->hidden, c->outputs, params);
}

v2s_status v2s_refiner_open(const v2s_refiner_config *config, v2s_refiner **out) {
    return v2s_refiner_open_on(config, NULL, out);
}

v2s_status v2s_refiner_open_on(const v2s_refiner_config *config, const v2s_device *dev,
                               v2s_refiner **out) {
    V2S_TRY(check_config(config));
    v2s_refiner *m = calloc(1, sizeof *m);
    if (m == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    m->config = *config;
    m->dev = dev;
    v2s_arena count = v2s_arena_count();
    init(m, &count);
    v2s_status status = dev != NULL ? v2s_device_arena_open(dev, count.used, &m->params)
                                    : v2s_arena_open(&m->params, count.used);
    if (status != V2S_OK) {
        free(m);
        return status;
    }
    init(m, &m->params);
    *out = m;
    return V2S_OK;
}

void v2s_refiner_close(v2s_refiner **m) {
    if (*m != NULL && (*m)->dev != NULL)
        v2s_device_arena_close((*m)->dev, &(*m)->params);
    else if (*m != NULL)
        v2s_arena_close(&(*m)->params);
    free(*m);
    *m = NULL;
}

v2s_status v2s_refiner_each_param(v2s_refiner *m, v2s_param_visit visit, void *ctx) {
    V2S_TRY(v2s_conv1d_each_param(&m->conv, "conv1d", visit, ctx));
    V2S_TRY(v2s_bigru_each_param(&m->gru, "gru", visit, ctx));
    return v2s_linear_each_param(&m->output, "output", visit, ctx);
}

static v2s_status count_param(void *ctx, const char *name, v2s_tensor *param) {
    (void)name;
    *(size_t *)ctx += v2s_tensor_count(param);
    return V2S_OK;
}

size_t v2s_refiner_parameters(v2s_refiner *m) {
    size_t count = 0;
    v2s_status status = v2s_refiner_each_param(m, count_param, &count);
    V2S_ASSERT(status == V2S_OK);
    return count;
}

real *v2s_refiner_flat(v2s_refiner *m, size_t *count) {
    *count = m->params.used / sizeof(real);
    return (real *)m->params.base;
}

void v2s_refiner_upload(v2s_refiner *to, const v2s_refiner *from) {
    to->dev->ops->memory->upload(to->dev, to->params.base, from->params.base, from->params.used);
}

void v2s_refiner_download(v2s_refiner *to, const v2s_refiner *from) {
    from->dev->ops->memory->download(from->dev, to->params.base, from->params.base,
                                     from->params.used);
}

v2s_status v2s_refiner_on(const v2s_refiner *m, const v2s_device *dev, v2s_refiner **own,
                          const v2s_refiner **out) {
    v2s_refiner *copy = NULL;
    if (m->dev == NULL && !dev->ops->memory->host_memory) {
        V2S_TRY(v2s_refiner_open_on(&m->config, dev, &copy));
        v2s_refiner_upload(copy, m);
    }
    *own = copy;
    *out = copy != NULL ? copy : m;
    return V2S_OK;
}

typedef struct drawing {
    const v2s_refiner_config *config;
    uint64_t seed, stream;
} drawing;

static v2s_status draw_param(void *ctx, const char *name, v2s_tensor *param) {
    drawing *d = ctx;
    const v2s_refiner_config *c = d->config;
    int fan = strncmp(name, "gru.", 4) == 0      ? c->hidden
              : strncmp(name, "conv1d.", 7) == 0 ? c->inputs * c->kernel
                                                 : 2 * c->hidden;
    double bound = 1.0 / sqrt((double)fan);
    v2s_rng rng = v2s_rng_open(d->seed, d->stream++);
    for (size_t i = 0; i < v2s_tensor_count(param); i++)
        param->data[i] = (real)v2s_rng_between(&rng, -bound, bound);
    return V2S_OK;
}

void v2s_refiner_init_weights(v2s_refiner *m, uint64_t seed) {
    drawing d = {.config = &m->config, .seed = seed};
    v2s_status status = v2s_refiner_each_param(m, draw_param, &d);
    V2S_ASSERT(status == V2S_OK);
}

static void work_init(v2s_refiner_work *work, const v2s_refiner *m, const v2s_device *dev,
                      bool training, v2s_arena *arena) {
    size_t rows = v2s_size_mul((size_t)work->B, (size_t)work->T);
    work->h0 = v2s_arena_take(arena, v2s_size_mul(rows, (size_t)m->config.channels), sizeof(real));
    work->h1 =
        v2s_arena_take(arena, v2s_size_mul(rows, (size_t)m->config.hidden), 2 * sizeof(real));
    if (!training)
        return;
    work->saved = v2s_arena_take(arena, v2s_bigru_saved_size(&m->gru, dev, work->B, work->T), 1);
    work->dr = v2s_arena_take(arena, v2s_size_mul(rows, (size_t)m->config.outputs), sizeof(real));
    work->dh1 =
        v2s_arena_take(arena, v2s_size_mul(rows, (size_t)m->config.hidden), 2 * sizeof(real));
    work->dh0 = v2s_arena_take(arena, v2s_size_mul(rows, (size_t)m->config.channels), sizeof(real));
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t scratch_size(const v2s_refiner *m, const v2s_device *dev, int B, int T,
                           bool training) {
    size_t size = larger(v2s_conv1d_module_scratch(&m->conv, dev, B, T),
                         larger(v2s_bigru_scratch(&m->gru, dev, B, T),
                                v2s_linear_module_scratch(&m->output, dev, B * T)));
    if (!training)
        return size;
    size = larger(size, v2s_conv1d_module_backward_scratch(&m->conv, dev, B, T));
    size = larger(size, v2s_bigru_backward_scratch(&m->gru, dev, B, T));
    return larger(size, v2s_linear_module_backward_scratch(&m->output, dev, B * T));
}

static v2s_status work_open(v2s_refiner_work *work, const v2s_refiner *m, const v2s_device *dev,
                            int B, int T, bool training) {
    v2s_refiner_work w = {.dev = dev, .B = B, .T = T};
    if ((int64_t)B * T > INT_MAX)
        return V2S_FAIL(V2S_ARG, "refiner: expected at most %d frames at a time, found %lld",
                        INT_MAX, (long long)B * T);
    v2s_arena count = v2s_arena_count();
    work_init(&w, m, dev, training, &count);
    V2S_TRY(v2s_device_arena_open(dev, count.used, &w.arena));
    v2s_status status =
        v2s_device_arena_open(dev, scratch_size(m, dev, B, T, training), &w.scratch);
    if (status != V2S_OK) {
        v2s_device_arena_close(dev, &w.arena);
        return status;
    }
    work_init(&w, m, dev, training, &w.arena);
    *work = w;
    return V2S_OK;
}

v2s_status v2s_refiner_work_open(v2s_refiner_work *work, const v2s_refiner *m,
                                 const v2s_device *dev, int B, int T) {
    return work_open(work, m, dev, B, T, false);
}

v2s_status v2s_refiner_work_open_training(v2s_refiner_work *work, const v2s_refiner *m,
                                          const v2s_device *dev, int B, int T) {
    return work_open(work, m, dev, B, T, true);
}

void v2s_refiner_work_close(v2s_refiner_work *work) {
    if (work->dev != NULL) {
        v2s_device_arena_close(work->dev, &work->arena);
        v2s_device_arena_close(work->dev, &work->scratch);
    }
    *work = (v2s_refiner_work){0};
}

// y = V2S_REFINER_GAIN * x
static void scale(const v2s_device *dev, size_t count, const real *x, real *y) {
    dev->ops->elementwise_forward(dev,
                                  &(v2s_elementwise_args){.kind = V2S_ELEMENTWISE_SCALE,
                                                          .count = count,
                                                          .factor = V2S_REFINER_GAIN,
                                                          .a = x,
                                                          .y = y},
                                  NULL);
}

void v2s_refiner_forward(const v2s_refiner *m, const v2s_device *dev, int B, int T, const real *x,
                         real *residual, v2s_refiner_work *work) {
    V2S_ASSERT(B <= work->B && T <= work->T);
    v2s_conv1d_module_forward(&m->conv, dev, B, T, x, work->h0, &work->scratch);
    if (work->saved != NULL)
        v2s_bigru_forward_training(&m->gru, dev, B, T, work->h0, work->h1, work->saved,
                                   &work->scratch);
    else
        v2s_bigru_forward(&m->gru, dev, B, T, work->h0, work->h1, &work->scratch);
    v2s_linear_module_forward(&m->output, dev, B * T, work->h1, residual, &work->scratch);
    scale(dev, (size_t)B * T * m->config.outputs, residual, residual);
}

void v2s_refiner_backward(const v2s_refiner *m, v2s_refiner *grads, const v2s_device *dev, int B,
                          int T, const real *x, const real *dresidual, real *dx,
                          v2s_refiner_work *work) {
    V2S_ASSERT(B <= work->B && T <= work->T && work->saved != NULL);
    const v2s_memory_ops *memory = dev->ops->memory;
    size_t rows = (size_t)B * T;
    scale(dev, rows * m->config.outputs, dresidual, work->dr);
    memory->zero(dev, work->dh1, rows * 2 * m->config.hidden * sizeof(real));
    memory->zero(dev, work->dh0, rows * m->config.channels * sizeof(real));
    v2s_linear_module_backward(&m->output, &grads->output, dev, B * T, work->h1, work->dr,
                               work->dh1, &work->scratch);
    v2s_bigru_backward(&m->gru, &grads->gru, dev, B, T, work->h0, work->h1, work->saved, work->dh1,
                       work->dh0, &work->scratch);
    v2s_conv1d_module_backward(&m->conv, &grads->conv, dev, B, T, x, work->dh0, dx, &work->scratch);
}
