// SPDX-License-Identifier: MIT
// A place as solid geometry: a box-shaped room with boxes in it, and rays through it.
//
// Axes      the room's own: x, y along the walls from a corner, z up; metres. The air is
//           0 <= x <= size.x, 0 <= y <= size.y, 0 <= z <= size.z without the boxes.
// Boxes     stand upright, turned about z by their yaw; they may touch and overlap one another.
// Faces     Every flat surface has a number: 0..5 the walls (x = 0, x = size.x, y = 0, y = size.y,
//           floor, ceiling), 6 + 6 b + 0..5 those of box b (its -x, +x, -y, +y, bottom, top).
// Sound     A surface has energy absorption and scattering per octave band: of the energy that
//           arrives, `absorption` is lost, and of what is left `scattering` goes everywhere by
//           Lambert's law, the rest like from a mirror.
// Threads   A world is read-only once v2s_world_finish has been called.
#ifndef V2S_TRAIN_DEPTH_WORLD_H
#define V2S_TRAIN_DEPTH_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "spatial/conventions.h"

enum {
    V2S_WORLD_BOXES_MAX = 12,
    V2S_WORLD_WALLS = 6,
    V2S_WORLD_FACES_MAX = 6 + 6 * V2S_WORLD_BOXES_MAX,
    V2S_ECHO_BANDS = 6, // octaves around 500 Hz (and all below) .. 16 kHz (and all above)
};

typedef struct v2s_material {
    double absorption[V2S_ECHO_BANDS], scattering[V2S_ECHO_BANDS];
} v2s_material;

typedef struct v2s_world_box {
    v2s_vec3 centre_m, half_m; // half_m: before it is turned
    double yaw_rad;
    v2s_material material;
    double cos_yaw, sin_yaw; // by v2s_world_finish
} v2s_world_box;

typedef struct v2s_world_face {
    v2s_vec3 centre_m, normal; // the normal points into the air
    v2s_vec3 u, v;             // unit vectors along its sides
    double half_u_m, half_v_m;
    const v2s_material *material;
} v2s_world_face;

typedef struct v2s_world {
    v2s_vec3 size_m;
    v2s_material walls[V2S_WORLD_WALLS];
    size_t box_count;
    v2s_world_box boxes[V2S_WORLD_BOXES_MAX];
    size_t face_count; // by v2s_world_finish
    v2s_world_face faces[V2S_WORLD_FACES_MAX];
} v2s_world;

// Fills what follows from sizes, boxes and materials. The world may not be moved after it: faces
// point at the materials.
void v2s_world_finish(v2s_world *world);

// The first surface on the way from a point in the air along `direction` (any length but 0).
// Returns its distance in lengths of `direction`; *face is its number. Infinite from a point
// outside the room that never comes in.
double v2s_world_cast(const v2s_world *world, v2s_vec3 from, v2s_vec3 direction, int *face);

// Nothing stands between two points of the air (each may lie on a surface).
bool v2s_world_clear(const v2s_world *world, v2s_vec3 a, v2s_vec3 b);

// The distance in the floor plan from a point outside it to a box.
double v2s_world_box_distance_m(const v2s_world_box *box, v2s_vec3 p);

#endif
