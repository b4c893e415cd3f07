// SPDX-License-Identifier: MIT
#include "nn/depth_net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/rng.h"
#include "nn/depth_net_internal.h"

v2s_depth_config v2s_depth_default(void) {
    return (v2s_depth_config){.base_channels = 64,
                              .attention = {false, true, true, true, true},
                              .scale = V2S_ATTENTION_SCALE_KEY,
                              .size = 256,
                              .max_depth_m = 30.0};
}

static v2s_status check_multiple(const char *what, int value, int step, int most) {
    if (value < step || value > most || value % step != 0)
        return V2S_FAIL(V2S_ARG, "depth network: %s: expected a multiple of %d up to %d, found %d",
                        what, step, most, value);
    return V2S_OK;
}

static v2s_status check_config(const v2s_depth_config *c) {
    V2S_TRY(check_multiple("base_channels", c->base_channels, 8, V2S_DEPTH_BASE_MAX));
    V2S_TRY(check_multiple("size", c->size, 16, V2S_DEPTH_SIZE_MAX));
    if (c->scale != V2S_ATTENTION_SCALE_CHANNELS && c->scale != V2S_ATTENTION_SCALE_KEY)
        return V2S_FAIL(V2S_ARG,
                        "depth network: attention_scale: expected channels or key, found "
                        "number %d",
                        (int)c->scale);
    if (!isfinite(c->max_depth_m) || c->max_depth_m <= 0.0)
        return V2S_FAIL(V2S_ARG, "depth network: max_depth_m: expected a length above 0, found %g",
                        c->max_depth_m);
    return V2S_OK;
}

// The one place that knows the layers; runs on counting arenas first. In the order of the walk.
static void init(v2s_depth_net *net, v2s_arena *params, v2s_arena *buffers) {
    const v2s_depth_config *c = &net->config;
    for (int ear = 0; ear < 2; ear++)
        for (int l = 0; l < V2S_DEPTH_LEVELS; l++) {
            int in = l == 0 ? 1 : depth_channels(c, l - 1), out = depth_channels(c, l);
            v2s_double_conv_init(&net->encoder[ear][l], in, out, out, params, buffers);
        }
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++)
        if (c->attention[l])
            v2s_cross_attention_init(&net->attention[l], depth_channels(c, l), c->scale, params);
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++)
        v2s_conv_norm_init(&net->fusion[l], 2 * depth_channels(c, l), depth_channels(c, l), 1, true,
                           params, buffers);
    for (int i = 0; i < V2S_DEPTH_STEPS; i++) {
        int l = V2S_DEPTH_STEPS - 1 - i;
        int in = depth_channels(c, l) + depth_decoded_channels(c, l + 1);
        v2s_double_conv_init(&net->decoder[i], in, in / 2, depth_decoded_channels(c, l), params,
                             buffers);
    }
    net->head_weight = v2s_tensor_take4(params, 1, c->base_channels, 1, 1);
    net->head_bias = v2s_tensor_take(params, 1, 0, 0);
}

static v2s_status open_arena(const v2s_device *dev, size_t size, v2s_arena *arena) {
    return dev != NULL ? v2s_device_arena_open(dev, size, arena) : v2s_arena_open(arena, size);
}

static void close_arena(const v2s_device *dev, v2s_arena *arena) {
    if (dev != NULL)
        v2s_device_arena_close(dev, arena);
    else
        v2s_arena_close(arena);
}

// Copies in queue order; either side may be the host's.
static void copy_arena(const v2s_depth_net *to, const v2s_depth_net *from, v2s_arena *to_arena,
                       const v2s_arena *from_arena) {
    V2S_ASSERT(to_arena->used == from_arena->used);
    if (to->dev != NULL)
        to->dev->ops->memory->upload(to->dev, to_arena->base, from_arena->base, from_arena->used);
    else if (from->dev != NULL)
        from->dev->ops->memory->download(from->dev, to_arena->base, from_arena->base,
                                         from_arena->used);
    else
        memcpy(to_arena->base, from_arena->base, from_arena->used);
}

