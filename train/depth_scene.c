// SPDX-License-Identifier: MIT
#include "train/depth_scene.h"

#include <string.h>

// A place must have room for at least PROBES_WANTED of PROBES rigs, so that RIG_TRIES find one.
enum { RIG_TRIES = 4000, PROBES = 400, PROBES_WANTED = 12 };

static const double CLEAR_M = 0.35;     // of a rig to everything
static const double AHEAD_M = 0.8;      // free in front of the camera
static const double OVERHEAD_M = 0.25;  // what hangs that much above the head is in nobody's way
static const double DOOR_HIGH_M = 2.05; // a partition goes on above its door
static const v2s_vec3 CAMERA_M = {0.08, 0, 0.06}, SPEAKER_M = {0.20, 0, -0.15};

// Absorption and scattering around 500 Hz, 1, 2, 4, 8, 16 kHz: typical values of kinds of material
// (Vorlaender, "Auralization", annex; Cox and D'Antonio, "Acoustic Absorbers and Diffusers"),
// rounded, the last octave continued.
static const v2s_material MATERIALS[] = {
    {{0.02, 0.03, 0.04, 0.05, 0.06, 0.08}, {0.05, 0.05, 0.07, 0.10, 0.12, 0.15}}, // concrete
    {{0.03, 0.04, 0.05, 0.07, 0.08, 0.10}, {0.08, 0.10, 0.15, 0.20, 0.25, 0.30}}, // brick
    {{0.10, 0.07, 0.06, 0.06, 0.07, 0.08}, {0.05, 0.07, 0.10, 0.12, 0.15, 0.20}}, // plaster board
    {{0.12, 0.08, 0.06, 0.05, 0.05, 0.06}, {0.05, 0.05, 0.05, 0.06, 0.08, 0.10}}, // glass
    {{0.12, 0.10, 0.09, 0.08, 0.08, 0.10}, {0.10, 0.12, 0.15, 0.18, 0.22, 0.25}}, // wood
    {{0.15, 0.30, 0.45, 0.55, 0.60, 0.65}, {0.20, 0.25, 0.30, 0.35, 0.40, 0.45}}, // carpet
    {{0.45, 0.60, 0.65, 0.65, 0.65, 0.70}, {0.30, 0.35, 0.40, 0.45, 0.50, 0.55}}, // curtain
    {{0.70, 0.80, 0.80, 0.75, 0.75, 0.75}, {0.15, 0.20, 0.25, 0.30, 0.35, 0.40}}, // acoustic tiles
    {{0.45, 0.55, 0.60, 0.60, 0.60, 0.65}, {0.40, 0.50, 0.55, 0.60, 0.65, 0.70}}, // upholstery
    {{0.15, 0.18, 0.20, 0.22, 0.25, 0.30}, {0.35, 0.50, 0.60, 0.65, 0.70, 0.70}}, // shelves
    {{0.03, 0.03, 0.04, 0.05, 0.06, 0.08}, {0.05, 0.08, 0.10, 0.15, 0.20, 0.25}}, // metal
};
enum { MATERIAL_COUNT = sizeof MATERIALS / sizeof MATERIALS[0] };

static double log_between(v2s_rng *rng, double low, double high) {
    return low * exp(v2s_rng_uniform(rng) * log(high / low));
}

static v2s_material draw_material(v2s_rng *rng) {
    return MATERIALS[v2s_rng_below(rng, MATERIAL_COUNT)];
}

// ---- what stands in a place -------------------------------------------------------------------

static v2s_world_box *add_box(v2s_world *world, v2s_rng *rng, v2s_vec3 low, v2s_vec3 size) {
    v2s_world_box *box = &world->boxes[world->box_count++];
    *box = (v2s_world_box){
        .centre_m = {low.x + size.x / 2, low.y + size.y / 2, low.z + size.z / 2},
        .half_m = {size.x / 2, size.y / 2, size.z / 2},
        .material = draw_material(rng),
    };
    return box;
}

// Anywhere, turned by any angle: a table top, a crate, a pillar.
static void add_loose(v2s_world *world, v2s_rng *rng, bool pillar) {
    v2s_vec3 room = world->size_m, size = {log_between(rng, 0.3, 1.8), log_between(rng, 0.3, 1.0),
                                           log_between(rng, 0.35, 1.9)};
    double bottom = 0, yaw = v2s_rng_between(rng, 0, V2S_PI);
    if (pillar) {
        size.x = size.y = v2s_rng_between(rng, 0.25, 0.7);
        size.z = room.z;
        yaw = 0;
    } else if (v2s_rng_uniform(rng) < 0.25) {
        size.z = v2s_rng_between(rng, 0.03, 0.08);
        bottom = v2s_rng_between(rng, 0.6, 1.0);
    }
    // Inside, however it is turned, and not the whole of a corridor.
    double reach = hypot(size.x, size.y) / 2, most = 0.3 * fmin(room.x, room.y);
    if (reach > most) {
        size.x *= most / reach;
        size.y *= most / reach;
        reach = most;
    }
    v2s_vec3 low = {v2s_rng_between(rng, reach, room.x - reach) - size.x / 2,
                    v2s_rng_between(rng, reach, room.y - reach) - size.y / 2, bottom};
    add_box(world, rng, low, size)->yaw_rad = yaw;
}

