// SPDX-License-Identifier: MIT
// Output of four channels that is gathered ahead of its time: pieces are added anywhere between
// the next frame to be taken and `capacity` frames later.
#ifndef V2S_SPATIAL_ROOM_RING_H
#define V2S_SPATIAL_ROOM_RING_H

#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_room_ring {
    float *frames; // [capacity][4], circular
    size_t capacity, head;
    int64_t time; // of the frame at head
} v2s_room_ring;

V2S_MUST_USE v2s_status v2s_room_ring_open(size_t capacity, int64_t time, v2s_room_ring *ring);

// Adds x[frames] to one channel, or x[frames][4] to all, from `time` on. What lies before the next
// frame to be taken is left out.
void v2s_room_ring_add(v2s_room_ring *ring, int64_t time, int channel, const float *x,
                       size_t frames);
void v2s_room_ring_add_frames(v2s_room_ring *ring, int64_t time, const float *x, size_t frames);

// Takes the next frames: ADDED to out[frames][4].
void v2s_room_ring_take(v2s_room_ring *ring, size_t frames, float *out);

void v2s_room_ring_close(v2s_room_ring *ring);

#endif
