// SPDX-License-Identifier: MIT
// One synthetic scene: a source that moves in a place, in memory.
//
//   source   recordings (stretch.h) at an active level of -45 to -22 dBFS at 1 m, evenly in dB;
//            quieter where a sample of the scene would pass 0.9
//   truth    (direct + reflections + tail) and noise, all at their true levels: nothing is
//            normalised afterwards. The direct sound is that of the encoder without propagation
//            delay, gain 1 / max(d, 0.5), sample for sample; reflections are late by their
//            path difference.
//   head     turned about z by a random angle, so that the walls' directions are arbitrary
//   noise    signal (root mean square of W over the clip) to noise in dB, drawn evenly; 2 to 50 %
//            of the noise power is that of the microphones, the rest is diffuse
//
// A scene depends on (seed, index, plan) only.
#ifndef V2S_TRAIN_SCENE_H
#define V2S_TRAIN_SCENE_H

#include <stdbool.h>

#include "train/ambience.h"
#include "train/stretch.h"
#include "train/venue.h"

#define V2S_SCENE_DRR_LIMIT_DB 60.0

typedef struct v2s_scene_plan {
    const v2s_sounds *sounds; // borrowed
    v2s_split split;
    const v2s_venue *venue; // borrowed
    v2s_motion motion;
    bool noise;
    double snr_low_db, snr_high_db; // used with noise
    double rate_hz, duration_s;
    uint64_t seed;
    uint64_t index; // of the scene
} v2s_scene_plan;

typedef struct v2s_synth_scene {
    size_t frames;
    float *dry;          // [frames]
    float *truth;        // [frames][4], AmbiX
    v2s_trajectory path; // relative to the head, as a file holds it (quantised)
    v2s_stretch stretch; // what is heard
    double drr_db;       // W of direct sound to W of the rest without noise, over the clip; at most
                         // V2S_SCENE_DRR_LIMIT_DB
    double snr_db;       // NAN without noise
    double level_db;     // active level of the dry sound
    double yaw_rad;      // of the head, counter-clockwise, against the room's x axis
} v2s_synth_scene;

// Frames of a clip.
size_t v2s_scene_frames(double rate_hz, double duration_s);

V2S_MUST_USE v2s_status v2s_scene_make(const v2s_scene_plan *plan, v2s_synth_scene *scene);
void v2s_scene_release(v2s_synth_scene *scene); // accepts a zeroed one

#endif