// With its back to a wall: a cupboard, a counter, a sofa.
static void add_at_wall(v2s_world *world, v2s_rng *rng) {
    v2s_vec3 room = world->size_m;
    bool along_x = v2s_rng_uniform(rng) * (room.x + room.y) < room.x;
    bool far_side = v2s_rng_uniform(rng) < 0.5;
    double wall = along_x ? room.x : room.y, across = along_x ? room.y : room.x;
    double length = fmin(wall, log_between(rng, 0.4, 3.0));
    double deep = fmin(across / 4, v2s_rng_between(rng, 0.25, 0.7));
    double high = v2s_rng_uniform(rng) < 0.5 ? v2s_rng_between(rng, 0.4, 1.1)
                                             : v2s_rng_between(rng, 1.5, fmin(2.2, room.z));
    double at = v2s_rng_between(rng, 0, wall - length), off = far_side ? across - deep : 0;
    v2s_vec3 low = along_x ? (v2s_vec3){at, off, 0} : (v2s_vec3){off, at, 0};
    v2s_vec3 size = along_x ? (v2s_vec3){length, deep, high} : (v2s_vec3){deep, length, high};
    add_box(world, rng, low, size);
}

// A thin wall across the longer side with an open door in it: two boxes and a third above the door.
static void add_partition(v2s_world *world, v2s_rng *rng) {
    v2s_vec3 room = world->size_m;
    bool along_x = room.x < room.y; // the wall's direction
    double wall = along_x ? room.x : room.y, across = along_x ? room.y : room.x;
    double thick = v2s_rng_between(rng, 0.08, 0.2), door = v2s_rng_between(rng, 0.8, 1.2);
    double off = across * v2s_rng_between(rng, 0.25, 0.75);
    double at = v2s_rng_between(rng, 0.1, fmax(0.1, wall - door - 0.1));
    const double begin[3] = {0, at + door, at}, length[3] = {at, wall - at - door, door};
    size_t first = world->box_count;
    for (int i = 0; i < 3; i++) {
        double bottom = i == 2 ? DOOR_HIGH_M : 0, high = room.z - bottom;
        if (length[i] <= 0 || high <= 0)
            continue;
        v2s_vec3 low =
            along_x ? (v2s_vec3){begin[i], off, bottom} : (v2s_vec3){off, begin[i], bottom};
        v2s_vec3 size =
            along_x ? (v2s_vec3){length[i], thick, high} : (v2s_vec3){thick, length[i], high};
        v2s_world_box *box = add_box(world, rng, low, size);
        box->material = world->boxes[first].material;
    }
}

// ---- the rig ----------------------------------------------------------------------------------

static v2s_vec3 from_rig(v2s_vec3 head, double yaw, v2s_vec3 p) {
    double c = cos(yaw), s = sin(yaw);
    return (v2s_vec3){head.x + c * p.x - s * p.y, head.y + s * p.x + c * p.y, head.z + p.z};
}

v2s_depth_rig v2s_depth_rig_at(v2s_vec3 head_m, double yaw_rad) {
    return (v2s_depth_rig){
        .head_m = head_m,
        .camera_m = from_rig(head_m, yaw_rad, CAMERA_M),
        .speaker_m = from_rig(head_m, yaw_rad, SPEAKER_M),
        .yaw_rad = yaw_rad,
    };
}

static bool stands_free(const v2s_world *world, const v2s_depth_rig *rig) {
    v2s_vec3 p = rig->head_m;
    for (size_t i = 0; i < world->box_count; i++) {
        const v2s_world_box *box = &world->boxes[i];
        if (box->centre_m.z - box->half_m.z < p.z + OVERHEAD_M &&
            v2s_world_box_distance_m(box, p) < CLEAR_M)
            return false;
    }
    return true;
}

static bool try_rig(const v2s_world *world, v2s_rng *rng, v2s_depth_rig *rig) {
    v2s_vec3 head = {v2s_rng_between(rng, CLEAR_M, world->size_m.x - CLEAR_M),
                     v2s_rng_between(rng, CLEAR_M, world->size_m.y - CLEAR_M),
                     v2s_rng_between(rng, 0.7, 1.5)};
    *rig = v2s_depth_rig_at(head, v2s_rng_between(rng, 0, 2 * V2S_PI));
    if (!stands_free(world, rig))
        return false;
    int face;
    v2s_vec3 front = {cos(rig->yaw_rad), sin(rig->yaw_rad), 0};
    return v2s_world_cast(world, rig->camera_m, front, &face) >= AHEAD_M;
}

