// SPDX-License-Identifier: MIT
// What listeners compare on one page: the truth, what the systems make of the clip, and anchors,
// decoded to two ears.
//
//   reference              the truth; that of binaural clips as it is
//   refined, geometric     the systems of those names
//   against_X              the other checkpoint X
//   anchor35, anchor_mono  of the reference
//
// All have V2S_STIMULUS_LUFS, one length (at most V2S_LISTENING_MAX_S), and fade in and out.
#ifndef V2S_INFER_LISTENING_STIMULI_H
#define V2S_INFER_LISTENING_STIMULI_H

#include "infer/compare.h"
#include "infer/stimulus.h"

#define V2S_LISTENING_MAX_S 10.0 // BS.1534-3: about 10 s, 12 s at most

enum { V2S_LISTENING_STIMULI_MAX = 8, V2S_LISTENING_NAME_MAX = 80 };

typedef struct v2s_listening_stimulus {
    char name[V2S_LISTENING_NAME_MAX]; // letters, digits, '.', '_', '-'
    float *stereo;                     // [frames][2], owned
    double gain_db;                    // that brought it to the loudness
} v2s_listening_stimulus;

typedef struct v2s_listening_stimuli {
    size_t frames;
    int count;
    v2s_listening_stimulus items[V2S_LISTENING_STIMULI_MAX]; // the reference first
} v2s_listening_stimuli;

// FORMAT: a sound has no loudness. NOMEM. Errors name the clip.
V2S_MUST_USE v2s_status v2s_listening_stimuli_make(const v2s_systems *systems, const v2s_hrtf *hrtf,
                                                   const v2s_clip_result *result,
                                                   v2s_listening_stimuli *stimuli);
void v2s_listening_stimuli_free(v2s_listening_stimuli *stimuli); // accepts a zeroed one

// Two ears at 48 kHz of a sound [frames][channels] at rate_hz: four channels are decoded, two are
// taken as they are. *stereo is malloc'ed.
V2S_MUST_USE v2s_status v2s_listening_decode(const v2s_hrtf *hrtf, double rate_hz, int channels,
                                             size_t frames, const float *sound, float **stereo,
                                             size_t *out_frames);

#endif
