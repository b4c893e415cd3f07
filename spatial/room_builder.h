// SPDX-License-Identifier: MIT
// Spectra of the image part of a room's response, one source position after another.
//
// Impulses of all images are written with fractional delays into 4 channels x K pivots, transformed
// once and summed over the pivots' spectra (room_images.h). Time 0 stands at sample
// V2S_ROOM_HALF, so that the kernel of the first arrival is whole.
#ifndef V2S_SPATIAL_ROOM_BUILDER_H
#define V2S_SPATIAL_ROOM_BUILDER_H

#include "kernels/fft.h"
#include "spatial/room_images.h"
#include "spatial/room_ops.h"

typedef struct v2s_room_builder {
    v2s_room room;
    double rate_hz, radius_m;
    v2s_room_images images;
    const v2s_room_ops *ops;
    float *table;
    size_t span;  // samples that impulses may touch
    size_t reach; // samples of a response, the walls' ringing included
    size_t n, bins;
    v2s_fft_real *fft;
    v2s_complex *pivots; // [K][bins]; NULL where all walls are flat
    v2s_complex *work;   // [bins]
    float *planes;       // [4 K][pitch], zero behind span
    size_t pitch;
    double *along[3]; // coordinate of image m relative to the listener, at m - low
} v2s_room_builder;

// Images of from_order..to_order; `room_frames` more samples must fit into the transform (n >=
// reach + room_frames). The room has passed v2s_room_check.
V2S_MUST_USE v2s_status v2s_room_builder_open(const v2s_room *room, double rate_hz, int from_order,
                                              int to_order, size_t room_frames,
                                              v2s_room_builder *builder);

// spectrum[4][bins] of the response of a source, everything earlier by `ahead_frames`.
void v2s_room_builder_run(v2s_room_builder *builder, v2s_vec3 source_m, double ahead_frames,
                          v2s_complex *spectrum);

void v2s_room_builder_close(v2s_room_builder *builder);

#endif
