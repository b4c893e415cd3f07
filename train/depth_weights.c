// SPDX-License-Identifier: MIT
#include "train/depth_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double beta1 = 0.9, beta2 = 0.999, adam_eps = 1e-8;

// What goes to the device for an update, and what comes back.
typedef struct v2s_depth_update {
    v2s_optim_now now;
    double loss;
    v2s_optim_result result;
} v2s_depth_update;

// ---- life -------------------------------------------------------------------------------------

static v2s_status open_nets(v2s_depth_weights *w, const v2s_depth_config *net) {
    v2s_depth_copies *host = &w->host;
    bool has_v = w->config.optimizer != V2S_OPTIM_SGD, has_ema = w->config.ema_decay > 0;
    V2S_TRY(v2s_depth_net_open(net, w->dev, &w->weights));
    V2S_TRY(v2s_depth_net_open(net, w->dev, &w->grads));
    V2S_TRY(v2s_depth_net_open(net, w->dev, &w->m));
    if (has_v)
        V2S_TRY(v2s_depth_net_open(net, w->dev, &w->v));
    if (has_ema)
        V2S_TRY(v2s_depth_net_open(net, w->dev, &w->ema));
    if (w->dev->ops->memory->host_memory) {
        *host = (v2s_depth_copies){w->weights, w->m, w->v, w->ema};
        return V2S_OK;
    }
    V2S_TRY(v2s_depth_net_open(net, NULL, &host->weights));
    V2S_TRY(v2s_depth_net_open(net, NULL, &host->m));
    if (has_v)
        V2S_TRY(v2s_depth_net_open(net, NULL, &host->v));
    if (has_ema)
        V2S_TRY(v2s_depth_net_open(net, NULL, &host->ema));
    return V2S_OK;
}

static void copy_net(v2s_depth_net *to, v2s_depth_net *from) {
    size_t count;
    real *into = v2s_depth_net_flat(to, &count);
    memcpy(into, v2s_depth_net_flat(from, &count), count * sizeof *into);
    into = v2s_depth_net_flat_buffers(to, &count);
    memcpy(into, v2s_depth_net_flat_buffers(from, &count), count * sizeof *into);
}

static v2s_status start_weights(v2s_depth_weights *w, v2s_depth_net *init) {
    v2s_depth_copies *host = &w->host;
    if (init != NULL)
        copy_net(host->weights, init);
    else
        v2s_depth_net_init_weights(host->weights, w->config.seed);
    if (init == NULL && w->config.start_depth_m > 0)
        v2s_depth_net_settle(host->weights, w->config.start_depth_m);
    if (host->ema != NULL)
        copy_net(host->ema, host->weights);
    return v2s_depth_weights_upload(w);
}

static bool is_look(const char *name) {
    const char *at = strncmp(name, "attention.", 10) == 0 ? strchr(name + 10, '.') : NULL;
    return at != NULL && (strncmp(at, ".q.", 3) == 0 || strncmp(at, ".k.", 3) == 0);
}

static v2s_status add_frozen(void *ctx, const char *name, v2s_tensor *param) {
    v2s_depth_weights *w = ctx;
    if (!is_look(name))
        return V2S_OK;
    v2s_depth_span *grown = realloc(w->frozen, (size_t)(w->frozen_count + 1) * sizeof *w->frozen);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    w->frozen = grown;
    size_t count;
    const real *flat = v2s_depth_net_flat(w->weights, &count);
    w->frozen[w->frozen_count++] =
        (v2s_depth_span){(size_t)(param->data - flat), v2s_tensor_count(param)};
    return V2S_OK;
}

static void take_memory(v2s_depth_weights *w, v2s_arena *arena) {
    size_t frozen = 0, buffers;
    for (int i = 0; i < w->frozen_count; i++)
        frozen += w->frozen[i].count;
    v2s_depth_net_flat_buffers(w->weights, &buffers);
    w->kept_frozen = v2s_arena_take(arena, frozen, sizeof(real));
    w->kept_buffers = v2s_arena_take(arena, buffers, sizeof(real));
    w->in_device = v2s_arena_take(arena, 1, sizeof *w->in_device);
    w->halt = v2s_arena_take(arena, 1, sizeof *w->halt);
}

