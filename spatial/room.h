// SPDX-License-Identifier: MIT
// A shoebox room by the image-source method, straight to first-order ambisonics, with a diffuse
// tail where the images end.
//
// Box       0 <= x <= size_m.x and so on; the listener faces +x, its left is +y, up is +z, so that
//           image directions are AmbiX directions (conventions.h).
// Walls     x = 0, x = Lx, y = 0, y = Ly, z = 0 (floor), z = Lz (ceiling); energy absorption per
//           octave band, 63 Hz .. 8 kHz; the pressure reflection factor is sqrt(1 - alpha). Below
//           the first and above the last band the end value holds; between them its logarithm
//           follows raised cosines over log f. The filter of a reflection is minimum phase, so that
//           nothing sounds before it (room_bands.h has the formula).
// Image     Allen & Berkley, "Image method for efficiently simulating small-room acoustics", 1979:
//           delay d/c, gain 1/d relative to 1 m, one factor per reflection, direction u:
//           W = 1, (Y,Z,X) = u (SN3D). Fractional delays are windowed sincs of 32 samples: the four
//           channels are the exact sum over images within -60 dB (measured: -66 to -75 dB) up to
//           0.85 of the Nyquist frequency.
// Tail      Gaussian noise, isotropic: dipole power 1/3 of W, channels incoherent; decay per band
//           by RT60; its level continues the energy of the images that were left out, by order too
//           (room_tail.h). It never comes before the direct sound.
// Mean      Images are all positive, so their sum has much energy below 20 Hz, as that of every
// image
//           source method; the tail has not. Measure decay above 50 Hz.
// Limits    Box edges 0.1 to 1000 m; no scattering, no diffraction, no air absorption.
#ifndef V2S_SPATIAL_ROOM_H
#define V2S_SPATIAL_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"
#include "spatial/trajectory.h"

enum { V2S_ROOM_WALLS = 6, V2S_ROOM_BANDS = 8, V2S_ROOM_LINE_ORDER = 2 };

extern const double v2s_room_band_hz[V2S_ROOM_BANDS]; // 63, 125, .. 8000

typedef struct v2s_room {
    v2s_vec3 size_m;
    v2s_vec3 listener_m;
    double absorption[V2S_ROOM_WALLS][V2S_ROOM_BANDS]; // energy, 0..1
    int order;      // most reflections of an image; < 0: all that arrive within early_s
    double early_s; // used where order < 0, and the beginning of the tail
    bool tail;
    double min_distance_m; // the gain of an image does not grow below it
    uint64_t seed;         // of the tail
} v2s_room;

// Absorption of all walls that gives these decay times by Eyring's formula. ARG names the band
// whose time cannot be reached.
V2S_MUST_USE v2s_status v2s_room_absorption_of_rt60(v2s_vec3 size_m,
                                                    const double rt60_s[V2S_ROOM_BANDS],
                                                    double absorption[V2S_ROOM_BANDS]);

// Decay times of a room by Eyring's formula (what the tail follows).
void v2s_room_rt60(const v2s_room *room, double rt60_s[V2S_ROOM_BANDS]);

// When a room's reflections have become diffuse to the ear: 0.0117 V + 50.1 ms (Lindau, Kosanke,
// Weinzierl, "Perceptual evaluation of model- and signal-based predictors of the mixing time in
// binaural room impulse responses", JAES 60, 2012), 0.1 s at most. A good early_s.
double v2s_room_mixing_s(v2s_vec3 size_m);

// ARG, in a sentence that names the field, for what makes no room (a listener outside, ...).
V2S_MUST_USE v2s_status v2s_room_check(const v2s_room *room);

// The place itself, or the nearest one that is 1 mm inside the walls. *outside: it was none.
v2s_vec3 v2s_room_nearest_inside(v2s_vec3 size_m, v2s_vec3 place_m, bool *outside);

// Response from a source that stands still, direct sound included, at delay d/c. *foa is
// malloc'ed [*frames][4], AmbiX; the caller frees it. What a delay below 16 samples would have
// before sample 0 is cut. ARG where the source or the listener is not inside, or the tail or the
// number of images would be out of bounds.
V2S_MUST_USE v2s_status v2s_room_response(const v2s_room *room, v2s_vec3 source_m, double rate_hz,
                                          float **foa, size_t *frames);

// Ratio of direct to all other energy of a response of v2s_room_response, W, in dB; the direct
// sound is what arrives within 2.5 ms after d/c.
double v2s_room_drr_db(const float *foa, size_t frames, double rate_hz, double distance_m);

// A moving source as a stream. The trajectory is relative to the listener; where it leaves the room
// the nearest place inside stands for it in the reflections.
//
//   direct and up to 2 reflections   followed with every sample: fractional delays and gains, exact
//                                    every 32 samples and linear between; each image as it was when
//                                    what is heard now was sent
//   more reflections                 pieces of 54 to 96 ms under triangular windows that overlap by
//                                    half, each through the response of its middle; a source that
//                                    moved by less than 5 mm keeps its response
//   tail                             does not depend on the place of the source
//   a source that never moves        one response, one convolution
typedef struct v2s_room_renderer v2s_room_renderer;

typedef struct v2s_room_renderer_config {
    v2s_room room;
    double rate_hz;
    const v2s_trajectory *trajectory; // borrowed until close
    double start_s;                   // time of the first sample on the trajectory's clock
    bool direct;  // render the direct sound too (false: reflections and tail only)
    bool doppler; // false: the direct sound is at time 0 and reflections keep their delay
                  // relative to it; true: everything at its own d/c
} v2s_room_renderer_config;

V2S_MUST_USE v2s_status v2s_room_renderer_open(const v2s_room_renderer_config *config,
                                               v2s_room_renderer **renderer);

// The same interface for a given response foa[frames][4], for instance a measured one, that begins
// `delay_frames` after the sound.
V2S_MUST_USE v2s_status v2s_room_renderer_open_response(const float *foa, size_t frames,
                                                        size_t delay_frames, double rate_hz,
                                                        v2s_room_renderer **renderer);

// Makes the latency at least this long, so that several sources come out together. Before the
// first sound only. NOMEM.
V2S_MUST_USE v2s_status v2s_room_renderer_raise_latency(v2s_room_renderer *renderer,
                                                        size_t latency_frames);

// mono[frames] -> out[frames][4], ADDED to; same bits for any block sizes. out[i] of the stream
// belongs to input i - latency.
V2S_MUST_USE v2s_status v2s_room_renderer_process(v2s_room_renderer *renderer, const float *mono,
                                                  size_t frames, float *out);

// A whole sound at once: mono[frames] -> out[frames][4], ADDED to, out[i] in time with mono[i];
// what rings on after frames is left out. For a renderer that has had no sound. NOMEM.
V2S_MUST_USE v2s_status v2s_room_renderer_add(v2s_room_renderer *renderer, const float *mono,
                                              size_t frames, float *out);

size_t v2s_room_renderer_latency_frames(const v2s_room_renderer *renderer);

// Zeros to push after the end until the room is silent (latency included).
size_t v2s_room_renderer_tail_frames(const v2s_room_renderer *renderer);

void v2s_room_renderer_close(v2s_room_renderer **renderer);

#endif
