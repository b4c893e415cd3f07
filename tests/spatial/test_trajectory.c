// SPDX-License-Identifier: MIT
#include "spatial/trajectory.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static v2s_point at_deg(double time_s, double az, double el, double distance_m) {
    v2s_point p = {time_s, v2s_unit_from_angles(v2s_rad(az), v2s_rad(el)), distance_m, 1.0};
    return p;
}

static void expect_direction(v2s_vec3 got, double az, double el) {
    double error = v2s_angle_between_rad(got, v2s_unit_from_angles(v2s_rad(az), v2s_rad(el)));
    cr_expect(error < 1e-12 && fabs(v2s_norm(got) - 1.0) < 1e-14, "az %g el %g: off by %g rad", az,
              el, error);
}

Test(trajectory, direction_goes_along_the_great_circle_at_constant_speed) {
    v2s_point p[2] = {at_deg(1.0, 10, 0, 2.0), at_deg(3.0, 70, 0, 4.0)};
    v2s_trajectory t = {"1", 2, p};
    for (int i = 0; i <= 20; i++) {
        v2s_point q = v2s_trajectory_at(&t, 1.0 + 0.1 * i, NULL);
        expect_direction(q.unit, 10 + 3 * i, 0);
        cr_expect(fabs(q.distance_m - (2.0 + 0.1 * i)) < 1e-12);
    }
}

Test(trajectory, it_passes_behind_the_listener_and_not_through_the_front) {
    v2s_point p[2] = {at_deg(0.0, 170, 0, 1.0), at_deg(1.0, -170, 0, 1.0)};
    v2s_trajectory t = {"1", 2, p};
    expect_direction(v2s_trajectory_at(&t, 0.25, NULL).unit, 175, 0);
    expect_direction(v2s_trajectory_at(&t, 0.5, NULL).unit, 180, 0);
    expect_direction(v2s_trajectory_at(&t, 0.75, NULL).unit, -175, 0);
}

Test(trajectory, it_passes_over_the_pole) {
    v2s_point p[2] = {at_deg(0.0, 0, 80, 1.0), at_deg(1.0, 180, 80, 1.0)};
    v2s_trajectory t = {"1", 2, p};
    expect_direction(v2s_trajectory_at(&t, 0.25, NULL).unit, 0, 85);
    expect_direction(v2s_trajectory_at(&t, 0.5, NULL).unit, 0, 90);
    expect_direction(v2s_trajectory_at(&t, 0.75, NULL).unit, 180, 85);
}

Test(trajectory, opposite_directions_turn_counter_clockwise) {
    v2s_vec3 front = {1, 0, 0}, back = {-1, 0, 0}, up = {0, 0, 1}, down = {0, 0, -1};
    expect_direction(v2s_slerp(front, back, 0.5), 90, 0);
    expect_direction(v2s_slerp(front, back, 0.25), 45, 0);
    expect_direction(v2s_slerp(back, front, 0.5), -90, 0);
    // about the y axis: from up to the front and down
    expect_direction(v2s_slerp(up, down, 0.5), 0, 0);
    // nearly opposite, on either side of the switch between the two cases
    for (double eps = 1e-14; eps < 1e-3; eps *= 10) {
        v2s_vec3 near = v2s_unit_from_angles(V2S_PI - eps, 0.0);
        expect_direction(v2s_slerp(front, near, 0.5), 90 - v2s_deg(eps) / 2, 0);
    }
}

Test(trajectory, equal_and_nearly_equal_directions_stay_finite) {
    v2s_vec3 a = v2s_unit_from_angles(0.3, 0.2);
    for (double eps = 0.0; eps < 1e-3; eps = eps == 0.0 ? 1e-18 : eps * 10) {
        v2s_vec3 b = v2s_unit_from_angles(0.3 + eps, 0.2);
        v2s_vec3 r = v2s_slerp(a, b, 0.5);
        cr_expect(fabs(v2s_norm(r) - 1.0) < 1e-15);
        cr_expect(v2s_angle_between_rad(a, r) <= eps);
    }
}

Test(trajectory, both_ends_are_held) {
    v2s_point p[2] = {at_deg(1.0, 10, 5, 2.0), at_deg(3.0, 70, 0, 4.0)};
    v2s_trajectory t = {"1", 2, p};
    const double before[] = {-1e9, 0.0, 1.0, NAN}, after[] = {3.0, 3.1, 1e9, INFINITY};
    for (int i = 0; i < 4; i++) {
        expect_direction(v2s_trajectory_at(&t, before[i], NULL).unit, 10, 5);
        expect_direction(v2s_trajectory_at(&t, after[i], NULL).unit, 70, 0);
        cr_expect_eq(v2s_trajectory_at(&t, after[i], NULL).distance_m, 4.0);
    }
    v2s_trajectory one = {"1", 1, p};
    expect_direction(v2s_trajectory_at(&one, 7.0, NULL).unit, 10, 5);
}

