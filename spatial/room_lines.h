// SPDX-License-Identifier: MIT
// Images of low order of a moving source, followed with every sample.
//
// What image i gives at output n was sent at p_i with  p_i + d_i(p_i) rate / c = n  (relative:
// n + d_0(n) rate / c). p and the gains are exact every V2S_ROOM_STEP samples and linear between;
// where the source jumps (p moves by more than half a step more or less than time does) the two
// places are cross-faded over the step instead.
#ifndef V2S_SPATIAL_ROOM_LINES_H
#define V2S_SPATIAL_ROOM_LINES_H

#include "spatial/room_images.h"
#include "spatial/room_ops.h"
#include "spatial/room_path.h"
#include "spatial/room_ring.h"

enum { V2S_ROOM_STEP = 32 };

typedef struct v2s_room_line_state {
    double position; // p
    float gain[4];
} v2s_room_line_state;

typedef struct v2s_room_lines {
    v2s_room room;
    double rate_hz, radius_m;
    bool relative, flat;
    size_t hop;
    v2s_room_path *path;
    v2s_room_images images;
    const v2s_room_ops *ops;
    float *table;
    v2s_room_line_state *state; // [images], at the end of the last step
    // the sound after the walls: one line a row (flat: one for all)
    size_t lines, history, pitch; // line = [history + hop]
    float *line;
    // filters
    size_t n, bins;
    v2s_fft_real *fft;
    v2s_complex *pivots, *x, *y;
    float *block, *ringing, *filtered; // [n], [pivots][n], [pivots][hop]
    // places of the source every V2S_ROOM_STEP samples, circular
    v2s_vec3 *places;
    size_t place_count;
    int64_t place_last; // number of the newest: its sample / V2S_ROOM_STEP
    float *out;         // [hop][4]
    size_t silent;      // samples since the last that was not 0
    bool idle;          // for so long that states have not been kept up
} v2s_room_lines;

V2S_MUST_USE v2s_status v2s_room_lines_open(const v2s_room *room, const v2s_room_bands *bands,
                                            double rate_hz, int from_order, int to_order,
                                            size_t hop, bool relative, v2s_room_path *path,
                                            v2s_room_lines *lines);

// Takes x[hop], the samples from `time` on; adds the output of time - V2S_ROOM_STEP and following.
void v2s_room_lines_push(v2s_room_lines *lines, int64_t time, const float *x, v2s_room_ring *ring);

void v2s_room_lines_close(v2s_room_lines *lines);

#endif
