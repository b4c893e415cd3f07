// SPDX-License-Identifier: MIT
// Rauch-Tung-Striebel smoother for a path in space: the whole clip is seen, so there is no lag.
//
// Model: constant velocity driven by white-noise acceleration, state (p, v) of 6 numbers,
//     p' = v,  v' = w,  E w(t) w(s)^T = q I delta(t - s),    q = acceleration_m_s2^2 * (1 s)
//     F = [I, dt I; 0, I]      Q = q [dt^3/3 I, dt^2/2 I; dt^2/2 I, dt I]
//     z = p + n,  n ~ N(0, R),  R = (s_r^2 rr^T + s_t^2 (I - rr^T)) / c^2
// r = z/|z|, s_r = range_sigma_ratio |z| along the ray (distance is the weak measurement), s_t =
// angle_sigma_rad |z| across it, c = confidence, not below 0.1. Prior: position unknown, velocity
// N(0, (V2S_SMOOTHER_SPEED_SIGMA_M_S)^2) at the first present observation.
// The result is the maximum a posteriori (weighted least-squares) path, exactly
// (Rauch, Tung, Striebel, "Maximum likelihood estimates of linear dynamic systems", 1965).
//
// Observations that are not present add nothing: between present ones the path is the model's
// interpolation; before the first and after the last it goes on at constant velocity for at most
// V2S_SMOOTHER_EXTRAPOLATE_S and then stands still, so that a lost object does not fly away.
// Their confidence fades with the time from the nearest present observations: the larger of
// c exp(-gap / V2S_SMOOTHER_GAP_DECAY_S) of the one before and the one after. Present observations
// keep theirs.
#ifndef V2S_SPATIAL_SMOOTHER_H
#define V2S_SPATIAL_SMOOTHER_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/trajectory.h"

#define V2S_SMOOTHER_SPEED_SIGMA_M_S 10.0
#define V2S_SMOOTHER_EXTRAPOLATE_S 0.5
#define V2S_SMOOTHER_GAP_DECAY_S 0.5
#define V2S_SMOOTHER_MIN_DISTANCE_M 0.001 // results nearer than this are moved out to it

typedef struct v2s_observation {
    double time_s;
    v2s_vec3 position_m; // ignored unless present
    double confidence;   // 0..1
    bool present;
} v2s_observation;

typedef struct v2s_smoother_config {
    double acceleration_m_s2; // sqrt(q / 1 s): typical speed change within one second, m/s
    double angle_sigma_rad;   // of one observation, across the ray
    double range_sigma_ratio; // of one observation, along the ray, relative to its distance
} v2s_smoother_config;

// 3 m/s^2, 0.5 deg, 5 %.
v2s_smoother_config v2s_smoother_default(void);

// One point per observation, name empty; the caller frees `out`. ARG: no present observation,
// times not strictly increasing, a value that is not finite, a position nearer than
// V2S_SMOOTHER_MIN_DISTANCE_M, a configuration value that is not positive. NOMEM.
V2S_MUST_USE v2s_status v2s_smooth(const v2s_observation *obs, size_t count,
                                   const v2s_smoother_config *config, v2s_trajectory *out);

#endif