static v2s_status set_variance(void *ctx, const char *name, v2s_tensor *buffer) {
    const v2s_device *dev = ctx;
    size_t count = v2s_tensor_count(buffer), length = strlen(name);
    if (strcmp(name + length - strlen("running_var"), "running_var") != 0)
        return V2S_OK;
    real ones[8 * V2S_DEPTH_BASE_MAX];
    V2S_ASSERT(count <= sizeof ones / sizeof *ones);
    for (size_t i = 0; i < count; i++)
        ones[i] = 1;
    if (dev == NULL) {
        memcpy(buffer->data, ones, count * sizeof *ones);
        return V2S_OK;
    }
    dev->ops->memory->upload(dev, buffer->data, ones, count * sizeof *ones);
    return dev->ops->memory->synchronize(dev);
}

static v2s_status fill(v2s_depth_net *net) {
    v2s_arena params = v2s_arena_count(), buffers = v2s_arena_count();
    init(net, &params, &buffers);
    V2S_TRY(open_arena(net->dev, params.used, &net->params));
    V2S_TRY(open_arena(net->dev, buffers.used, &net->buffers));
    init(net, &net->params, &net->buffers);
    return v2s_depth_net_each(net, V2S_DEPTH_BUFFERS, set_variance, (void *)net->dev);
}

v2s_status v2s_depth_net_open(const v2s_depth_config *config, const v2s_device *dev,
                              v2s_depth_net **out) {
    V2S_TRY(check_config(config));
    v2s_depth_net *net = calloc(1, sizeof *net);
    if (net == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    net->config = *config;
    net->dev = dev;
    v2s_status status = fill(net);
    if (status != V2S_OK) {
        v2s_depth_net_close(&net);
        return status;
    }
    *out = net;
    return V2S_OK;
}

void v2s_depth_net_close(v2s_depth_net **net) {
    if (*net != NULL) {
        close_arena((*net)->dev, &(*net)->params);
        close_arena((*net)->dev, &(*net)->buffers);
    }
    free(*net);
    *net = NULL;
}

const v2s_depth_config *v2s_depth_net_config(const v2s_depth_net *net) {
    return &net->config;
}

static v2s_status walk_encoder(v2s_depth_net *net, int ear, bool parameters, bool buffers,
                               v2s_param_visit visit, void *ctx) {
    const char *encoder = ear == 0 ? "encoder_left" : "encoder_right";
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++) {
        char name[V2S_PARAM_NAME_MAX];
        if (l == 0)
            snprintf(name, sizeof name, "%s.inc", encoder);
        else
            snprintf(name, sizeof name, "%s.downs.%d", encoder, l - 1);
        V2S_TRY(v2s_double_conv_each(&net->encoder[ear][l], name, parameters, buffers, visit, ctx));
    }
    return V2S_OK;
}

v2s_status v2s_depth_net_each(v2s_depth_net *net, v2s_depth_tensors which, v2s_param_visit visit,
                              void *ctx) {
    bool parameters = (which & V2S_DEPTH_PARAMETERS) != 0,
         buffers = (which & V2S_DEPTH_BUFFERS) != 0;
    char name[V2S_PARAM_NAME_MAX];
    for (int ear = 0; ear < 2; ear++)
        V2S_TRY(walk_encoder(net, ear, parameters, buffers, visit, ctx));
    for (int l = 0; l < V2S_DEPTH_LEVELS && parameters; l++) {
        snprintf(name, sizeof name, "attention.%d", l + 1);
        if (net->config.attention[l])
            V2S_TRY(v2s_cross_attention_each_param(&net->attention[l], name, visit, ctx));
    }
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++) {
        snprintf(name, sizeof name, "fusion.%d", l);
        V2S_TRY(v2s_conv_norm_each(&net->fusion[l], name, 0, parameters, buffers, visit, ctx));
    }
    for (int i = 0; i < V2S_DEPTH_STEPS; i++) {
        snprintf(name, sizeof name, "decoder.%d", i);
        V2S_TRY(v2s_double_conv_each(&net->decoder[i], name, parameters, buffers, visit, ctx));
    }
    if (!parameters)
        return V2S_OK;
    V2S_TRY(v2s_param_walk("head", "weight", &net->head_weight, visit, ctx));
    return v2s_param_walk("head", "bias", &net->head_bias, visit, ctx);
}

