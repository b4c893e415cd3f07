// SPDX-License-Identifier: MIT
#include "spatial/camera.h"

#include <math.h>

v2s_camera v2s_camera_from_fov(int width, int height, double hfov_rad, double sample_aspect) {
    double fx = width / (2.0 * tan(hfov_rad / 2.0));
    v2s_camera c = {fx, fx * sample_aspect, width / 2.0, height / 2.0};
    return c;
}

v2s_vec3 v2s_camera_ray(const v2s_camera *c, double u, double v) {
    v2s_vec3 ray = {1.0, -(u - c->cx) / c->fx, -(v - c->cy) / c->fy};
    return ray;
}

v2s_vec3 v2s_camera_unit(const v2s_camera *c, double u, double v) {
    v2s_vec3 ray = v2s_camera_ray(c, u, v);
    double length = v2s_norm(ray);
    v2s_vec3 unit = {ray.x / length, ray.y / length, ray.z / length};
    return unit;
}
