// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdlib.h>

#include "nn/depth_net_internal.h"

static real *keep(v2s_depth_work *w, size_t count) {
    return v2s_arena_take(&w->keep, count, sizeof(real));
}

// Of `sets` sets (ears) of pictures with so many numbers each.
static v2s_conv_norm_saved keep_saved(v2s_depth_work *w, int sets, size_t numbers, int channels) {
    size_t statistics = (size_t)sets * (size_t)channels;
    v2s_conv_norm_saved saved = {.z = keep(w, v2s_size_mul((size_t)sets, numbers))};
    saved.y = keep(w, v2s_size_mul((size_t)sets, numbers));
    saved.mean = keep(w, statistics);
    saved.inv_std = keep(w, statistics);
    return saved;
}

static void keep_level(v2s_depth_work *w, const v2s_depth_net *net, int l) {
    const v2s_depth_config *c = &w->config;
    int channels = depth_channels(c, l);
    size_t numbers = depth_level_numbers(c, w->B, l);
    if (c->attention[l])
        v2s_cross_attention_take(&w->attention[l], &net->attention[l], w->B,
                                 (int)depth_pixels(c, l), w->training, &w->keep);
    if (!w->training) {
        w->fusion[l].y = keep(w, numbers);
        return;
    }
    for (int i = 0; i < 2; i++)
        w->encoder[l][i] = keep_saved(w, 2, numbers, channels);
    w->attended[l] = c->attention[l] ? keep(w, 2 * numbers) : w->encoder[l][1].y;
    w->fusion[l] = keep_saved(w, 1, numbers, channels);
}

// Inputs of the levels. Inference needs one at a time.
static void keep_pooled(v2s_depth_work *w) {
    const v2s_depth_config *c = &w->config;
    w->ears = keep(w, 2 * depth_numbers(c, w->B, 1, 0));
    w->pooled[0] = w->ears;
    for (int l = 1; l < V2S_DEPTH_LEVELS; l++) {
        size_t numbers = 2 * depth_numbers(c, w->B, depth_channels(c, l - 1), l);
        w->pooled[l] = w->training || l == 1 ? keep(w, numbers) : w->pooled[1];
        if (w->training)
            w->index[l] = v2s_arena_take(&w->keep, numbers, 1);
    }
}

static void keep_all(v2s_depth_work *w, const v2s_depth_net *net) {
    const v2s_depth_config *c = &w->config;
    keep_pooled(w);
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++)
        keep_level(w, net, l);
    if (!w->training)
        return;
    for (int i = 0; i < V2S_DEPTH_STEPS; i++) {
        const v2s_conv_norm *convs[2] = {&net->decoder[i].first, &net->decoder[i].second};
        int l = V2S_DEPTH_STEPS - 1 - i;
        for (int j = 0; j < 2; j++)
            w->decoder[i][j] =
                keep_saved(w, 1, depth_numbers(c, w->B, convs[j]->out, l), convs[j]->out);
    }
    w->sigmoid = keep(w, depth_numbers(c, w->B, 1, 0));
}

// How much a pass takes, by running it without doing it. `net` stands in for its gradients.
static void plan(v2s_depth_work *w, v2s_depth_net *net, int B) {
    v2s_arena temp = w->temp;
    w->planning = true;
    w->temp = v2s_arena_count();
    v2s_depth_net_forward(net, w->dev, B, NULL, NULL, w);
    if (w->training) {
        v2s_depth_net_forward_training(net, w->dev, B, NULL, NULL, w);
        v2s_depth_net_backward(net, net, w->dev, B, NULL, NULL, w);
    }
    w->planning = false;
    w->temp = temp;
}

static v2s_status grow(const v2s_device *dev, size_t need, v2s_arena *arena) {
    if (arena->base != NULL && arena->size >= need)
        return V2S_OK;
    v2s_device_arena_close(dev, arena);
    *arena = (v2s_arena){0};
    return v2s_device_arena_open(dev, need, arena);
}

v2s_status v2s_depth_work_fit(v2s_depth_work *w, const v2s_depth_net *net, int B) {
    V2S_ASSERT(B >= 1 && B <= w->B);
    if (w->fits[B])
        return V2S_OK;
    plan(w, (v2s_depth_net *)net, B);
    V2S_TRY(grow(w->dev, w->temp_need, &w->temp));
    V2S_TRY(grow(w->dev, w->scratch_need, &w->scratch));
    w->fits[B] = true;
    return V2S_OK;
}

void depth_begin(v2s_depth_work *w, const v2s_depth_net *net, const v2s_device *dev, int B) {
    V2S_ASSERT(dev == w->dev && B <= w->B);
    if (w->planning)
        return;
    v2s_status status = v2s_depth_work_fit(w, net, B);
    V2S_ASSERT(status == V2S_OK);
}

static v2s_status check_batch(const v2s_depth_config *c, int B) {
    size_t most = INT_MAX / (2 * depth_pixels(c, 0));
    if (B < 1 || (size_t)B > most)
        return V2S_FAIL(V2S_ARG, "depth network: batch: expected 1 .. %zu at size %d, found %d",
                        most, c->size, B);
    return V2S_OK;
}

v2s_status v2s_depth_work_open(const v2s_depth_net *net, const v2s_device *dev, int B,
                               bool training, v2s_depth_work **out) {
    V2S_TRY(check_batch(&net->config, B));
    v2s_depth_work *w = malloc(sizeof *w);
    if (w == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    *w = (v2s_depth_work){.dev = dev, .config = net->config, .B = B, .training = training};
    w->block = v2s_picture_block(dev, net->config.base_channels);
    w->keep = v2s_arena_count();
    keep_all(w, net);
    size_t bytes = w->keep.used;
    w->keep = (v2s_arena){0};
    w->fits = calloc((size_t)B + 1, sizeof *w->fits);
    v2s_status status = w->fits == NULL ? V2S_FAIL(V2S_NOMEM, "out of memory") : V2S_OK;
    if (status == V2S_OK)
        status = v2s_device_arena_open(dev, bytes, &w->keep);
    if (status == V2S_OK)
        status = v2s_depth_work_fit(w, net, B);
    if (status != V2S_OK) {
        v2s_depth_work_close(&w);
        return status;
    }
    keep_all(w, net);
    *out = w;
    return V2S_OK;
}

void v2s_depth_work_close(v2s_depth_work **work) {
    v2s_depth_work *w = *work;
    if (w != NULL) {
        v2s_device_arena_close(w->dev, &w->keep);
        v2s_device_arena_close(w->dev, &w->temp);
        v2s_device_arena_close(w->dev, &w->scratch);
        free(w->fits);
    }
    free(w);
    *work = NULL;
}

size_t v2s_depth_work_bytes(const v2s_depth_work *work) {
    return work->keep.size + work->temp.size + work->scratch.size;
}
