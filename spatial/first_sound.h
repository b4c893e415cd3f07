// SPDX-License-Identifier: MIT
// What arrives first in the ambisonic response of a room: the direct sound, or what stands for it
// where the source is hidden.
//
//   onset      first frame with |W| >= 0.1 max |W| (20 dB below the largest)
//   arrival    frame of the largest |W| in the 1 ms from the onset on
//   window     0.5 ms before the onset to 2.5 ms after the arrival (the window of direct sound in
//              ISO 3382-1's and ACE's direct-to-reverberant ratios)
//   direction  of sum W (X, Y, Z) over the window's first part, to 1 ms after the arrival, before
//              most first reflections
//   gain       sqrt(sum W^2 over that part), with the sign of W at the arrival: that of the single
//              sample that would carry as much
//   drr        10 log10 of energy of W inside the window over that outside, dB
#ifndef V2S_SPATIAL_FIRST_SOUND_H
#define V2S_SPATIAL_FIRST_SOUND_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"

typedef struct v2s_first_sound {
    size_t onset, arrival; // frames
    v2s_vec3 unit;         // where it comes from, length 1
    double gain;
    double drr_db; // +inf: nothing behind it
} v2s_first_sound;

// foa [frames][4], AmbiX. FORMAT, without a file's name: silent, or no direction (no dipole).
V2S_MUST_USE v2s_status v2s_first_sound_find(const float *foa, size_t frames, double rate_hz,
                                             v2s_first_sound *found);

#endif
