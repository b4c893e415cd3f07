// SPDX-License-Identifier: MIT
#include "nn/refiner_runner.h"

#include <stdlib.h>
#include <string.h>

struct v2s_refiner_runner {
    const v2s_device *dev;
    v2s_refiner *own;     // the device's copy of the weights, or NULL
    const v2s_refiner *m; // what runs
    v2s_refiner_work work;
    // where rows are copied; zeros where they are not
    v2s_arena rows;
    real *x, *residual;           // [B,T,inputs], [B,T,outputs] of the device
    real *host_x, *host_residual; // the same in memory that the device reaches without a detour
};

static void init_rows(v2s_refiner_runner *r, size_t count, v2s_arena *arena) {
    const v2s_refiner_config *c = &r->m->config;
    r->x = v2s_arena_take(arena, v2s_size_mul(count, (size_t)c->inputs), sizeof(real));
    r->residual = v2s_arena_take(arena, v2s_size_mul(count, (size_t)c->outputs), sizeof(real));
}

static v2s_status open_rows(v2s_refiner_runner *r, size_t count) {
    const v2s_memory_ops *memory = r->dev->ops->memory;
    const v2s_refiner_config *c = &r->m->config;
    void *up = NULL, *down = NULL;
    v2s_arena needed = v2s_arena_count();
    init_rows(r, count, &needed);
    V2S_TRY(v2s_device_arena_open(r->dev, needed.used, &r->rows));
    init_rows(r, count, &r->rows);
    V2S_TRY(memory->host_take(r->dev, count * (size_t)c->inputs * sizeof(real), &up));
    r->host_x = up;
    V2S_TRY(memory->host_take(r->dev, count * (size_t)c->outputs * sizeof(real), &down));
    r->host_residual = down;
    return V2S_OK;
}

static v2s_status open_parts(v2s_refiner_runner *r, const v2s_refiner *m, int B, int T) {
    V2S_TRY(v2s_refiner_on(m, r->dev, &r->own, &r->m));
    V2S_TRY(v2s_refiner_work_open(&r->work, r->m, r->dev, B, T));
    if (!r->dev->ops->memory->host_memory)
        V2S_TRY(open_rows(r, (size_t)B * (size_t)T));
    return r->dev->ops->memory->synchronize(r->dev);
}

v2s_status v2s_refiner_runner_open(const v2s_refiner *m, const v2s_device *dev, int B, int T,
                                   v2s_refiner_runner **out) {
    v2s_refiner_runner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->dev = dev;
    dev->ops->memory->enter(dev);
    v2s_status status = open_parts(r, m, B, T);
    dev->ops->memory->leave(dev);
    if (status != V2S_OK) {
        v2s_refiner_runner_close(&r);
        return status;
    }
    *out = r;
    return V2S_OK;
}

// Through the device's memory.
static v2s_status forward_copied(v2s_refiner_runner *r, int B, int T, const real *x,
                                 real *residual) {
    const v2s_device *dev = r->dev;
    const v2s_memory_ops *memory = dev->ops->memory;
    size_t rows = (size_t)B * (size_t)T;
    size_t in = rows * (size_t)r->m->config.inputs * sizeof *x;
    size_t out = rows * (size_t)r->m->config.outputs * sizeof *residual;
    if (rows == 0)
        return V2S_OK;
    memcpy(r->host_x, x, in);
    memory->enter(dev);
    memory->upload(dev, r->x, r->host_x, in);
    v2s_refiner_forward(r->m, dev, B, T, r->x, r->residual, &r->work);
    memory->download(dev, r->host_residual, r->residual, out);
    v2s_status status = memory->synchronize(dev);
    memory->leave(dev);
    if (status == V2S_OK)
        memcpy(residual, r->host_residual, out);
    return status;
}

v2s_status v2s_refiner_runner_forward(v2s_refiner_runner *r, int B, int T, const real *x,
                                      real *residual) {
    if (!r->dev->ops->memory->host_memory)
        return forward_copied(r, B, T, x, residual);
    v2s_refiner_forward(r->m, r->dev, B, T, x, residual, &r->work);
    return V2S_OK;
}

void v2s_refiner_runner_close(v2s_refiner_runner **runner) {
    v2s_refiner_runner *r = *runner;
    if (r == NULL)
        return;
    const v2s_memory_ops *memory = r->dev->ops->memory;
    memory->enter(r->dev);
    v2s_refiner_work_close(&r->work);
    v2s_device_arena_close(r->dev, &r->rows);
    memory->host_give(r->dev, r->host_x);
    memory->host_give(r->dev, r->host_residual);
    v2s_refiner_close(&r->own);
    memory->leave(r->dev);
    free(r);
    *runner = NULL;
}
