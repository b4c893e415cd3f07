// SPDX-License-Identifier: MIT
// The processor's memory is the program's own.
#include "kernels/memory.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/device.h"

struct v2s_recording {
    void (*work)(void *ctx);
    void *ctx;
};

static v2s_status take(const struct v2s_device *dev, size_t bytes, void **out) {
    (void)dev;
    v2s_arena arena;
    V2S_TRY(v2s_arena_open(&arena, bytes));
    *out = arena.base;
    return V2S_OK;
}

static void give(const struct v2s_device *dev, void *memory) {
    (void)dev;
    free(memory);
}

static void copy(const struct v2s_device *dev, void *to, const void *from, size_t bytes) {
    (void)dev;
    if (bytes > 0)
        memcpy(to, from, bytes);
}

static void zero(const struct v2s_device *dev, void *to, size_t bytes) {
    (void)dev;
    if (bytes > 0)
        memset(to, 0, bytes);
}

static v2s_status synchronize(const struct v2s_device *dev) {
    (void)dev;
    return V2S_OK;
}

static void nothing_with_slot(const struct v2s_device *dev, int slot) {
    (void)dev;
    V2S_ASSERT(slot >= 0 && slot < V2S_MARKS);
}

static v2s_status record(const struct v2s_device *dev, void (*work)(void *ctx), void *ctx,
                         v2s_recording **out) {
    (void)dev;
    v2s_recording *r = malloc(sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    *r = (v2s_recording){work, ctx};
    *out = r;
    return V2S_OK;
}

static void replay(const struct v2s_device *dev, v2s_recording *r) {
    (void)dev;
    r->work(r->ctx);
}

static void forget(const struct v2s_device *dev, v2s_recording **r) {
    (void)dev;
    free(*r);
    *r = NULL;
}

static void nothing(const struct v2s_device *dev) {
    (void)dev;
}

static const char *kernels(const struct v2s_device *dev) {
    return dev->ops->name;
}

const v2s_memory_ops v2s_memory_cpu = {
    .host_memory = true,
    .take = take,
    .give = give,
    .host_take = take,
    .host_give = give,
    .upload = copy,
    .download = copy,
    .copy = copy,
    .zero = zero,
    .synchronize = synchronize,
    .mark = nothing_with_slot,
    .wait = nothing_with_slot,
    .record = record,
    .replay = replay,
    .forget = forget,
    .enter = nothing,
    .leave = nothing,
    .kernels = kernels,
};

// ---- arenas -----------------------------------------------------------------------------------

v2s_status v2s_device_arena_open(const v2s_device *dev, size_t size, v2s_arena *arena) {
    size_t rounded = v2s_scratch_round(size, 1) / V2S_ARENA_ALIGN * V2S_ARENA_ALIGN;
    V2S_ASSERT(rounded >= size);
    void *base = NULL;
    V2S_TRY(dev->ops->memory->take(dev, rounded, &base));
    *arena = (v2s_arena){base, rounded, 0};
    return V2S_OK;
}

void v2s_device_arena_close(const v2s_device *dev, v2s_arena *arena) {
    if (arena->base != NULL)
        dev->ops->memory->give(dev, arena->base);
    *arena = (v2s_arena){0};
}
