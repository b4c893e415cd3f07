// SPDX-License-Identifier: MIT
// A checkpoint of any preset applied to one clip in memory: what `compare` and the trainer's
// validation judge.
#ifndef V2S_INFER_CLIP_REFINER_H
#define V2S_INFER_CLIP_REFINER_H

#include "data/pair.h"
#include "kernels/device.h"

typedef struct v2s_clip_refiner v2s_clip_refiner;

typedef enum v2s_clip_system {
    V2S_CLIP_REFINED,
    V2S_CLIP_UNCONDITIONED, // refined, told nothing but the sound (v2s_band_features_neutral)
    V2S_CLIP_SCALED,   // geometric with the best constant gain per channel (stored in the file)
    V2S_CLIP_CONSTANT, // constant gains on the refiner's own basis (stored in the file)
} v2s_clip_system;

// `dev` is borrowed until close. Errors of the file name it.
V2S_MUST_USE v2s_status v2s_clip_refiner_open(const char *path, const v2s_device *dev,
                                              v2s_clip_refiner **out);

// What the file says of itself: "seed", ...; "dry", "omni" or "" (pairing it was trained on).
const char *v2s_clip_refiner_preset(const v2s_clip_refiner *r);
const char *v2s_clip_refiner_pairing(const v2s_clip_refiner *r);

// Whether the checkpoint holds what a system needs.
bool v2s_clip_refiner_has(const v2s_clip_refiner *r, v2s_clip_system system);

// out [frames][4] from pair->geometric [frames][4] at pair->rate_hz (resampled inside where the
// checkpoint has another rate). `clip` gives the conditioning (rt60, drr) or is NULL. Only
// pair->geometric, path, frames and rate are read, never the truth. Several threads may apply one
// refiner at the same time. ARG for a system that the checkpoint does not have.
V2S_MUST_USE v2s_status v2s_clip_refiner_apply(v2s_clip_refiner *r, v2s_clip_system system,
                                               const v2s_clip *clip, const v2s_pair *pair,
                                               float *out);

void v2s_clip_refiner_close(v2s_clip_refiner **r);

#endif
