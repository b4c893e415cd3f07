// SPDX-License-Identifier: MIT
// Random furnished places, a rig that looks and listens in them, and what its camera sees.
//
// Places    office     3 to 9 m by 3 to 7 m, 2.4 to 3.2 m high; tables, cupboards, boxes; in a
//                      third of them a partition with an open door
//           hall       8 to 22 m by 7 to 14 m, 3 to 6 m high; pillars, counters
//           corridor   1.7 to 3 m wide, 8 to 28 m long, 2.4 to 3.2 m high; cupboards, a partition
//           shares 1/2, 1/4, 1/4, by a sequence of low discrepancy, so that few places have
//           all kinds. Every wall and box has a material of its own.
// Rig       stands anywhere at least 0.35 m from everything, head 0.7 to 1.5 m above the floor,
//           turned by any yaw that leaves 0.8 m in front of the camera, not tilted. In its own axes
//           (x front, y left, z up), from the middle of the head: camera (0.08, 0, 0.06) m,
//           loudspeaker (0.20, 0, -0.15) m.
// Camera    pinhole, 90 degrees wide. The picture of 16:9 (58.7 degrees high) is squeezed into
//           size x size pixels, as the network's input is resized. Row 0 is the top, column 0 the
//           left.
// Depth     along the optical axis (not along the ray), as stereo cameras give it, in mm.
#ifndef V2S_TRAIN_DEPTH_SCENE_H
#define V2S_TRAIN_DEPTH_SCENE_H

#include <stdint.h>

#include "kernels/base/rng.h"
#include "train/depth_world.h"

#define V2S_DEPTH_WIDE_DEG 90.0
#define V2S_DEPTH_ASPECT (16.0 / 9.0)

typedef struct v2s_depth_rig {
    v2s_vec3 head_m, camera_m, speaker_m; // in the room
    double yaw_rad;                       // of what it faces, counter-clockwise from the x axis
} v2s_depth_rig;

typedef enum v2s_depth_place {
    V2S_DEPTH_OFFICE,
    V2S_DEPTH_HALL,
    V2S_DEPTH_CORRIDOR
} v2s_depth_place;

enum { V2S_DEPTH_PLACES = 3 };

// Place `index` of a seed. There is room for a rig in it.
v2s_depth_place v2s_depth_place_draw(uint64_t seed, uint64_t index, v2s_world *world);

// A rig whose head is there, facing there.
v2s_depth_rig v2s_depth_rig_at(v2s_vec3 head_m, double yaw_rad);

// A random rig; false where none was found.
bool v2s_depth_rig_draw(const v2s_world *world, v2s_rng *rng, v2s_depth_rig *rig);

// A vector in the rig's axes (front, left, up) of one in the room's.
v2s_vec3 v2s_depth_rig_axes(const v2s_depth_rig *rig, v2s_vec3 v);

// mm [size,size], at most 65535.
void v2s_depth_map_draw(const v2s_world *world, const v2s_depth_rig *rig, int size, uint16_t *mm);

#endif
