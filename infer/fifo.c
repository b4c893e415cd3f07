// SPDX-License-Identifier: MIT
#include "infer/fifo.h"

#include <stdlib.h>
#include <string.h>

v2s_status v2s_fifo_reserve(v2s_fifo *f, size_t frames, float **at) {
    if (f->first > 0) {
        memmove(f->frames, v2s_fifo_front(f), f->count * f->channels * sizeof *f->frames);
        f->first = 0;
    }
    if (f->count + frames > f->capacity) {
        size_t capacity = 2 * (f->count + frames);
        float *grown = realloc(f->frames, capacity * f->channels * sizeof *grown);
        if (grown == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        f->frames = grown;
        f->capacity = capacity;
    }
    *at = f->frames + f->count * f->channels;
    return V2S_OK;
}

v2s_status v2s_fifo_push(v2s_fifo *f, const float *frames, size_t count) {
    float *at = NULL;
    V2S_TRY(v2s_fifo_reserve(f, count, &at));
    memcpy(at, frames, count * f->channels * sizeof *at);
    f->count += count;
    return V2S_OK;
}

float *v2s_fifo_front(const v2s_fifo *f) {
    return f->frames + f->first * f->channels;
}

void v2s_fifo_drop(v2s_fifo *f, size_t count) {
    V2S_ASSERT(count <= f->count);
    f->first += count;
    f->count -= count;
}

void v2s_fifo_free(v2s_fifo *f) {
    free(f->frames);
    *f = (v2s_fifo){0};
}
