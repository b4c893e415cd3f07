// SPDX-License-Identifier: MIT
// One clip of a manifest in memory: the geometric path and the truth, sample for sample.
//
//   dry    geometric = dry mono / max(d, 0.5 m) along the trajectory, without propagation delay
//   omni   geometric = W of the truth times (1, u_y, u_z, u_x): gain 1, no distance law, no delay
//   binaural  the truth is two ears; geometric = (L + R)/2 g times (1, u_y, u_z, u_x), with
//          g = sqrt((P_L + P_R) / (2 P_mono)), at most 2: as loud as the ears on the mean, which is
//          how loud the decoders make W (spatial/binaural.h). Without a trajectory u is the front.
//          What is judged against the ears is the geometric path decoded to two ears.
//
// Other layouts than AmbiX are converted on reading.
#ifndef V2S_DATA_PAIR_H
#define V2S_DATA_PAIR_H

#include "data/manifest.h"
#include "spatial/trajectory.h"

typedef struct v2s_pair {
    double rate_hz;
    size_t frames;
    float *truth;        // [frames][4] AmbiX; NULL: binaural
    float *ears;         // [frames][2] left and right, of binaural clips; else NULL
    float *geometric;    // [frames][4] AmbiX
    v2s_trajectory path; // on the clip's clock: 0 = first frame
} v2s_pair;

// Loads a `dry`, `omni` or `binaural` clip at rate_hz (0: the truth's own rate). Errors name the
// clip and the file. NUMERIC for samples that are not finite. Free with v2s_pair_free (accepts a
// zeroed one).
V2S_MUST_USE v2s_status v2s_pair_load(const v2s_clip *clip, double rate_hz, v2s_pair *pair);
void v2s_pair_free(v2s_pair *pair);

// The sound that pair->geometric of a `dry` clip was made of, read again: malloc'ed [pair->frames]
// at pair->rate_hz, silent where the file has ended; the caller frees it. Errors name the file.
V2S_MUST_USE v2s_status v2s_pair_dry(const v2s_clip *clip, const v2s_pair *pair, float **mono);

#endif
