// SPDX-License-Identifier: MIT
// The residual of a `v2s` refiner for render: every object's W goes through a stream of its own
// (infer/band_stream.h), for the basis needs one direction at a time; the residuals are added.
#ifndef V2S_INFER_BAND_PATH_H
#define V2S_INFER_BAND_PATH_H

#include "infer/band_stream.h"
#include "infer/fifo.h"

typedef struct v2s_band_path v2s_band_path;

typedef struct v2s_band_path_config {
    const v2s_refiner *network;
    const v2s_device *device;
    double rate_hz;
    bool dry;                          // the pairing the network was trained for
    const v2s_condition *condition;    // dry: the room that is wanted; NULL: v2s_condition_of
    const v2s_trajectory_set *objects; // borrowed until close
} v2s_band_path_config;

V2S_MUST_USE v2s_status v2s_band_path_open(const v2s_band_path_config *config, v2s_band_path **out);

// A mixer's tap and its context, for object `index`. All objects must get the same frames.
v2s_status v2s_band_path_tap(void *ctx, const float *w, size_t frames);
void *v2s_band_path_tap_ctx(v2s_band_path *p, size_t index);

// Moves what all objects have ready to `residual` (4 channels). `finish` first ends the streams.
V2S_MUST_USE v2s_status v2s_band_path_collect(v2s_band_path *p, v2s_fifo *residual);
V2S_MUST_USE v2s_status v2s_band_path_finish(v2s_band_path *p, v2s_fifo *residual);

// How long the tails go on after the last sample.
size_t v2s_band_path_tail_frames(const v2s_band_path *p);

void v2s_band_path_close(v2s_band_path **p);

#endif
