// SPDX-License-Identifier: MIT
// Random paths of a source around a listener in a room.
//
//   static       one place
//   linear       straight ahead at constant speed
//   circle       about the listener, or about a point nearby
//   pendulum     to and fro across the line of sight
//   approach     straight towards the listener or away
//   zigzag       legs of 0.5 to 1.2 s at 35 to 60 deg to the left and right of a course
//   random-walk  a course and a height that wander
//   jump         2 to 4 places, one after the other
//
// Speeds are those of people (0.3 to 2.5 m/s, never above V2S_MOTION_MAX_SPEED_M_S); a path that
// would leave the space or come too near is drawn again, and slower each time. Points are 20 ms
// apart; a jump is two points V2S_MOTION_JUMP_S apart.
#ifndef V2S_TRAIN_MOTION_H
#define V2S_TRAIN_MOTION_H

#include "kernels/base/rng.h"
#include "kernels/base/status.h"
#include "spatial/trajectory.h"

typedef enum v2s_motion {
    V2S_MOTION_STATIC,
    V2S_MOTION_LINEAR,
    V2S_MOTION_CIRCLE,
    V2S_MOTION_PENDULUM,
    V2S_MOTION_APPROACH,
    V2S_MOTION_ZIGZAG,
    V2S_MOTION_RANDOM_WALK,
    V2S_MOTION_JUMP,
} v2s_motion;

enum { V2S_MOTION_COUNT = 8, V2S_MOTION_PLACES_MAX = 4 };
#define V2S_MOTION_MAX_SPEED_M_S 2.5
#define V2S_MOTION_JUMP_S 0.01

// "static", "linear", ...
const char *v2s_motion_name(v2s_motion motion);

typedef struct v2s_motion_space {
    v2s_vec3 low_m, high_m; // box in which the source stays
    v2s_vec3 listener_m;
    double distance_min_m, distance_max_m; // from the listener; drawn evenly in the logarithm
} v2s_motion_space;

typedef struct v2s_motion_path {
    v2s_trajectory path; // relative to the listener, axes of the room; owned
    // A jump's places: place i holds from start_s[i] on. Other motions have one place.
    size_t places;
    double start_s[V2S_MOTION_PLACES_MAX];
} v2s_motion_path;

// ARG where the space has no place at a permitted distance, NOMEM. duration_s is at least 0.1. Free
// the path.
V2S_MUST_USE v2s_status v2s_motion_draw(v2s_motion motion, const v2s_motion_space *space,
                                        double duration_s, v2s_rng *rng, v2s_motion_path *path);

#endif