bool v2s_depth_rig_draw(const v2s_world *world, v2s_rng *rng, v2s_depth_rig *rig) {
    bool found = false;
    for (int i = 0; i < RIG_TRIES && !found; i++)
        found = try_rig(world, rng, rig);
    return found;
}

static bool has_room(const v2s_world *world, v2s_rng *rng) {
    v2s_depth_rig rig;
    int found = 0;
    for (int i = 0; i < PROBES; i++)
        found += try_rig(world, rng, &rig);
    return found >= PROBES_WANTED;
}

v2s_vec3 v2s_depth_rig_axes(const v2s_depth_rig *rig, v2s_vec3 v) {
    double c = cos(rig->yaw_rad), s = sin(rig->yaw_rad);
    return (v2s_vec3){c * v.x + s * v.y, c * v.y - s * v.x, v.z};
}

// ---- places -----------------------------------------------------------------------------------

// `what`: 0 .. 1, which of them.
static v2s_depth_place draw_shell(double what, v2s_rng *rng, v2s_world *world) {
    v2s_depth_place place = what < 0.5    ? V2S_DEPTH_OFFICE
                            : what < 0.75 ? V2S_DEPTH_HALL
                                          : V2S_DEPTH_CORRIDOR;
    static const double LIMITS[V2S_DEPTH_PLACES][6] = {
        {3, 9, 3, 7, 2.4, 3.2},
        {8, 22, 7, 14, 3, 6},
        {8, 28, 1.7, 3, 2.4, 3.2},
    };
    const double *l = LIMITS[place];
    double x = log_between(rng, l[0], l[1]), y = log_between(rng, l[2], l[3]);
    bool swap = v2s_rng_uniform(rng) < 0.5;
    world->size_m = (v2s_vec3){swap ? y : x, swap ? x : y, v2s_rng_between(rng, l[4], l[5])};
    for (int w = 0; w < V2S_WORLD_WALLS; w++)
        world->walls[w] = draw_material(rng);
    return place;
}

v2s_depth_place v2s_depth_place_draw(uint64_t seed, uint64_t index, v2s_world *world) {
    static const double PARTITION[V2S_DEPTH_PLACES] = {0.33, 0.25, 0.4},
                        AT_WALL[V2S_DEPTH_PLACES] = {0.5, 0.35, 0.8},
                        PILLAR[V2S_DEPTH_PLACES] = {0.1, 0.5, 0.05};
    v2s_rng rng = v2s_rng_open(seed, index);
    memset(world, 0, sizeof *world);
    v2s_rng shift = v2s_rng_open(seed, UINT64_MAX); // the same for all places of a seed
    double what = v2s_rng_uniform(&shift) + 0.6180339887498949 * (double)index;
    v2s_depth_place place = draw_shell(what - floor(what), &rng, world);
    size_t things = 2 + v2s_rng_below(&rng, 7); // 2 to 8
    if (v2s_rng_uniform(&rng) < PARTITION[place])
        add_partition(world, &rng);
    for (size_t i = 0; i < things; i++)
        if (v2s_rng_uniform(&rng) < AT_WALL[place])
            add_at_wall(world, &rng);
        else
            add_loose(world, &rng, v2s_rng_uniform(&rng) < PILLAR[place]);
    v2s_world_finish(world);
    while (world->box_count > 0 && !has_room(world, &rng)) {
        world->box_count--;
        v2s_world_finish(world);
    }
    return place;
}

// ---- the camera -------------------------------------------------------------------------------

void v2s_depth_map_draw(const v2s_world *world, const v2s_depth_rig *rig, int size, uint16_t *mm) {
    double wide = tan(v2s_rad(V2S_DEPTH_WIDE_DEG / 2)), high = wide / V2S_DEPTH_ASPECT;
    const v2s_vec3 none = {0, 0, 0};
    for (int row = 0; row < size; row++)
        for (int column = 0; column < size; column++) {
            // One metre along the optical axis, so that the cast returns the depth.
            v2s_vec3 ray = {1, wide * (1 - (2 * column + 1.0) / size),
                            high * (1 - (2 * row + 1.0) / size)};
            int face;
            double depth_m =
                v2s_world_cast(world, rig->camera_m, from_rig(none, rig->yaw_rad, ray), &face);
            *mm++ = (uint16_t)fmin(UINT16_MAX, round(depth_m * 1000));
        }
}
