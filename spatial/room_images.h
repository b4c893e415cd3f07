// SPDX-License-Identifier: MIT
// The lattice of image sources of a shoebox, and how few filters serve all of them.
//
// Along one axis of length L image m lies at m L + s for even m, (m + 1) L - s for odd m, after
// |m| reflections: ceil(|m|/2) on the nearer wall (the one at L for m > 0) and floor(|m|/2) on the
// other. An image of the room is a triple of them.
//
// Filters   Every image has one filter, the product of its reflections. Those with the same counts
//           on walls of the same kind share a row. Rows are smooth functions of few numbers, so
//           K of them (pivots, found greedily) carry all:
//               row_i(f) = sum_k coefficient[i][k] pivot_k(f)
//           with an energy of the remainder below 1e-8 of the whole. Walls without any dependence
//           on frequency need one: the pivot is 1 and the coefficient is the gain.
#ifndef V2S_SPATIAL_ROOM_IMAGES_H
#define V2S_SPATIAL_ROOM_IMAGES_H

#include <stdint.h>

#include "kernels/fft.h"
#include "spatial/room.h"

#define V2S_ROOM_RING_S 0.05 // a wall whose absorption depends on frequency rings so long

enum { V2S_ROOM_MAX_PIVOTS = 16, V2S_ROOM_ANY_ORDER = 1000 };

typedef struct v2s_room_image {
    int16_t m[3];  // x, y, z
    int16_t order; // |m| summed
    uint32_t row;
} v2s_room_image;

typedef struct v2s_room_images {
    size_t count, rows;
    v2s_room_image *items;
    int low[3], high[3]; // range of m per axis
    double longest_m;    // no image is further from any listener-source pair in the room
    bool flat;           // no wall depends on frequency
    int pivots;
    float *coefficient;                                    // [rows][pivots]
    double log_pivot[V2S_ROOM_MAX_PIVOTS][V2S_ROOM_BANDS]; // ln |pivot| per band
} v2s_room_images;

// Images of orders from_order..to_order that can lie within radius_m of the listener from any
// place of the source. NOMEM; ARG where there would be millions.
V2S_MUST_USE v2s_status v2s_room_images_open(const v2s_room *room, double rate_hz, int from_order,
                                             int to_order, double radius_m,
                                             v2s_room_images *images);

// spectra [pivots][n/2 + 1] of the pivots for a transform of n samples; v2s_fft_free. Only where
// the walls are not flat.
V2S_MUST_USE v2s_status v2s_room_pivot_spectra(const v2s_room_images *images, double rate_hz,
                                               size_t n, v2s_complex **spectra);

void v2s_room_images_close(v2s_room_images *images);

// Coordinate of image m along an axis.
static inline double v2s_room_image_at(int m, double length_m, double source_m) {
    return m % 2 == 0 ? m * length_m + source_m : (m + 1) * length_m - source_m;
}

#endif
