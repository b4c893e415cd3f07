// SPDX-License-Identifier: MIT
#include "train/depth_world.h"

#define TOUCH_M 1e-7 // closer than this to its ends, a box does not block a line

static v2s_vec3 turned(v2s_vec3 p, double cos_yaw, double sin_yaw) {
    return (v2s_vec3){cos_yaw * p.x - sin_yaw * p.y, sin_yaw * p.x + cos_yaw * p.y, p.z};
}

static v2s_vec3 minus(v2s_vec3 a, v2s_vec3 b) {
    return (v2s_vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

// The six sides of an upright box; `out` is 1 where the air is outside it, -1 inside.
static void add_faces(v2s_world *world, v2s_vec3 centre, v2s_vec3 half, double cos_yaw,
                      double sin_yaw, double out, const v2s_material *materials, int step) {
    const v2s_vec3 axes[3] = {{cos_yaw, sin_yaw, 0}, {-sin_yaw, cos_yaw, 0}, {0, 0, 1}};
    const double halves[3] = {half.x, half.y, half.z};
    for (int side = 0; side < 6; side++) {
        int axis = side / 2, u = (axis + 1) % 3, v = (axis + 2) % 3;
        double sign = side % 2 == 0 ? -1 : 1;
        world->faces[world->face_count++] = (v2s_world_face){
            .centre_m = v2s_plus(centre, v2s_scaled(axes[axis], sign * halves[axis])),
            .normal = v2s_scaled(axes[axis], sign * out),
            .u = axes[u],
            .v = axes[v],
            .half_u_m = halves[u],
            .half_v_m = halves[v],
            .material = &materials[side * step],
        };
    }
}

void v2s_world_finish(v2s_world *world) {
    v2s_vec3 half = v2s_scaled(world->size_m, 0.5);
    world->face_count = 0;
    add_faces(world, half, half, 1, 0, -1, world->walls, 1);
    for (size_t i = 0; i < world->box_count; i++) {
        v2s_world_box *box = &world->boxes[i];
        box->cos_yaw = cos(box->yaw_rad);
        box->sin_yaw = sin(box->yaw_rad);
        add_faces(world, box->centre_m, box->half_m, box->cos_yaw, box->sin_yaw, 1, &box->material,
                  0);
    }
}

// The part of a line inside a slab -half..half: narrows *low..*high. *side: 0 where the line comes
// in through -half, 1 through +half, if that is where it comes in last so far.
static void clip(double from, double along, double half, int axis, double *low, double *high,
                 int *side) {
    if (along == 0) {
        if (fabs(from) > half)
            *high = -INFINITY;
        return;
    }
    double a = (-half - from) / along, b = (half - from) / along;
    double in = along > 0 ? a : b, out = along > 0 ? b : a;
    if (in > *low) {
        *low = in;
        *side = 2 * axis + (along > 0 ? 0 : 1);
    }
    *high = out < *high ? out : *high;
}

// Where a line is inside a box: *low < *high; the side through which it comes in.
static int cross(const v2s_world_box *box, v2s_vec3 from, v2s_vec3 along, double *low,
                 double *high) {
    v2s_vec3 p = turned(minus(from, box->centre_m), box->cos_yaw, -box->sin_yaw);
    v2s_vec3 d = turned(along, box->cos_yaw, -box->sin_yaw);
    int side = 0;
    *low = -INFINITY;
    *high = INFINITY;
    clip(p.z, d.z, box->half_m.z, 2, low, high, &side);
    clip(p.x, d.x, box->half_m.x, 0, low, high, &side);
    clip(p.y, d.y, box->half_m.y, 1, low, high, &side);
    return side;
}

double v2s_world_cast(const v2s_world *world, v2s_vec3 from, v2s_vec3 direction, int *face) {
    const double at[3] = {from.x, from.y, from.z};
    const double along[3] = {direction.x, direction.y, direction.z};
    const double size[3] = {world->size_m.x, world->size_m.y, world->size_m.z};
    double nearest = INFINITY, touch = TOUCH_M / v2s_norm(direction);
    for (int axis = 0; axis < 3; axis++) {
        double t = along[axis] > 0   ? (size[axis] - at[axis]) / along[axis]
                   : along[axis] < 0 ? -at[axis] / along[axis]
                                     : INFINITY;
        if (t < nearest) {
            nearest = t;
            *face = 2 * axis + (along[axis] > 0);
        }
    }
    for (size_t i = 0; i < world->box_count; i++) {
        double low, high;
        int side = cross(&world->boxes[i], from, direction, &low, &high);
        if (low < high && low > -touch && high > touch && low < nearest) {
            nearest = low;
            *face = V2S_WORLD_WALLS + 6 * (int)i + side;
        }
    }
    return nearest;
}

bool v2s_world_clear(const v2s_world *world, v2s_vec3 a, v2s_vec3 b) {
    v2s_vec3 along = minus(b, a);
    double length = v2s_norm(along);
    if (length <= 2 * TOUCH_M)
        return true;
    double touch = TOUCH_M / length;
    for (size_t i = 0; i < world->box_count; i++) {
        double low, high;
        cross(&world->boxes[i], a, along, &low, &high);
        low = low > touch ? low : touch;
        high = high < 1 - touch ? high : 1 - touch;
        if (low < high)
            return false;
    }
    return true;
}

double v2s_world_box_distance_m(const v2s_world_box *box, v2s_vec3 p) {
    v2s_vec3 q = turned(minus(p, box->centre_m), box->cos_yaw, -box->sin_yaw);
    double x = fmax(0, fabs(q.x) - box->half_m.x), y = fmax(0, fabs(q.y) - box->half_m.y);
    return hypot(x, y);
}
