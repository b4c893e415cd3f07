// SPDX-License-Identifier: MIT
// First in, first out, of interleaved float frames; grows to the longest delay it has to bridge.
#ifndef V2S_INFER_FIFO_H
#define V2S_INFER_FIFO_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_fifo {
    float *frames; // [capacity][channels], owned
    size_t channels, capacity;
    size_t first, count; // frames in use: first .. first + count - 1
} v2s_fifo;

// Room for `frames` more behind the last one; *at is where they go, count is not changed.
V2S_MUST_USE v2s_status v2s_fifo_reserve(v2s_fifo *fifo, size_t frames, float **at);

V2S_MUST_USE v2s_status v2s_fifo_push(v2s_fifo *fifo, const float *frames, size_t count);

// Oldest frame; valid until the next push or reserve.
float *v2s_fifo_front(const v2s_fifo *fifo);

// Forgets the oldest `count` frames.
void v2s_fifo_drop(v2s_fifo *fifo, size_t count);

void v2s_fifo_free(v2s_fifo *fifo);

#endif
