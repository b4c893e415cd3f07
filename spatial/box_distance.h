// SPDX-License-Identifier: MIT
// Distance of an object from the change of its box: z = z0 sqrt(A0 / A).
//
// z is the depth along the optical axis, A the area of the box in pixels. z0 is chosen so that the
// first box lies at the given range (straight-line distance). Only the scale is free: if the
// object really is twice as far as stated, every distance is wrong by the same factor two.
// Limitation: a box cut by the edge of the picture, or an object that turns, changes its area too.
#ifndef V2S_SPATIAL_BOX_DISTANCE_H
#define V2S_SPATIAL_BOX_DISTANCE_H

#include "kernels/base/status.h"
#include "spatial/camera.h"
#include "spatial/picture.h"

typedef struct v2s_box_distance {
    v2s_camera camera;
    double z0_m;     // depth of the first box
    double area0_px; // its area
} v2s_box_distance;

// Fits z0. ARG for a box without area or a distance that is not a positive number.
V2S_MUST_USE v2s_status v2s_box_distance_init(v2s_box_distance *b, v2s_camera camera, v2s_box first,
                                              double distance_m);

// 3-D position (m, axes of conventions.h) of the middle of a box. Areas below 1 px^2 count as 1.
v2s_vec3 v2s_box_distance_position(const v2s_box_distance *b, v2s_box box);

// 3-D position of the middle of a box whose depth along the optical axis is known (a depth map).
v2s_vec3 v2s_box_position_at_depth(const v2s_camera *c, v2s_box box, double depth_m);

#endif
