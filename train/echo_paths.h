// SPDX-License-Identifier: MIT
// How sound gets from the loudspeaker of a rig to its head: paths with a length, the direction they
// come from, and a gain per octave band.
//
//   direct    1/r, r from the loudspeaker to the head; nothing else stands on the rig
//   mirrors   image sources: up to two reflections on any faces of room and boxes, a third on walls
//             alone. A path counts where every point of reflection lies on its face and nothing
//             stands in between. Pressure: 1/length times, for each reflection,
//             sqrt((1 - absorption)(1 - scattering))
//   diffuse   rays from the loudspeaker into all directions, stratified over the sphere. Each of N
//             carries 1/N of the energy; a patch that it meets sends by Lambert's law
//                 p^2 = 4 E (1 - absorption) scattering cos(theta) / (N r^2)
//             to the head, r away, theta off its normal, if the head can be seen, with a random
//             sign. The ray goes on, like from a mirror or scattered, as chance has it. What has
//             been scattered once, or has more than three reflections behind it, which mirrors do
//             not cover, is sent with all that is not absorbed instead of its scattered share.
//             After three reflections rays end by lot and the survivors carry more.
//
// Loudspeaker  its pressure is a + (1 - a) cos(angle to where the rig faces), a from 0.85 at 500 Hz
//              to 0.55 at 16 kHz: 1 in front.
// Air          ISO 9613-1 at 20 degrees, 50 % humidity, at the middle of the bands.
// Edges        do not diffract: nothing comes around a corner but by reflections.
#ifndef V2S_TRAIN_ECHO_PATHS_H
#define V2S_TRAIN_ECHO_PATHS_H

#include "train/depth_scene.h"

typedef struct v2s_echo_path {
    int reflections;
    double length_m;
    v2s_vec3 from;               // at the head, towards where it comes from; the room's axes
    double gain[V2S_ECHO_BANDS]; // of pressure, 1 at 1 m
} v2s_echo_path;

typedef void v2s_echo_sink(void *ctx, const v2s_echo_path *path);

typedef struct v2s_echo_air {
    double neper_m[V2S_ECHO_BANDS]; // pressure falls by exp(-neper_m * length)
} v2s_echo_air;

// Middle of a band in Hz.
double v2s_echo_band_hz(int band);

v2s_echo_air v2s_echo_air_default(void);

// Pressure of the loudspeaker into a direction (a unit vector in the room's axes), per band.
void v2s_echo_speaker(const v2s_depth_rig *rig, v2s_vec3 direction, double gain[V2S_ECHO_BANDS]);

// Paths no longer than longest_m, in an order that depends on the arguments alone.
void v2s_echo_direct(const v2s_depth_rig *rig, const v2s_echo_air *air, v2s_echo_sink *sink,
                     void *ctx);
void v2s_echo_mirrors(const v2s_world *world, const v2s_depth_rig *rig, const v2s_echo_air *air,
                      double longest_m, v2s_echo_sink *sink, void *ctx);
void v2s_echo_diffuse(const v2s_world *world, const v2s_depth_rig *rig, const v2s_echo_air *air,
                      double longest_m, int rays, v2s_rng *rng, v2s_echo_sink *sink, void *ctx);

#endif
