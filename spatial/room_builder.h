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

// A fast length for transforms of at least `least` samples: powers of two run at 1.6 times the
// speed of the others. 0 where there is none.
size_t v2s_room_fft_length(size_t least);

typedef struct v2s_room_builder_config {
    const v2s_room *room; // has passed v2s_room_check
    const v2s_room_bands *bands;
    double rate_hz;
    int from_order, to_order;
    size_t room_frames; // more samples that must fit into the transform: n >= reach + room_frames
    double remainder;   // of the filters (room_images.h)
    bool time_only;     // v2s_room_builder_time alone will be called
    double ring_s;      // after which the walls' filters are cut
} v2s_room_builder_config;

V2S_MUST_USE v2s_status v2s_room_builder_open(const v2s_room_builder_config *config,
                                              v2s_room_builder *builder);

// spectrum[4][bins] of the response of a source, everything earlier by `ahead_frames`.
void v2s_room_builder_run(v2s_room_builder *builder, v2s_vec3 source_m, double ahead_frames,
                          v2s_complex *spectrum);

// The same in time: foa[reach][4] is overwritten. NOMEM.
V2S_MUST_USE v2s_status v2s_room_builder_time(v2s_room_builder *builder, v2s_vec3 source_m,
                                              double ahead_frames, float *foa);

void v2s_room_builder_close(v2s_room_builder *builder);

#endif