static v2s_status count_param(void *ctx, const char *name, v2s_tensor *param) {
    (void)name;
    *(size_t *)ctx += v2s_tensor_count(param);
    return V2S_OK;
}

size_t v2s_depth_net_parameters(v2s_depth_net *net) {
    size_t count = 0;
    v2s_status status = v2s_depth_net_each(net, V2S_DEPTH_PARAMETERS, count_param, &count);
    V2S_ASSERT(status == V2S_OK);
    return count;
}

real *v2s_depth_net_flat(v2s_depth_net *net, size_t *count) {
    *count = net->params.used / sizeof(real);
    return (real *)net->params.base;
}

real *v2s_depth_net_flat_buffers(v2s_depth_net *net, size_t *count) {
    *count = net->buffers.used / sizeof(real);
    return (real *)net->buffers.base;
}

void v2s_depth_net_upload(v2s_depth_net *to, const v2s_depth_net *from) {
    V2S_ASSERT(from->dev == NULL || from->dev->ops->memory->host_memory);
    copy_arena(to, from, &to->params, &from->params);
    copy_arena(to, from, &to->buffers, &from->buffers);
}

void v2s_depth_net_download(v2s_depth_net *to, const v2s_depth_net *from) {
    V2S_ASSERT(to->dev == NULL || to->dev->ops->memory->host_memory);
    copy_arena(to, from, &to->params, &from->params);
    copy_arena(to, from, &to->buffers, &from->buffers);
}

typedef struct drawing {
    uint64_t seed, stream;
} drawing;

// Convolutions have four dimensions; of the vectors only the batch norms' weights are not 0. Those
// are number 1, 4 (double_conv) or 1 (fusion) of their list.
static v2s_status draw_param(void *ctx, const char *name, v2s_tensor *param) {
    drawing *d = ctx;
    v2s_rng rng = v2s_rng_open(d->seed, d->stream++);
    size_t count = v2s_tensor_count(param), length = strlen(name);
    const char *number = name + length - strlen("1.weight");
    bool norm = strcmp(number, "1.weight") == 0 || strcmp(number, "4.weight") == 0;
    double deviation = sqrt(2.0 / ((double)param->dim[0] * param->dim[2] * param->dim[3]));
    for (size_t i = 0; i < count; i++)
        param->data[i] =
            param->rank == 4 ? (real)(deviation * v2s_rng_normal(&rng)) : (real)(norm ? 1 : 0);
    return V2S_OK;
}

void v2s_depth_net_init_weights(v2s_depth_net *net, uint64_t seed) {
    drawing d = {.seed = seed};
    v2s_status status = v2s_depth_net_each(net, V2S_DEPTH_PARAMETERS, draw_param, &d);
    V2S_ASSERT(status == V2S_OK);
}

void v2s_depth_net_settle(v2s_depth_net *net, double depth_m) {
    double share = fmin(fmax(depth_m / net->config.max_depth_m, 1e-3), 1 - 1e-3);
    for (size_t i = 0; i < v2s_tensor_count(&net->head_weight); i++)
        net->head_weight.data[i] *= (real)0.01;
    net->head_bias.data[0] = (real)log(share / (1 - share));
}

int v2s_depth_net_side(const v2s_depth_net *net, int level) {
    V2S_ASSERT(level >= 1 && level <= V2S_DEPTH_LEVELS);
    return net->config.size >> (level - 1);
}

v2s_status v2s_depth_net_attention(const v2s_depth_net *net, const v2s_device *dev,
                                   const v2s_depth_work *work, int B, int level, int b, int ear,
                                   int i, float *map) {
    if (level < 1 || level > V2S_DEPTH_LEVELS || !net->config.attention[level - 1])
        return V2S_FAIL(V2S_ARG, "depth network: level %d has no attention", level);
    return v2s_cross_attention_map(&net->attention[level - 1], dev, B,
                                   (int)depth_pixels(&net->config, level - 1), b, ear, i,
                                   &work->attention[level - 1], map);
}
