// SPDX-License-Identifier: MIT
// Where a source is at any time: a list of points and the interpolation between them.
//
// Direction by spherical linear interpolation (slerp) of unit vectors, distance and confidence
// linearly, both ends held. Two opposite directions have no unique great circle: the one used
// turns counter-clockwise (seen from above) about the axis nearest to the vertical, and about
// the y axis (left) if the direction is vertical itself.
// Seconds, metres, axes of conventions.h. A trajectory owns its points; reading is const and may
// run in several threads, each with its own cursor.
#ifndef V2S_SPATIAL_TRAJECTORY_H
#define V2S_SPATIAL_TRAJECTORY_H

#include <stddef.h>

#include "spatial/conventions.h"

enum { V2S_TRAJECTORY_NAME_MAX = 64 };

typedef struct v2s_point {
    double time_s;
    v2s_vec3 unit;     // direction, length 1
    double distance_m; // > 0
    double confidence; // 0..1
} v2s_point;

typedef struct v2s_trajectory {
    char name[V2S_TRAJECTORY_NAME_MAX];
    size_t count;      // >= 1 wherever a trajectory is used
    v2s_point *points; // malloc; times strictly increasing
} v2s_trajectory;

typedef struct v2s_trajectory_set {
    size_t count;
    v2s_trajectory *items; // malloc
} v2s_trajectory_set;

typedef struct v2s_trajectory_ranges {
    double distance_min_m, distance_max_m;
    // Azimuth along the unwrapped path, so a source that passes behind from 170 to 190 deg has the
    // range 170..190 and not -170..170; the first point lies in -180..180.
    double azimuth_min_deg, azimuth_max_deg;
    double elevation_min_deg, elevation_max_deg;
    double speed_max_m_s; // fastest chord between neighbouring points; 0 for one point
} v2s_trajectory_ranges;

// The point at time_s. *cursor is a hint that the caller keeps between calls (start with 0): any
// value is right, a good one makes forward reading O(1). NULL is allowed.
v2s_point v2s_trajectory_at(const v2s_trajectory *t, double time_s, size_t *cursor);

// One piece of the smooth distance below, d(t) = a + x (c1 + x (c2 + x c3)) with x = t - from_s,
// kept by the caller between calls; zero it before the first.
typedef struct v2s_distance_piece {
    double from_s, to_s; // valid for from_s <= t < to_s
    double a, c1, c2, c3;
    double low_m, high_m; // limits of d
} v2s_distance_piece;

// Distance as a function with a continuous slope (cubic Hermite through the points, slopes of the
// three-point parabola limited to 3 times the flatter neighbour, so a jump does not ring). A
// propagation delay needs it: with linear distance the pitch would step at every video frame.
// Never below half and never above 1.5 times the distances at the two ends of the interval.
// *slope_m_s is its derivative; outside the points the distance is held (slope 0).
double v2s_trajectory_smooth_distance(const v2s_trajectory *t, double time_s,
                                      v2s_distance_piece *piece, double *slope_m_s);

// Ranges over all points; count >= 1.
v2s_trajectory_ranges v2s_trajectory_summary(const v2s_trajectory *t);

// Great-circle interpolation, s in 0..1, of two directions of length 1.
v2s_vec3 v2s_slerp(v2s_vec3 a, v2s_vec3 b, double s);

// Free the points (and the list); zero the struct; accept a zeroed one.
void v2s_trajectory_free(v2s_trajectory *t);
void v2s_trajectory_set_free(v2s_trajectory_set *s);

#endif
