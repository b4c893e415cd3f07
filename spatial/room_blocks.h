// SPDX-License-Identifier: MIT
// Images of higher order of a moving source: the sound is cut by triangular windows that overlap
// by half and add up to 1, each piece goes through the response of where the source was in its
// middle.
#ifndef V2S_SPATIAL_ROOM_BLOCKS_H
#define V2S_SPATIAL_ROOM_BLOCKS_H

#include "spatial/room_builder.h"
#include "spatial/room_path.h"
#include "spatial/room_ring.h"

typedef struct v2s_room_blocks {
    v2s_room_builder builder;
    v2s_room_path *path;
    bool relative; // delays relative to the direct sound's
    size_t hop;
    bool has_response;
    v2s_vec3 source_m;             // of the response
    float *sound;                  // [2 hop]
    float *block;                  // [n]
    v2s_complex *response, *x, *y; // [4][bins], [bins], [bins]
} v2s_room_blocks;

V2S_MUST_USE v2s_status v2s_room_blocks_open(const v2s_room *room, double rate_hz, int from_order,
                                             int to_order, size_t hop, bool relative,
                                             v2s_room_path *path, v2s_room_blocks *blocks);

// Takes x[hop], the samples from `time` on. Output before time - V2S_ROOM_HALF is then complete.
void v2s_room_blocks_push(v2s_room_blocks *blocks, int64_t time, const float *x,
                          v2s_room_ring *ring);

void v2s_room_blocks_close(v2s_room_blocks *blocks);

#endif
