// SPDX-License-Identifier: MIT
#include "spatial/box_distance.h"

#include <math.h>

v2s_vec3 v2s_box_position_at_depth(const v2s_camera *c, v2s_box box, double depth_m) {
    v2s_vec3 ray = v2s_camera_ray(c, box.x + box.w / 2.0, box.y + box.h / 2.0);
    v2s_vec3 position = {depth_m * ray.x, depth_m * ray.y, depth_m * ray.z};
    return position;
}

v2s_status v2s_box_distance_init(v2s_box_distance *b, v2s_camera camera, v2s_box first,
                                 double distance_m) {
    double area_px = first.w * first.h;
    if (!(first.w > 0.0 && first.h > 0.0 && isfinite(area_px)))
        return V2S_FAIL(V2S_ARG, "box: width and height must be above 0, found %g x %g pixels",
                        first.w, first.h);
    if (!(distance_m > 0.0 && isfinite(distance_m)))
        return V2S_FAIL(V2S_ARG, "distance of the first box: must be above 0 m, found %g",
                        distance_m);
    double range_per_depth = v2s_norm(v2s_box_position_at_depth(&camera, first, 1.0));
    b->camera = camera;
    b->z0_m = distance_m / range_per_depth;
    b->area0_px = area_px;
    return V2S_OK;
}

v2s_vec3 v2s_box_distance_position(const v2s_box_distance *b, v2s_box box) {
    double area_px = fmax(box.w * box.h, 1.0);
    return v2s_box_position_at_depth(&b->camera, box, b->z0_m * sqrt(b->area0_px / area_px));
}
