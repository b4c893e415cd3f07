// SPDX-License-Identifier: MIT
// What walls do to a spectrum: the functions that carry eight band values to every frequency.
//
//   ln |R(f)| = sum_b ln R_b phi_b(f)      phi_b: raised cosines over log f that sum to 1; the
//                                          first and the last band hold below and above
//   ln R(f)   = ln |R(f)| + i H{ln |R|}(f)     minimum phase
//
// H is the Hilbert transform over the periodic frequency axis, so ln R is analytic outside the
// unit circle: a reflection is causal, nothing sounds before it. Reflections in a row multiply;
// minimum phase stays minimum phase. R_b is not taken below 1e-5 (an absorption of 1 at one band).
#ifndef V2S_SPATIAL_ROOM_BANDS_H
#define V2S_SPATIAL_ROOM_BANDS_H

#include <stdint.h>

#include "kernels/fft.h"
#include "spatial/room.h"

double v2s_room_phi(int band, double hz);

// ln R_b of an energy absorption.
double v2s_room_log_reflection(double absorption);

// The walls of a room by their kinds: walls of equal absorption are of one.
typedef struct v2s_room_bands {
    bool flat; // no wall depends on frequency
    int kinds;
    int kind[V2S_ROOM_WALLS];
    double flat_log[V2S_ROOM_WALLS]; // [kinds] ln R, where flat
    double bin_hz;                   // 2 to 4 Hz; linear between
    size_t bins;
    v2s_complex *log; // [kinds][bins] ln R; NULL where flat
} v2s_room_bands;

V2S_MUST_USE v2s_status v2s_room_bands_open(const v2s_room *room, double rate_hz,
                                            v2s_room_bands *bands);
void v2s_room_bands_close(v2s_room_bands *bands);

// The filter after counts[kinds] reflections: exp(sum counts ln R(hz)).
v2s_complex v2s_room_bands_at(const v2s_room_bands *bands, const uint16_t *counts, double hz);

#endif
