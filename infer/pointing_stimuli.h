// SPDX-License-Identifier: MIT
// What listeners point at: a stretch of a clip in which its source stands (nearly) still, as the
// truth and as the systems have it, decoded to two ears.
//
// Stretch    V2S_POINTING_S long (the whole clip where that is shorter, but at least
//            V2S_POINTING_LEAST_S), starts every 0.25 s. Its direction is that of the mean of the
//            trajectory's unit vectors, its spread the largest angle from there; of the stretches
//            with a spread of at most V2S_POINTING_SPREAD_DEG the one with most energy in the
//            truth (its W, or both ears of binaural clips) is taken.
// Level      every stimulus has V2S_STIMULUS_LUFS, so that loudness tells nothing.
#ifndef V2S_INFER_POINTING_STIMULI_H
#define V2S_INFER_POINTING_STIMULI_H

#include "infer/listening_stimuli.h"

#define V2S_POINTING_S 2.0
#define V2S_POINTING_LEAST_S 0.5
#define V2S_POINTING_SPREAD_DEG 5.0

typedef struct v2s_pointing_stimuli {
    v2s_listening_stimuli sounds; // "reference", "refined" (with a refiner), "geometric"
    double from_s, length_s;      // of the stretch in its clip
    double azimuth_deg, elevation_deg;
} v2s_pointing_stimuli;

// FORMAT: no trajectory, the source does not stand still for so long, or a sound has no loudness.
// NOMEM. Errors name the clip.
V2S_MUST_USE v2s_status v2s_pointing_stimuli_make(const v2s_systems *systems, const v2s_hrtf *hrtf,
                                                  const v2s_clip_result *result,
                                                  v2s_pointing_stimuli *stimuli);
void v2s_pointing_stimuli_free(v2s_pointing_stimuli *stimuli); // accepts a zeroed one

// The stretch of a pair: its first frame and length, and its direction. FORMAT.
V2S_MUST_USE v2s_status v2s_pointing_stretch(const v2s_pair *pair, size_t *from, size_t *frames,
                                             v2s_vec3 *direction);

#endif
