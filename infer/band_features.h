// SPDX-License-Identifier: MIT
// What the `v2s` refiner's network sees: one row per frame of the basis (spatial/foa_basis.h).
//
//   0 .. 31   log10(E / mean E over the stretch + 1e-6) of W in each band: how the sound moves,
//             neither its level nor its spectrum. 0 in bands above half the rate.
//   32        u_z: sine of the elevation
//   33        angular speed of the source, rad/s, tanh
//   and for the pairing `omni`, where W has the room in it:
//   34 .. 65  log10 of the stretch's mean E in each band over the geometric mean of it in the two
//             bands on either side: peaks and dips that a room makes, blind to a smooth spectrum
//   for the pairing `dry`, where the room is to be made:
//   34        log2 of the distance in metres
//   35 .. 42  log2 of RT60 / 0.5 s, 63 Hz .. 8 kHz
//   43        direct-to-reverberant ratio / 10 dB
// Azimuth is not among them: gains are relative to the direction, and a room may be turned.
#ifndef V2S_INFER_BAND_FEATURES_H
#define V2S_INFER_BAND_FEATURES_H

#include "data/manifest.h"
#include "spatial/foa_basis.h"
#include "spatial/trajectory.h"

enum {
    V2S_BAND_INPUTS_OMNI = 2 * V2S_BASIS_BANDS + 2,
    V2S_BAND_INPUTS_DRY = V2S_BASIS_BANDS + 4 + V2S_CLIP_BANDS
};

// The room that the pairing `dry` is asked for.
typedef struct v2s_condition {
    double rt60_s[V2S_CLIP_BANDS]; // 63 Hz .. 8 kHz
    double drr_db;
} v2s_condition;

// From a clip's fields; what it does not say is a living room: 0.5 s, and the DRR of a critical
// distance of 1 m, -20 log10(d).
v2s_condition v2s_condition_of(const v2s_clip *clip, double distance_m);

// When the frames of a stretch are, and how many of its bands lie below half the rate.
typedef struct v2s_band_clock {
    double first_s, hop_s; // frame t of the stretch lies at first_s + t * hop_s of the path
    int used;
} v2s_band_clock;

// x[frames][inputs] from energy[frames][V2S_BASIS_BANDS]; `condition` NULL: pairing `omni`.
void v2s_band_features(const v2s_band_clock *clock, const float *energy, int frames,
                       const v2s_trajectory *path, const v2s_condition *condition, float *x);

// Overwrites what is not sound in x[frames][inputs of `dry` or omni] with neutral values: horizon,
// at rest, 1 m, 0.5 s, 0 dB. All of them are 0.
void v2s_band_features_neutral(int frames, bool dry, float *x);

#endif