static v2s_optim_update_args update_args(const v2s_depth_weights *w) {
    const v2s_depth_weights_config *c = &w->config;
    v2s_optim_update_args a = {.kind = c->optimizer,
                               .decay = c->decay,
                               .beta1 = beta1,
                               .beta2 = beta2,
                               .eps = adam_eps,
                               .momentum = c->momentum,
                               .ema_decay = c->ema_decay,
                               .clip_norm = c->clip_norm,
                               .rows = 1,
                               .losses = &w->in_device->loss,
                               .now = &w->in_device->now,
                               .result = &w->in_device->result,
                               .halt = w->halt};
    a.p = v2s_depth_net_flat(w->weights, &a.count);
    a.grad = v2s_depth_net_flat(w->grads, &a.count);
    a.m = v2s_depth_net_flat(w->m, &a.count);
    a.v = w->v != NULL ? v2s_depth_net_flat(w->v, &a.count) : NULL;
    a.ema = w->ema != NULL ? v2s_depth_net_flat(w->ema, &a.count) : NULL;
    return a;
}

static v2s_status open_memory(v2s_depth_weights *w) {
    if (w->config.freeze_looks)
        V2S_TRY(v2s_depth_net_each(w->weights, V2S_DEPTH_PARAMETERS, add_frozen, w));
    v2s_arena count = v2s_arena_count();
    take_memory(w, &count);
    V2S_TRY(v2s_device_arena_open(w->dev, count.used, &w->memory));
    take_memory(w, &w->memory);
    v2s_optim_update_args args = update_args(w);
    V2S_TRY(v2s_device_arena_open(w->dev, w->dev->ops->optim_update_scratch(w->dev, &args),
                                  &w->scratch));
    return w->dev->ops->memory->host_take(w->dev, sizeof *w->staged, (void **)&w->staged);
}

v2s_status v2s_depth_weights_open(const v2s_depth_weights_config *config,
                                  const v2s_depth_config *net, const v2s_device *dev,
                                  v2s_depth_net *init, v2s_depth_weights *out) {
    v2s_depth_weights w = {.config = *config, .dev = dev};
    v2s_status status = open_nets(&w, net);
    if (status == V2S_OK)
        status = open_memory(&w);
    if (status == V2S_OK)
        status = start_weights(&w, init);
    if (status != V2S_OK) {
        v2s_depth_weights_close(&w);
        return status;
    }
    *out = w;
    return V2S_OK;
}

void v2s_depth_weights_close(v2s_depth_weights *w) {
    if (w->dev == NULL)
        return;
    bool own_copies = w->host.weights != w->weights;
    v2s_depth_net *const nets[] = {w->weights, w->grads, w->m, w->v, w->ema};
    v2s_depth_net *const copies[] = {w->host.weights, w->host.m, w->host.v, w->host.ema};
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        v2s_depth_net *net = nets[i];
        v2s_depth_net_close(&net);
    }
    for (size_t i = 0; own_copies && i < sizeof copies / sizeof copies[0]; i++) {
        v2s_depth_net *net = copies[i];
        v2s_depth_net_close(&net);
    }
    w->dev->ops->memory->host_give(w->dev, w->staged);
    v2s_device_arena_close(w->dev, &w->memory);
    v2s_device_arena_close(w->dev, &w->scratch);
    free(w->frozen);
    *w = (v2s_depth_weights){0};
}

// ---- a step -----------------------------------------------------------------------------------

void v2s_depth_weights_begin(v2s_depth_weights *w) {
    const v2s_memory_ops *memory = w->dev->ops->memory;
    size_t count;
    real *grads = v2s_depth_net_flat(w->grads, &count);
    memory->zero(w->dev, grads, count * sizeof *grads);
    const real *buffers = v2s_depth_net_flat_buffers(w->weights, &count);
    memory->copy(w->dev, w->kept_buffers, buffers, count * sizeof *buffers);
}

