// SPDX-License-Identifier: MIT
// Energies and active intensity of a four-channel sound in cells of 10 ms, streaming.
//
// All four channels pass one band-pass (second-order Butterworth at 500 Hz and at 5 kHz, or 0.4
// times the rate where that is lower): below, rooms resonate and microphones' dipoles are noise
// (the direction of a TAU 2019 sample is wrong by 8.8 deg over the whole band, by 6.9 deg from
// 100 Hz on, by 2.7 deg from 500 Hz on); above, spheres of microphones with some centimetres of
// radius are spatially aliased. The same filter for all channels leaves their relations alone.
// With s_0 = W and s_1..3 in file order, per cell
//
//   energy[c] = sum s_c^2        intensity[k] = sum s_0 s_k, k = 1..3
//
// which by Parseval is sum Re{W* s_k} over frequency, weighted by energy: for a plane wave from u
// in AmbiX, intensity = (u_y, u_z, u_x) energy_W. The coherence
//
//   |intensity|^2 / (energy_0 (energy_1 + energy_2 + energy_3))        0..1
//
// is 1 for a plane wave in every order and normalisation of channels, and 0 for a diffuse field.
//
// Cell k holds frames llround(k rate / 100) to llround((k + 1) rate / 100) - 1; the last may be
// shorter. Threads: a handle is used by one thread at a time.
#ifndef V2S_SPATIAL_FOA_CELLS_H
#define V2S_SPATIAL_FOA_CELLS_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"

#define V2S_FOA_CELL_S 0.01

typedef struct v2s_foa_cell {
    double energy[4], intensity[3];
} v2s_foa_cell;

typedef struct v2s_foa_cells v2s_foa_cells;

// ARG: rate outside 4..400 kHz; NOMEM.
V2S_MUST_USE v2s_status v2s_foa_cells_open(double rate_hz, v2s_foa_cells **cells);
// interleaved4 [frames][4] in file order. NOMEM.
V2S_MUST_USE v2s_status v2s_foa_cells_add(v2s_foa_cells *cells, const float *interleaved4,
                                          size_t frames);
// What was added so far; valid until the next call.
const v2s_foa_cell *v2s_foa_cells_all(const v2s_foa_cells *cells, size_t *count);
void v2s_foa_cells_close(v2s_foa_cells **cells);

// Intensity as a vector (x front, y left, z up) if channels 1..3 are Y Z X (AmbiX), or X Y Z.
static inline v2s_vec3 v2s_foa_cell_wyzx(const v2s_foa_cell *c) {
    return (v2s_vec3){c->intensity[2], c->intensity[0], c->intensity[1]};
}

static inline v2s_vec3 v2s_foa_cell_wxyz(const v2s_foa_cell *c) {
    return (v2s_vec3){c->intensity[0], c->intensity[1], c->intensity[2]};
}

static inline double v2s_foa_cell_dipoles(const v2s_foa_cell *c) {
    return c->energy[1] + c->energy[2] + c->energy[3];
}

// 0 for silence.
double v2s_foa_cell_coherence(const v2s_foa_cell *c);

// *sum += *c.
void v2s_foa_cell_sum(v2s_foa_cell *sum, const v2s_foa_cell *c);

#endif
