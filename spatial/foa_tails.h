// SPDX-License-Identifier: MIT
// The basis of spatial/foa_basis.h at work: W's levels, the tails, and the residual that gains make
// of them. Frame by frame with a handle per channel, or in three steps of which only the second has
// to go through the frames in their order. Both ways give the same bits.
#ifndef V2S_SPATIAL_FOA_TAILS_H
#define V2S_SPATIAL_FOA_TAILS_H

#include "spatial/foa_basis.h"

// What the tails need to know of W's level, one frame after the other, for all channels.
typedef struct v2s_foa_levels {
    const v2s_foa_basis *basis;
    float *ring; // [history + 1][bands] energies of the newest frames
    int newest;  // row of it
    float *mean; // [K][bands], see below
} v2s_foa_levels;

V2S_MUST_USE v2s_status v2s_foa_levels_open(const v2s_foa_basis *b, v2s_foa_levels *out);
void v2s_foa_levels_close(v2s_foa_levels *l);

// Takes the next frame w[2][stride]: its energy[bands], and levels[V2S_BASIS_LEVELS]: that energy
// [bands] and running means of it smeared as by each segment's taps [K][bands].
enum { V2S_BASIS_LEVELS = (1 + V2S_BASIS_SEGMENTS_MAX) * V2S_BASIS_BANDS };
void v2s_foa_levels_next(v2s_foa_levels *l, const float *w, float *energy, float *levels);

// ---- frame by frame ---------------------------------------------------------------------------

// The tails of one output channel (ACN).
typedef struct v2s_foa_tails {
    const v2s_foa_basis *basis;
    int channel;
    float *tails;  // [K][2][stride] of the newest frame, not evened out
    float *energy; // [K][bands] of them
    float *own;    // [K][bands] running mean of it
    float *even;   // [K][bands] gains that even out
} v2s_foa_tails;

// W (channel 0) only with with_w.
V2S_MUST_USE v2s_status v2s_foa_tails_open(const v2s_foa_basis *b, int channel, v2s_foa_tails *out);
void v2s_foa_tails_close(v2s_foa_tails *t);

// Takes the next frame: w points at its spectrum, with its history in front; levels as above.
void v2s_foa_tails_next(v2s_foa_tails *t, const float *w, const float *levels);

// Tail k of the newest frame: out[2][stride], overwritten.
void v2s_foa_tails_get(const v2s_foa_tails *t, int k, float *out);

// Residual of the newest frame: out[2][stride], overwritten, for the source at unit vector u and
// gains [bands][b->gains].
void v2s_foa_tails_residual(const v2s_foa_tails *t, const float *w, v2s_vec3 u, const float *gains,
                            float *out);

// ---- in steps ---------------------------------------------------------------------------------

// 1. Any frame, any thread: tails[to - from][K][2][stride] of the channels from .. to-1, not evened
// out, and their energy[to - from][K][bands].
void v2s_foa_smear(const v2s_foa_basis *b, int from, int to, const float *w, const float *levels,
                   float *tails, float *energy);

// 2. One frame after the other: gains even[K][bands] from the energy[K][bands] of one channel (they
// may be the same memory); own[K][bands] is its running mean, zero at first.
void v2s_foa_even_out(const v2s_foa_basis *b, int channel, const float *energy, const float *levels,
                      float *own, float *even);

// 3. Any frame, any thread: residual of one channel, as v2s_foa_tails_residual, of tails
// [K][2][stride] and even[K][bands].
void v2s_foa_residual(const v2s_foa_basis *b, int channel, const float *w, const float *tails,
                      const float *even, v2s_vec3 u, const float *gains, float *out);

#endif
