// SPDX-License-Identifier: MIT
#include "spatial/camera.h"

#include <criterion/criterion.h>
#include <math.h>

#include "spatial/box_distance.h"

static const v2s_camera CAMERA_640 = {500.0, 500.0, 320.0, 240.0};

Test(camera, the_middle_of_the_picture_is_straight_ahead) {
    v2s_camera c = v2s_camera_from_fov(640, 480, v2s_rad(60), 1.0);
    v2s_vec3 u = v2s_camera_unit(&c, 320.0, 240.0);
    cr_assert(u.x == 1.0 && u.y == 0.0 && u.z == 0.0);
}

Test(camera, right_in_the_picture_is_negative_azimuth_and_up_is_positive_elevation) {
    v2s_vec3 right = v2s_camera_unit(&CAMERA_640, 500.0, 240.0);
    v2s_vec3 up = v2s_camera_unit(&CAMERA_640, 320.0, 100.0);
    cr_assert(v2s_azimuth_rad(right) < 0.0 && right.y < 0.0);
    cr_assert(v2s_elevation_rad(up) > 0.0 && up.z > 0.0);
}

Test(camera, the_edges_of_the_picture_span_the_field_of_view) {
    v2s_camera c = v2s_camera_from_fov(1920, 1080, v2s_rad(70), 1.0);
    double left = v2s_deg(v2s_azimuth_rad(v2s_camera_unit(&c, 0.0, 540.0)));
    double right = v2s_deg(v2s_azimuth_rad(v2s_camera_unit(&c, 1920.0, 540.0)));
    cr_assert(fabs(left - 35.0) < 1e-12 && fabs(right + 35.0) < 1e-12);
}

Test(camera, the_angles_are_those_of_the_stated_formula) {
    for (double u = -100; u < 800; u += 91.7)
        for (double v = -50; v < 600; v += 77.3) {
            double rx = (u - 320.0) / 500.0, ry = (v - 240.0) / 500.0;
            v2s_vec3 got = v2s_camera_unit(&CAMERA_640, u, v);
            cr_assert(fabs(v2s_azimuth_rad(got) - atan2(-rx, 1.0)) < 1e-14);
            cr_assert(fabs(v2s_elevation_rad(got) - atan2(-ry, hypot(rx, 1.0))) < 1e-14);
            cr_assert(fabs(v2s_norm(got) - 1.0) < 1e-15);
        }
}

Test(camera, wide_pixels_make_the_vertical_focal_length_longer_in_pixels) {
    // 720x576 with pixels 16:15 shows 768x576 square ones
    v2s_camera wide = v2s_camera_from_fov(720, 576, v2s_rad(50), 16.0 / 15.0);
    v2s_camera square = v2s_camera_from_fov(768, 576, v2s_rad(50), 1.0);
    v2s_vec3 a = v2s_camera_unit(&wide, 600.0, 100.0);
    v2s_vec3 b = v2s_camera_unit(&square, 640.0, 100.0);
    cr_assert(v2s_angle_between_rad(a, b) < 1e-14);
}

Test(box_distance, the_first_box_lies_at_the_given_range) {
    v2s_box_distance b;
    v2s_box first = {500.0, 50.0, 40.0, 80.0};
    cr_assert_eq(v2s_box_distance_init(&b, CAMERA_640, first, 3.0), V2S_OK);
    v2s_vec3 p = v2s_box_distance_position(&b, first);
    cr_assert(fabs(v2s_norm(p) - 3.0) < 1e-14);
    cr_assert(v2s_angle_between_rad(p, v2s_camera_unit(&CAMERA_640, 520.0, 90.0)) < 1e-14);
}

Test(box_distance, half_the_size_is_twice_as_deep_wherever_it_is) {
    v2s_box_distance b;
    v2s_box first = {300.0, 200.0, 40.0, 80.0}, later = {600.0, 10.0, 20.0, 40.0};
    cr_assert_eq(v2s_box_distance_init(&b, CAMERA_640, first, 3.0), V2S_OK);
    double depth = v2s_box_distance_position(&b, first).x;
    cr_assert(fabs(v2s_box_distance_position(&b, later).x - 2.0 * depth) < 1e-13);
}

// A sphere of radius r at depth z covers about pi (f r / z)^2 pixels: the box follows its distance.
Test(box_distance, a_projected_square_moving_in_depth_is_followed_exactly) {
    v2s_box_distance b = {{0}, 0.0, 0.0};
    for (int i = 0; i < 20; i++) {
        v2s_vec3 truth = {2.0 + 0.3 * i, 0.5 - 0.1 * i, 0.2 + 0.05 * i};
        double size = 500.0 * 0.4 / truth.x;
        v2s_box box = {320.0 - 500.0 * truth.y / truth.x - size / 2,
                       240.0 - 500.0 * truth.z / truth.x - size / 2, size, size};
        if (i == 0)
            cr_assert_eq(v2s_box_distance_init(&b, CAMERA_640, box, v2s_norm(truth)), V2S_OK);
        v2s_vec3 p = v2s_box_distance_position(&b, box);
        cr_assert(fabs(p.x - truth.x) < 1e-12 && fabs(p.y - truth.y) < 1e-12 &&
                  fabs(p.z - truth.z) < 1e-12);
    }
}

Test(box_distance, a_box_without_area_or_a_bad_distance_is_refused) {
    v2s_box_distance b;
    v2s_box flat = {0, 0, 10, 0}, nan_box = {0, 0, NAN, 5}, good = {0, 0, 10, 10};
    cr_assert_eq(v2s_box_distance_init(&b, CAMERA_640, flat, 2.0), V2S_ARG);
    cr_assert_eq(v2s_box_distance_init(&b, CAMERA_640, nan_box, 2.0), V2S_ARG);
    cr_assert_eq(v2s_box_distance_init(&b, CAMERA_640, good, 0.0), V2S_ARG);
    cr_assert_eq(v2s_box_distance_init(&b, CAMERA_640, good, NAN), V2S_ARG);
}
