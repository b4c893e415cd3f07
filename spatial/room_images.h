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
//           with an energy of what is left below `remainder`. Flat walls need none of it.
#ifndef V2S_SPATIAL_ROOM_IMAGES_H
#define V2S_SPATIAL_ROOM_IMAGES_H

#include <stdint.h>

#include "spatial/room_bands.h"

#define V2S_ROOM_EXACT 1e-7   // remainder that goes unnoticed at -60 dB
#define V2S_ROOM_BLENDED 1e-5 // for images of high order that are cross-faded anyway
#define V2S_ROOM_RING_S 0.05  // a wall whose absorption depends on frequency rings so long
#define V2S_ROOM_BLENDED_RING_S 0.03

enum { V2S_ROOM_MAX_PIVOTS = 16, V2S_ROOM_ANY_ORDER = 1000 };

typedef struct v2s_room_image {
    int16_t m[3];  // x, y, z
    int16_t order; // |m| summed
    uint32_t row;
} v2s_room_image;

typedef struct v2s_room_images {
    size_t count;
    v2s_room_image *items;
    int low[3], high[3]; // range of m per axis
    double longest_m;    // no image is further from any listener-source pair in the room
    // flat walls: an image's gain is the product of those along the axes, at m - low
    float *gain[3];
    // others
    size_t rows;
    int pivots;                                                 // 1 where flat
    float *coefficient;                                         // [rows][pivots]
    uint16_t pivot_counts[V2S_ROOM_MAX_PIVOTS][V2S_ROOM_WALLS]; // reflections per kind of wall
} v2s_room_images;

// Images of orders from_order..to_order that can lie within radius_m of the listener from any
// place of the source. NOMEM; ARG where there would be millions.
V2S_MUST_USE v2s_status v2s_room_images_open(const v2s_room *room, const v2s_room_bands *bands,
                                             int from_order, int to_order, double radius_m,
                                             double remainder, v2s_room_images *images);

// spectra [pivots][n/2 + 1] of the pivots for a transform of n samples; v2s_fft_free. Only where
// the walls are not flat.
V2S_MUST_USE v2s_status v2s_room_pivot_spectra(const v2s_room_images *images,
                                               const v2s_room_bands *bands, double rate_hz,
                                               size_t n, v2s_complex **spectra);

void v2s_room_images_close(v2s_room_images *images);

// Reflections on the walls at 0 and at L.
static inline void v2s_room_hits_of(int m, int hits[2]) {
    int n = m < 0 ? -m : m, near = (n + 1) / 2;
    hits[0] = m > 0 ? n - near : near;
    hits[1] = n - hits[0];
}

// Gain of an image of flat walls, without its distance.
static inline float v2s_room_flat_gain(const v2s_room_images *im, const v2s_room_image *image) {
    return im->gain[0][image->m[0] - im->low[0]] * im->gain[1][image->m[1] - im->low[1]] *
           im->gain[2][image->m[2] - im->low[2]];
}

// The filters of images that are there already (room_filters.c): rows, pivots, coefficients.
V2S_MUST_USE v2s_status v2s_room_filters_find(const v2s_room *room, const v2s_room_bands *bands,
                                              double remainder, v2s_room_images *images);

// Coordinate of image m along an axis.
static inline double v2s_room_image_at(int m, double length_m, double source_m) {
    return m % 2 == 0 ? m * length_m + source_m : (m + 1) * length_m - source_m;
}

#endif
