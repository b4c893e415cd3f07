// SPDX-License-Identifier: MIT
// Pinhole camera: from pixels of the displayed picture to directions.
//
//   r = ((u - cx) / fx, (v - cy) / fy, 1)      picture axes: right, down, forward
//   az = atan2(-r.x, r.z),  el = atan2(-r.y, hypot(r.x, r.z))
//
// Pixel i covers [i, i+1), so the middle of a picture of width W is u = W/2. The optical axis is
// the x axis of conventions.h: what is right in the picture has negative azimuth, what is above
// the middle has positive elevation.
#ifndef V2S_SPATIAL_CAMERA_H
#define V2S_SPATIAL_CAMERA_H

#include "spatial/conventions.h"

typedef struct v2s_camera {
    double fx, fy; // focal lengths, pixels
    double cx, cy; // principal point, pixels
} v2s_camera;

// fx = W / (2 tan(hfov / 2)), fy = fx * sample_aspect (width over height of one pixel; 1 for square
// ones), principal point in the middle. hfov in (0, pi), sizes and aspect positive.
v2s_camera v2s_camera_from_fov(int width, int height, double hfov_rad, double sample_aspect);

// Direction (length 1) of the picture point (u, v), which may lie outside the picture.
v2s_vec3 v2s_camera_unit(const v2s_camera *c, double u, double v);

// The same ray with depth 1 along the optical axis: (1, -r.x, -r.y) in our axes.
v2s_vec3 v2s_camera_ray(const v2s_camera *c, double u, double v);

#endif
