// SPDX-License-Identifier: MIT
#include "spatial/path_scores.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "spatial/conventions.h"
#include "tests/support/golden_numbers.h"
#include "tests/support/hash_noise.h"

static v2s_vec3 direction(double az_deg, double el_deg) {
    return v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg));
}

static void check(const golden_numbers *line, void *context) {
    (void)context;
    unsigned stream = (unsigned)line->in[0];
    size_t n = (size_t)line->in[1];
    float *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
    v2s_path_point *points = calloc(n, sizeof *points);
    hash_noise(stream, n, 4, a);
    hash_noise(stream + 1, n, 2, b);
    for (size_t i = 0; i < n; i++) {
        double az = (double)((7 * i + 150) % 360) - 180, el = 20 * fabs((double)(i % 20) / 10 - 1);
        points[i].truth = direction(az, el - 10);
        points[i].prediction = direction(az + (double)a[i], (el - 10) * 0.5 + (double)b[i]);
    }
    v2s_path_sums sums = {0};
    cr_assert_eq(v2s_path_add(&sums, points, n, line->in[2]), V2S_OK);
    v2s_path_scores m = v2s_path_means(&sums);
    const double found[] = {m.angle_deg,      m.azimuth_error_deg,    m.elevation_error_deg,
                            m.jerk,           m.jerk_truth,           m.amplitude_ratio,
                            m.elevation_jerk, m.elevation_jerk_truth, m.elevation_amplitude_ratio};
    cr_assert_eq(line->out_count, sizeof found / sizeof *found);
    for (size_t i = 0; i < line->out_count; i++)
        golden_numbers_expect(line, i, found[i], 1e-6);
    free(a);
    free(b);
    free(points);
}

Test(path_scores, equal_numpy) {
    golden_numbers_each("metrics_room.txt", "path", check, NULL);
}

// x = k t^3 has the third derivative 6 k.
Test(path_scores, the_jerk_of_a_cubic_is_known_and_gaps_are_left_out) {
    enum { N = 40, FPS = 10 };
    v2s_path_point points[N];
    for (int i = 0; i < N; i++) {
        double t = (double)i / FPS;
        points[i] =
            (v2s_path_point){direction(3 * t * t * t, 0), direction(170 + 30 * t, 5), i == 20};
    }
    v2s_path_sums sums = {0};
    cr_assert_eq(v2s_path_add(&sums, points, N, FPS), V2S_OK);
    v2s_path_scores m = v2s_path_means(&sums);
    cr_expect_float_eq(m.jerk_truth, 18, 1e-6);
    cr_expect_lt(m.jerk, 1e-6, "past the back it goes on: %g", m.jerk);
    cr_expect_eq(sums.azimuth.jerks, N - 3 - 3);
    cr_expect_float_eq(m.amplitude_ratio, 30 * 3.9 / (3 * 3.9 * 3.9 * 3.9), 1e-9);
    cr_expect(isnan(m.elevation_amplitude_ratio), "a truth that stands still has no amplitude");
}

Test(path_scores, errors_across_the_back_are_wrapped_and_ratios_end_at_two) {
    v2s_path_point points[] = {{direction(179, 0), direction(-179, 10), false},
                               {direction(178, 1), direction(178, -40), false}};
    v2s_path_sums sums = {0};
    cr_assert_eq(v2s_path_add(&sums, points, 2, 25), V2S_OK);
    v2s_path_scores m = v2s_path_means(&sums);
    cr_expect_float_eq(m.azimuth_error_deg, 1, 1e-9);
    cr_expect_float_eq(m.elevation_error_deg, (10 + 41) / 2.0, 1e-9);
    cr_expect_eq(m.elevation_amplitude_ratio, 2);
    cr_expect(isnan(m.jerk));
    sums = (v2s_path_sums){0};
    cr_expect(isnan(v2s_path_means(&sums).angle_deg));
}
