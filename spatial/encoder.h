// SPDX-License-Identifier: MIT
// One moving mono source -> ambisonics (ACN, SN3D), as a stream.
//
//   out[n][c] += x(t_e) Y_c(u(t_e)) / max(d(t_e), min_distance)         t = start_s + n / rate
//
// Without `doppler` t_e = t. With it the listener hears at t what was sent at t_e with
// t_e + d(t_e) / c = t: a source that recedes at v sounds at f c / (c + v), and one that stands
// still at d is delayed by exactly d rate / c samples. origin_m takes the delay of one distance
// away, t_e + (d(t_e) - origin_m) / c = t: a source that stands at it is not delayed, and what
// comes nearer is heard before it would be sent (the latency is longer by origin_m / c). `air`
// filters the source by ISO 9613-1. Gains are exact every V2S_ENCODER_STEP samples (counted from
// the first one, so block sizes do not matter) and linear between: a measured error of 3e-5 for a
// source that swings at 790 deg/s. A trajectory that jumps faster than sound is followed as fast as
// the reading rate allows (0 .. V2S_ENCODER_MAX_READ_RATE times; a short glissando instead of a
// click).
//
// Timing: out[i] of the whole stream belongs to input i - latency. Without doppler and air the
// latency is 0. Otherwise drop the first v2s_encoder_latency_frames() output frames and push
// v2s_encoder_tail_frames() zeros after the end. Latency depends only on doppler, air,
// origin_m and rate, so sources with the same options may be added into one stream.
// One thread per encoder; samples that are not finite spread over the filter length.
#ifndef V2S_SPATIAL_ENCODER_H
#define V2S_SPATIAL_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/air.h"
#include "spatial/trajectory.h"

enum { V2S_ENCODER_STEP = 32 };
#define V2S_ENCODER_MAX_READ_RATE 4.0
#define V2S_ENCODER_MAX_DOPPLER_M 20000.0 // longest distance with doppler (one minute of sound)

typedef struct v2s_encoder v2s_encoder;

typedef struct v2s_encoder_config {
    int order;                         // 0 .. V2S_MAX_ORDER
    double rate_hz;                    // of the sound
    double min_distance_m;             // > 0: the gain does not grow below it
    bool doppler;                      // propagation delay d / c
    bool air;                          // air absorption
    v2s_air_conditions air_conditions; // used with air: v2s_air_default()
    const v2s_trajectory *trajectory;  // borrowed until close
    double start_s;                    // time of the first sample on the trajectory's clock
    double origin_m;                   // with doppler: the distance without delay; 0: none
} v2s_encoder_config;

// ARG for values out of range (distance beyond V2S_ENCODER_MAX_DOPPLER_M with doppler). NOMEM.
V2S_MUST_USE v2s_status v2s_encoder_open(const v2s_encoder_config *config, v2s_encoder **e);

// mono[frames] -> out[frames][(order+1)^2] interleaved, ADDED to. Any block sizes: same bits.
V2S_MUST_USE v2s_status v2s_encoder_process(v2s_encoder *e, const float *mono, size_t frames,
                                            float *out);

// Output frames to drop at the start.
size_t v2s_encoder_latency_frames(const v2s_encoder *e);

// Zeros to push after the end. Without doppler: the latency, so the output is as long as the input.
// With doppler: so many that all that is still under way is heard (below 1e-9 after it); ask after
// the last sample of sound, since it depends on how far away the source is then.
size_t v2s_encoder_tail_frames(const v2s_encoder *e);

void v2s_encoder_close(v2s_encoder **e);

#endif
