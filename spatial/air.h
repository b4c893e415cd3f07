// SPDX-License-Identifier: MIT
// Sound absorption by air: ISO 9613-1:1993, equations (3) to (5) and annex B, as a function and as
// a filter whose distance may change with every sample.
#ifndef V2S_SPATIAL_AIR_H
#define V2S_SPATIAL_AIR_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_air_conditions {
    double temperature_c;    // -20 .. 50 is what the standard covers
    double humidity_percent; // relative, 0 .. 100
    double pressure_pa;
} v2s_air_conditions;

// 20 C, 50 %, 101325 Pa.
v2s_air_conditions v2s_air_default(void);

// Pure-tone attenuation coefficient in dB per metre.
double v2s_air_absorption_db_m(const v2s_air_conditions *c, double freq_hz);

// Linear-phase FIR filter of the attenuation over a distance.
//
// Filters are designed for a fixed series of distances and interpolated linearly between the two
// neighbours per sample; they have the same phase, so amplitudes interpolate and nothing clicks.
// One thread per filter.
typedef struct v2s_air_filter v2s_air_filter;

V2S_MUST_USE v2s_status v2s_air_filter_open(const v2s_air_conditions *conditions, double rate_hz,
                                            v2s_air_filter **filter);

// Delay of the filter in samples: output i belongs to input i - latency.
size_t v2s_air_filter_latency_frames(const v2s_air_filter *filter);

// in[frames] -> out[frames] (may be the same). distance_m[i] is the distance for output i.
// NOMEM (filters are designed when a distance is first met).
V2S_MUST_USE v2s_status v2s_air_filter_process(v2s_air_filter *filter, const float *in,
                                               const double *distance_m, size_t frames, float *out);

void v2s_air_filter_close(v2s_air_filter **filter);

#endif
