// SPDX-License-Identifier: MIT
#include "infer/band_path.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_FRAMES = 4096, CHANNELS = V2S_FOA_CHANNELS };

typedef struct object_path {
    v2s_band_stream *stream;
    v2s_fifo residual;
} object_path;

struct v2s_band_path {
    v2s_foa_basis *basis;
    size_t count;
    object_path *objects;
};

v2s_status v2s_band_path_open(const v2s_band_path_config *config, v2s_band_path **out) {
    v2s_band_path *p = calloc(1, sizeof *p);
    size_t count = config->objects->count;
    if (p == NULL || (p->objects = calloc(count, sizeof *p->objects)) == NULL) {
        free(p);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    p->count = count;
    v2s_status status = v2s_foa_basis_open(config->rate_hz, config->dry, &p->basis);
    for (size_t i = 0; i < count && status == V2S_OK; i++) {
        const v2s_trajectory *path = &config->objects->items[i];
        v2s_condition usual = v2s_condition_of(NULL, path->points[0].distance_m);
        const v2s_condition *condition = config->condition ? config->condition : &usual;
        v2s_band_stream_config stream = {.basis = p->basis,
                                         .network = config->network,
                                         .device = config->device,
                                         .path = path,
                                         .condition = config->dry ? condition : NULL};
        p->objects[i].residual.channels = CHANNELS;
        status = v2s_band_stream_open(&stream, &p->objects[i].stream);
    }
    if (status != V2S_OK) {
        v2s_band_path_close(&p);
        return status;
    }
    *out = p;
    return V2S_OK;
}

static v2s_status pull(object_path *o) {
    for (;;) {
        float *at = NULL;
        V2S_TRY(v2s_fifo_reserve(&o->residual, BLOCK_FRAMES, &at));
        size_t n = v2s_band_stream_pull(o->stream, at, BLOCK_FRAMES);
        if (n == 0)
            return V2S_OK;
        o->residual.count += n;
    }
}

v2s_status v2s_band_path_tap(void *ctx, const float *w, size_t frames) {
    object_path *o = ctx;
    V2S_TRY(v2s_band_stream_push(o->stream, w, frames));
    return pull(o);
}

void *v2s_band_path_tap_ctx(v2s_band_path *p, size_t index) {
    return &p->objects[index];
}

v2s_status v2s_band_path_collect(v2s_band_path *p, v2s_fifo *residual) {
    size_t ready = p->objects[0].residual.count;
    for (size_t i = 1; i < p->count; i++)
        ready = p->objects[i].residual.count < ready ? p->objects[i].residual.count : ready;
    if (ready == 0)
        return V2S_OK;
    float *to = NULL;
    V2S_TRY(v2s_fifo_reserve(residual, ready, &to));
    memset(to, 0, ready * CHANNELS * sizeof *to);
    for (size_t i = 0; i < p->count; i++) {
        const float *from = v2s_fifo_front(&p->objects[i].residual);
        for (size_t j = 0; j < ready * CHANNELS; j++)
            to[j] += from[j];
        v2s_fifo_drop(&p->objects[i].residual, ready);
    }
    residual->count += ready;
    return V2S_OK;
}

v2s_status v2s_band_path_finish(v2s_band_path *p, v2s_fifo *residual) {
    for (size_t i = 0; i < p->count; i++) {
        V2S_TRY(v2s_band_stream_finish(p->objects[i].stream));
        V2S_TRY(pull(&p->objects[i]));
    }
    return v2s_band_path_collect(p, residual);
}

size_t v2s_band_path_tail_frames(const v2s_band_path *p) {
    return (size_t)(p->basis->history + 4) * (size_t)p->basis->hop;
}

void v2s_band_path_close(v2s_band_path **path) {
    v2s_band_path *p = *path;
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++) {
        v2s_band_stream_close(&p->objects[i].stream);
        v2s_fifo_free(&p->objects[i].residual);
    }
    free(p->objects);
    v2s_foa_basis_close(&p->basis);
    free(p);
    *path = NULL;
}
