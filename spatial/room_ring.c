// SPDX-License-Identifier: MIT
#include "spatial/room_ring.h"

#include <stdlib.h>
#include <string.h>

v2s_status v2s_room_ring_open(size_t capacity, int64_t time, v2s_room_ring *ring) {
    float *frames = calloc(4 * capacity, sizeof *frames);
    if (frames == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory for %zu frames of output", capacity);
    *ring = (v2s_room_ring){frames, capacity, 0, time};
    return V2S_OK;
}

// Drops what is too early and finds the place of the rest.
static size_t place(const v2s_room_ring *r, int64_t time, size_t *skip, size_t frames) {
    *skip = time < r->time ? (size_t)(r->time - time) : 0;
    *skip = *skip < frames ? *skip : frames;
    size_t ahead = time > r->time ? (size_t)(time - r->time) : 0;
    V2S_ASSERT(ahead + frames - *skip <= r->capacity);
    return (r->head + ahead) % r->capacity;
}

void v2s_room_ring_add(v2s_room_ring *r, int64_t time, int channel, const float *x, size_t frames) {
    size_t skip, at = place(r, time, &skip, frames);
    while (skip < frames) {
        size_t part = r->capacity - at < frames - skip ? r->capacity - at : frames - skip;
        float *to = r->frames + 4 * at + channel;
        for (size_t i = 0; i < part; i++)
            to[4 * i] += x[skip + i];
        skip += part;
        at = 0;
    }
}

void v2s_room_ring_add_frames(v2s_room_ring *r, int64_t time, const float *x, size_t frames) {
    size_t skip, at = place(r, time, &skip, frames);
    while (skip < frames) {
        size_t part = r->capacity - at < frames - skip ? r->capacity - at : frames - skip;
        float *to = r->frames + 4 * at;
        for (size_t i = 0; i < 4 * part; i++)
            to[i] += x[4 * skip + i];
        skip += part;
        at = 0;
    }
}

void v2s_room_ring_take(v2s_room_ring *r, size_t frames, float *out) {
    while (frames > 0) {
        size_t part = r->capacity - r->head < frames ? r->capacity - r->head : frames;
        float *from = r->frames + 4 * r->head;
        for (size_t i = 0; i < 4 * part; i++)
            out[i] += from[i];
        memset(from, 0, 4 * part * sizeof *from);
        r->head = (r->head + part) % r->capacity;
        r->time += (int64_t)part;
        out += 4 * part;
        frames -= part;
    }
}

void v2s_room_ring_close(v2s_room_ring *ring) {
    free(ring->frames);
    *ring = (v2s_room_ring){0};
}
