// SPDX-License-Identifier: MIT
// The renderer on the clips of a manifest with some of its components left out, and what the
// difference says about each of them: compare --without LIST.
//
// The full system makes a clip's sound with all components; every switch changes one thing:
//
//   doppler       propagation delay: what is heard at t was sent at t_e,
//                 t_e + (d(t_e) - d(0)) / c = t. The constant part d(0)/c is taken away, so the
//                 sound stays in time with the pair's convention (data/pair.h); a source that keeps
//                 its distance is not changed.          without: t_e = t
//   air           ISO 9613-1 over d(t_e), 20 C, 50 %, 101325 Pa (spatial/air.h).    without: none
//   depth         the distance d(t) of the path, in the law 1 / max(d, 0.5 m), in doppler, in air
//                 and in what the refiner is told.      without: the clip's mean of d at all times
//   smoothing     Rauch-Tung-Striebel smoother (spatial/smoother.h, its defaults) over the points
//                 of the clip's trajectory, each an observation with its confidence.
//                 without: the trajectory as it is
//   refiner       the checkpoint of --refiner on this geometric path.   without: geometric path
//   conditioning  what a `v2s` refiner is told besides the sound: sine of the elevation, angular
//                 speed and, for dry pairs, distance, RT60 and DRR (infer/band_features.h).
//                 without: neutral values: horizon, at rest, 1 m, 0.5 s in every octave, 0 dB.
//                 The direction itself, to which its gains are relative, stays.
//
// Without doppler, air, smoothing and refiner a clip's sound is its pair's geometric path, bit for
// bit. Which components a clip has: dry pairs have all of them. In omni and binaural pairs the
// sound is the recording's own, which has come its way already: doppler, air and depth do not
// apply. refiner needs --refiner, conditioning one of preset `v2s`. What does not apply is named
// and not judged.
//
// Systems: `full`; `without_X` for every X of the list that applies; `minimal`, without all of
// them, where there are two or more. Contrasts: each of those minus `full`, paired by clip.
//
// Threads  One thread per v2s_ablation; refiners may be shared.
#ifndef V2S_INFER_COMPARE_ABLATION_H
#define V2S_INFER_COMPARE_ABLATION_H

#include "data/pair.h"
#include "infer/compare_systems.h"

typedef enum v2s_component {
    V2S_COMPONENT_DOPPLER,
    V2S_COMPONENT_AIR,
    V2S_COMPONENT_DEPTH,
    V2S_COMPONENT_SMOOTHING,
    V2S_COMPONENT_REFINER,
    V2S_COMPONENT_CONDITIONING,
    V2S_COMPONENT_COUNT
} v2s_component;

typedef unsigned v2s_component_set; // bit 1 << component

const char *v2s_component_name(v2s_component component);

// "air,doppler" or "all". USAGE names the unknown word.
V2S_MUST_USE v2s_status v2s_components_parse(const char *list, v2s_component_set *set);

// Why a component does not apply; NULL: it does. `refiner` NULL: there is none.
const char *v2s_component_absent(v2s_component component, v2s_pairing pairing,
                                 const v2s_clip_refiner *refiner);

// Adds the systems and contrasts for the components of `list` that apply; `refiner` is borrowed.
// USAGE where none does.
V2S_MUST_USE v2s_status v2s_ablation_systems(v2s_systems *systems, v2s_component_set list,
                                             v2s_pairing pairing, v2s_clip_refiner *refiner);

// ---- one clip ---------------------------------------------------------------------------------

typedef struct v2s_ablation v2s_ablation;

// Reads the dry sound again and smooths the path. `clip` and `pair` (loaded from it) are borrowed
// until close. Errors name the file; ARG for a path that cannot be smoothed; NOMEM.
V2S_MUST_USE v2s_status v2s_ablation_open(const v2s_clip *clip, const v2s_pair *pair,
                                          v2s_ablation **ablation);

// out [frames][4] AmbiX, overwritten: the system without the components of `without`. `refiner`
// NULL: without the refiner, too.
V2S_MUST_USE v2s_status v2s_ablation_render(v2s_ablation *ablation, v2s_component_set without,
                                            v2s_clip_refiner *refiner, float *out);

void v2s_ablation_close(v2s_ablation **ablation);

#endif