Test(trajectory, any_cursor_gives_the_same_answer) {
    enum { COUNT = 50 };
    v2s_point p[COUNT];
    for (int i = 0; i < COUNT; i++)
        p[i] = at_deg(i * i * 0.01, i * 17, i - 20, 1.0 + i % 7);
    v2s_trajectory t = {"1", COUNT, p};
    srand(1);
    size_t walking = 0;
    for (int i = 0; i < 3000; i++) {
        double time_s = i < 1500 ? i * 0.017 : 25.0 * rand() / RAND_MAX;
        size_t wild = (size_t)rand();
        v2s_point a = v2s_trajectory_at(&t, time_s, NULL);
        v2s_point b = v2s_trajectory_at(&t, time_s, &walking);
        v2s_point c = v2s_trajectory_at(&t, time_s, &wild);
        cr_assert(a.distance_m == b.distance_m && a.unit.x == b.unit.x && a.unit.y == b.unit.y);
        cr_assert(a.distance_m == c.distance_m && a.unit.x == c.unit.x && a.unit.y == c.unit.y);
    }
}

// A source that passes at 5 m with 15 m/s, 30 points a second.
static v2s_trajectory fly_by(v2s_point *p, int count) {
    for (int i = 0; i < count; i++) {
        double time_s = i / 30.0, y = 15.0 * (time_s - count / 60.0);
        p[i] = at_deg(time_s, v2s_deg(atan2(y, 5.0)), 0.0, hypot(5.0, y));
    }
    v2s_trajectory t = {"1", (size_t)count, p};
    return t;
}

Test(trajectory, the_smooth_distance_goes_through_the_points_with_a_continuous_slope) {
    v2s_point p[120];
    v2s_trajectory t = fly_by(p, 120);
    v2s_distance_piece piece = {0};
    double before, after, slope, worst = 0.0;
    for (int i = 1; i < 119; i++) {
        v2s_trajectory_smooth_distance(&t, p[i].time_s - 1e-9, &piece, &before);
        double d = v2s_trajectory_smooth_distance(&t, p[i].time_s, &piece, &after);
        cr_expect(fabs(d - p[i].distance_m) < 1e-12 && fabs(after - before) < 1e-6);
    }
    for (double time_s = 0.1; time_s < 3.9; time_s += 0.001) {
        double y = 15.0 * (time_s - 2.0);
        double d = v2s_trajectory_smooth_distance(&t, time_s, &piece, &slope);
        worst = fmax(worst, fabs(d - hypot(5.0, y)));
    }
    cr_expect(worst < 2e-4, "worst %g m", worst); // straight chords: 6e-3
}

Test(trajectory, the_smooth_distance_of_two_points_is_straight) {
    v2s_point p[2] = {at_deg(0, 0, 0, 10.0), at_deg(10.0, 0, 0, 110.0)};
    v2s_trajectory t = {"1", 2, p};
    v2s_distance_piece piece = {0};
    double slope;
    for (double time_s = 0.0; time_s < 10.0; time_s += 0.37) {
        double d = v2s_trajectory_smooth_distance(&t, time_s, &piece, &slope);
        cr_expect(fabs(d - 10.0 - 10.0 * time_s) < 1e-12 && fabs(slope - 10.0) < 1e-12);
    }
    cr_expect_eq(v2s_trajectory_smooth_distance(&t, -1.0, &piece, &slope), 10.0);
    cr_expect_eq(slope, 0.0);
    cr_expect_eq(v2s_trajectory_smooth_distance(&t, 11.0, &piece, &slope), 110.0);
}

Test(trajectory, the_smooth_distance_does_not_ring_at_a_jump) {
    v2s_point p[6] = {at_deg(0, 0, 0, 2),   at_deg(1, 0, 0, 2),    at_deg(1.001, 0, 0, 100),
                      at_deg(2, 0, 0, 100), at_deg(2.01, 0, 0, 1), at_deg(3, 0, 0, 1)};
    v2s_trajectory t = {"1", 6, p};
    v2s_distance_piece piece = {0};
    double slope;
    for (double time_s = -0.5; time_s < 3.5; time_s += 0.0003) {
        double d = v2s_trajectory_smooth_distance(&t, time_s, &piece, &slope);
        cr_assert(d >= 0.999999 && d <= 100.000001, "%g s: %g m", time_s, d);
    }
}

Test(trajectory, the_summary_unwraps_the_azimuth) {
    v2s_point p[4] = {at_deg(0, 170, 0, 2), at_deg(1, -170, 10, 3), at_deg(2, -100, -5, 1),
                      at_deg(4, 160, 0, 2)};
    v2s_trajectory t = {"1", 4, p};
    v2s_trajectory_ranges r = v2s_trajectory_summary(&t);
    cr_expect(fabs(r.azimuth_min_deg - 160) < 1e-9 && fabs(r.azimuth_max_deg - 260) < 1e-9);
    cr_expect(fabs(r.elevation_min_deg + 5) < 1e-9 && fabs(r.elevation_max_deg - 10) < 1e-9);
    cr_expect(r.distance_min_m == 1.0 && r.distance_max_m == 3.0);
    v2s_point line[2] = {at_deg(0, 0, 0, 3), at_deg(0.5, 90, 0, 4)};
    v2s_trajectory u = {"1", 2, line};
    cr_expect(fabs(v2s_trajectory_summary(&u).speed_max_m_s - 10.0) < 1e-12);
}