// Values of the frozen spans: from `flat` to where they are kept, or back.
static void move_frozen(const v2s_depth_weights *w, real *flat, bool back) {
    const v2s_memory_ops *memory = w->dev->ops->memory;
    real *kept = w->kept_frozen;
    for (int i = 0; i < w->frozen_count; i++) {
        const v2s_depth_span *s = &w->frozen[i];
        memory->copy(w->dev, back ? flat + s->at : kept, back ? kept : flat + s->at,
                     s->count * sizeof *flat);
        kept += s->count;
    }
}

static void stop_frozen(const v2s_depth_weights *w) {
    size_t count;
    real *grads = v2s_depth_net_flat(w->grads, &count);
    for (int i = 0; i < w->frozen_count; i++)
        w->dev->ops->memory->zero(w->dev, grads + w->frozen[i].at,
                                  w->frozen[i].count * sizeof *grads);
}

// After a step that was none.
static v2s_status take_back(const v2s_depth_weights *w) {
    const v2s_memory_ops *memory = w->dev->ops->memory;
    size_t count;
    real *buffers = v2s_depth_net_flat_buffers(w->weights, &count);
    memory->copy(w->dev, buffers, w->kept_buffers, count * sizeof *buffers);
    memory->zero(w->dev, w->halt, sizeof *w->halt);
    return memory->synchronize(w->dev);
}

v2s_status v2s_depth_weights_update(v2s_depth_weights *w, double rate, int64_t step, double loss,
                                    double *norm, bool *done) {
    const v2s_device *dev = w->dev;
    const v2s_memory_ops *memory = dev->ops->memory;
    v2s_optim_update_args args = update_args(w);
    *w->staged = (v2s_depth_update){.now = {rate, (double)step}, .loss = loss};
    memory->upload(dev, w->in_device, w->staged, sizeof *w->staged);
    stop_frozen(w);
    move_frozen(w, args.p, false);
    dev->ops->optim_update(dev, &args, &w->scratch);
    move_frozen(w, args.p, true);
    if (args.ema != NULL)
        move_frozen(w, args.ema, true);
    memory->download(dev, w->staged, w->in_device, sizeof *w->staged);
    V2S_TRY(memory->synchronize(dev));
    *norm = w->staged->result.norm;
    *done = w->staged->result.done != 0;
    return *done ? V2S_OK : take_back(w);
}

// ---- copies -----------------------------------------------------------------------------------

v2s_depth_net *v2s_depth_weights_judged(v2s_depth_weights *w) {
    if (w->ema == NULL)
        return w->weights;
    size_t count;
    real *buffers = v2s_depth_net_flat_buffers(w->ema, &count);
    w->dev->ops->memory->copy(w->dev, buffers, v2s_depth_net_flat_buffers(w->weights, &count),
                              count * sizeof *buffers);
    return w->ema;
}

v2s_depth_net *v2s_depth_weights_judged_copy(const v2s_depth_weights *w) {
    return w->host.ema != NULL ? w->host.ema : w->host.weights;
}

v2s_status v2s_depth_weights_download(v2s_depth_weights *w) {
    (void)v2s_depth_weights_judged(w); // running statistics of the average
    if (w->host.weights != w->weights) {
        v2s_depth_net_download(w->host.weights, w->weights);
        v2s_depth_net_download(w->host.m, w->m);
        if (w->v != NULL)
            v2s_depth_net_download(w->host.v, w->v);
        if (w->ema != NULL)
            v2s_depth_net_download(w->host.ema, w->ema);
    }
    return w->dev->ops->memory->synchronize(w->dev);
}

v2s_status v2s_depth_weights_upload(v2s_depth_weights *w) {
    if (w->host.weights != w->weights) {
        v2s_depth_net_upload(w->weights, w->host.weights);
        v2s_depth_net_upload(w->m, w->host.m);
        if (w->v != NULL)
            v2s_depth_net_upload(w->v, w->host.v);
        if (w->ema != NULL)
            v2s_depth_net_upload(w->ema, w->host.ema);
    }
    return w->dev->ops->memory->synchronize(w->dev);
}
