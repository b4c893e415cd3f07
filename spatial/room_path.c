// SPDX-License-Identifier: MIT
#include "spatial/room_path.h"

#include <math.h>

static const double still_m = 1e-6;

static v2s_vec3 place(const v2s_room_path *p, v2s_vec3 unit, double distance_m) {
    v2s_vec3 at = {p->listener_m.x + distance_m * unit.x, p->listener_m.y + distance_m * unit.y,
                   p->listener_m.z + distance_m * unit.z};
    bool outside;
    return v2s_room_nearest_inside(p->size_m, at, &outside);
}

v2s_vec3 v2s_room_path_at(v2s_room_path *p, double frame) {
    double time_s = p->start_s + frame / p->rate_hz, slope;
    v2s_vec3 unit = v2s_trajectory_at(p->trajectory, time_s, &p->cursor).unit;
    return place(p, unit, v2s_trajectory_smooth_distance(p->trajectory, time_s, &p->piece, &slope));
}

bool v2s_room_path_is_still(const v2s_room_path *p) {
    v2s_vec3 first = place(p, p->trajectory->points[0].unit, p->trajectory->points[0].distance_m);
    for (size_t i = 1; i < p->trajectory->count; i++) {
        const v2s_point *point = &p->trajectory->points[i];
        v2s_vec3 at = place(p, point->unit, point->distance_m);
        v2s_vec3 moved = {at.x - first.x, at.y - first.y, at.z - first.z};
        if (!(v2s_norm(moved) <= still_m))
            return false;
    }
    return true;
}

double v2s_room_path_mean_distance_m(v2s_room_path *p) {
    double sum = 0.0;
    for (size_t i = 0; i < p->trajectory->count; i++) {
        v2s_vec3 at = place(p, p->trajectory->points[i].unit, p->trajectory->points[i].distance_m);
        v2s_vec3 d = {at.x - p->listener_m.x, at.y - p->listener_m.y, at.z - p->listener_m.z};
        sum += v2s_norm(d);
    }
    return sum / (double)p->trajectory->count;
}
