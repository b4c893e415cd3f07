// SPDX-License-Identifier: MIT
#include "infer/depth_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(real) == sizeof(float), "predictions are copied as they are");

static size_t pixels_of(const v2s_depth_model *m) {
    return (size_t)m->file.config.size * (size_t)m->file.config.size;
}

static bool has_own_memory(const v2s_depth_model *m) {
    return !m->dev->ops->memory->host_memory;
}

// The weights in the device's memory: the file's own where that is the host's.
static v2s_status place_weights(v2s_depth_model *m) {
    m->net = m->file.net;
    if (!has_own_memory(m))
        return V2S_OK;
    m->net = NULL;
    V2S_TRY(v2s_depth_net_open(&m->file.config, m->dev, &m->net));
    v2s_depth_net_upload(m->net, m->file.net);
    return V2S_OK;
}

static v2s_status take_batch(v2s_depth_model *m) {
    const v2s_memory_ops *memory = m->dev->ops->memory;
    size_t bytes = (size_t)m->batch * pixels_of(m) * sizeof(float);
    void *seen = NULL, *x = NULL, *y = NULL;
    V2S_TRY(memory->host_take(m->dev, 2 * bytes, &seen));
    m->seen = seen;
    if (!has_own_memory(m))
        return V2S_OK;
    V2S_TRY(memory->take(m->dev, 2 * bytes, &x));
    m->device_x = x;
    V2S_TRY(memory->take(m->dev, bytes, &y));
    m->device_y = y;
    return V2S_OK;
}

static v2s_status open_parts(v2s_depth_model *m) {
    V2S_TRY(place_weights(m));
    V2S_TRY(v2s_depth_work_open(m->net, m->dev, m->batch, false, &m->work));
    V2S_TRY(take_batch(m));
    return m->dev->ops->memory->synchronize(m->dev);
}

v2s_status v2s_depth_model_open(const char *path, const v2s_device *dev, int batch,
                                v2s_depth_model *model) {
    v2s_depth_model m = {.path = path, .dev = dev, .batch = batch};
    V2S_TRY(v2s_depth_file_open(path, &m.file));
    m.parameters = v2s_depth_net_parameters(m.file.net);
    dev->ops->memory->enter(dev);
    v2s_status status = open_parts(&m);
    dev->ops->memory->leave(dev);
    if (status != V2S_OK) {
        v2s_depth_model_close(&m);
        return v2s_error_prefix(status, "%s", path);
    }
    *model = m;
    return V2S_OK;
}

void v2s_depth_model_close(v2s_depth_model *m) {
    if (m->dev == NULL)
        return;
    const v2s_memory_ops *memory = m->dev->ops->memory;
    memory->enter(m->dev);
    v2s_depth_work_close(&m->work);
    if (m->net != m->file.net)
        v2s_depth_net_close(&m->net);
    memory->host_give(m->dev, m->seen);
    memory->give(m->dev, m->device_x);
    memory->give(m->dev, m->device_y);
    memory->leave(m->dev);
    v2s_depth_file_close(&m->file);
    *m = (v2s_depth_model){0};
}

static v2s_status forward(v2s_depth_model *m, int count, float *depth) {
    const v2s_memory_ops *memory = m->dev->ops->memory;
    V2S_TRY(v2s_depth_work_fit(m->work, m->net, count));
    if (!has_own_memory(m)) {
        v2s_depth_net_forward(m->net, m->dev, count, m->seen, depth, m->work);
        return memory->synchronize(m->dev);
    }
    size_t bytes = (size_t)count * pixels_of(m) * sizeof(float);
    memory->upload(m->dev, m->device_x, m->seen, 2 * bytes);
    v2s_depth_net_forward(m->net, m->dev, count, m->device_x, m->device_y, m->work);
    memory->download(m->dev, depth, m->device_y, bytes);
    return memory->synchronize(m->dev);
}

v2s_status v2s_depth_model_predict(v2s_depth_model *m, int count, const float *x, float *depth) {
    size_t pixels = pixels_of(m), bytes = pixels * sizeof(float);
    memcpy(m->seen, x, 2 * (size_t)count * bytes);
    for (int b = 0; m->file.left_only && b < count; b++)
        memcpy(m->seen + (2 * (size_t)b + 1) * pixels, m->seen + 2 * (size_t)b * pixels, bytes);
    m->dev->ops->memory->enter(m->dev);
    v2s_status status = forward(m, count, depth);
    m->dev->ops->memory->leave(m->dev);
    V2S_TRY(status);
    for (size_t i = 0; i < (size_t)count * pixels; i++)
        if (!isfinite(depth[i]))
            return V2S_FAIL(V2S_NUMERIC, "%s: the network's depth is not finite", m->path);
    return V2S_OK;
}

v2s_status v2s_depth_model_attention(const v2s_depth_model *m, int count, int level, int b, int ear,
                                     int i, float *map) {
    m->dev->ops->memory->enter(m->dev);
    v2s_status status =
        v2s_depth_net_attention(m->net, m->dev, m->work, count, level, b, ear, i, map);
    m->dev->ops->memory->leave(m->dev);
    return status;
}

void v2s_depth_model_describe(const v2s_depth_file *f, char text[V2S_DEPTH_MODEL_TEXT]) {
    char levels[16], attention[48] = "no attention";
    if (v2s_depth_levels_text(&f->config, levels)[0] != '\0')
        snprintf(attention, sizeof attention, "attention %s (scale %s)", levels,
                 f->config.scale == V2S_ATTENTION_SCALE_KEY ? "key" : "channels");
    snprintf(text, V2S_DEPTH_MODEL_TEXT, "base %d, %s, %d x %d, %g m, %d Hz%s",
             f->config.base_channels, attention, f->config.size, f->config.size,
             f->config.max_depth_m, f->rate_hz, f->left_only ? ", left ear only" : "");
}
