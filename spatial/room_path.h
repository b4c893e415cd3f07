// SPDX-License-Identifier: MIT
// Where a moving source is inside its room, by the number of the sample that it sends.
#ifndef V2S_SPATIAL_ROOM_PATH_H
#define V2S_SPATIAL_ROOM_PATH_H

#include "spatial/room.h"

typedef struct v2s_room_path {
    const v2s_trajectory *trajectory; // relative to the listener
    v2s_vec3 size_m, listener_m;
    double rate_hz, start_s;
    size_t cursor;
    v2s_distance_piece piece;
} v2s_room_path;

// Coordinates in the room; a place outside it is moved to the nearest one inside. The distance is
// the smooth one of trajectory.h, since delays follow from it.
v2s_vec3 v2s_room_path_at(v2s_room_path *path, double frame);

// True where the source never leaves one place.
bool v2s_room_path_is_still(const v2s_room_path *path);

// Mean distance of its points from the listener.
double v2s_room_path_mean_distance_m(v2s_room_path *path);

#endif
