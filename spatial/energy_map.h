// SPDX-License-Identifier: MIT
// Where the sound comes from: amplitude of an ambisonic sound on a grid of directions (metric M6).
//
//   E(az, el) = sqrt(mean_t (sum_n Y_n(az, el) a_n(t))^2) = sqrt(y^T C y),  C = mean_t a a^T
//
// Y_n real spherical harmonics, SN3D, as in the encoder, so that the map of a first-order plane
// wave is |s| |1 + cos(angle)|. (The published reference has the gains of Y and X sqrt 2 too high
// by a misplaced parenthesis; spatial/map_agreement.h applies them to C where they are asked for.)
//
// Grid      row r: elevation 88 - 2 r degrees (row 0 at the top, the last one the nadir);
//           column c: azimuth 178 - 2 c degrees (column 0 at the left edge: behind, coming from
//           the left; +90, left, at c = 44; front at c = 89; the last column is -180).
#ifndef V2S_SPATIAL_ENERGY_MAP_H
#define V2S_SPATIAL_ENERGY_MAP_H

#include <stddef.h>

enum { V2S_ENERGY_MAP_ROWS = 90, V2S_ENERGY_MAP_COLS = 180 };

// Adds sum_t a a^T of interleaved [frames][channels] to covariance [channels][channels] (both
// triangles). Divide by the number of frames for the mean; the maps take either.
// channels 1..V2S_MAX_CHANNELS.
void v2s_covariance_add(int channels, const float *interleaved, size_t frames, double *covariance);

// map [V2S_ENERGY_MAP_ROWS][V2S_ENERGY_MAP_COLS], overwritten. channels = (order+1)^2.
void v2s_energy_map_f64(int channels, const double *covariance, double *map);

// The same, rounded at the end: for pictures.
void v2s_energy_map(int channels, const double *covariance, float *map);

#endif
