// SPDX-License-Identifier: MIT
#include "spatial/map_agreement.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/ambisonics.h"
#include "tests/support/foa_scene.h"

Test(map_agreement, the_same_sound_agrees_and_the_opposite_does_not) {
    enum { RATE = 8000, FRAMES = 40000 };
    float *a = foa_plane_wave(FRAMES, 1, 1, 0, 0), *b = foa_plane_wave(FRAMES, 1, -1, 0, 0);
    v2s_map_scores same, opposite;
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, a, &same, NULL), V2S_OK);
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, &opposite, NULL), V2S_OK);
    cr_expect_float_eq(same.cc, 1, 1e-9);
    cr_expect_gt(same.auc, 0.99);
    cr_expect_lt(opposite.cc, -0.5);
    cr_expect_lt(opposite.auc, 0.1);
    v2s_foa_rotate_yaw(b, FRAMES, v2s_rad(-100));
    cr_expect_float_eq(v2s_direction_error_deg(RATE, FRAMES, a, b), 80, 1e-4);
    free(a);
    free(b);
}

Test(map_agreement, mono_has_no_map_and_no_direction) {
    enum { RATE = 8000, FRAMES = 40000 };
    float *a = foa_plane_wave(FRAMES, 1, 1, 0, 0), *mono = foa_plane_wave(FRAMES, 1, 0, 0, 0);
    v2s_map_scores s;
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, mono, &s, NULL), V2S_OK);
    cr_expect(isnan(s.cc) && isnan(s.auc) && isnan(s.cc_5fps));
    cr_expect(isnan(v2s_direction_error_deg(RATE, FRAMES, a, mono)));
    v2s_intensity_error e = v2s_intensity_error_of(FRAMES, a, mono);
    cr_expect(isnan(e.azimuth_rad) && isnan(e.elevation_rad) && isnan(e.angle_rad));
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, mono, a, &s, NULL), V2S_OK);
    cr_expect(isnan(s.cc) && isnan(s.cc_1fps) && isnan(s.auc_1fps));
    cr_expect_eq(s.auc, 0.5); // no fixation
    free(a);
    free(mono);
}

// A plane wave's map is |1 + g cos|; with the reference's gains it has a second lobe behind.
Test(map_agreement, the_gains_are_two_metrics) {
    enum { RATE = 8000, FRAMES = 40000 };
    float *a = foa_plane_wave(FRAMES, 1, 0.8, 0.6, 0), *b = foa_plane_wave(FRAMES, 1, 0, 1, 0);
    v2s_map_scores published, sn3d, alone;
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, &published, &sn3d), V2S_OK);
    cr_expect_gt(fabs(published.cc - sn3d.cc), 1e-3);
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, NULL, &alone), V2S_OK);
    cr_expect_eq(memcmp(&alone, &sn3d, sizeof alone), 0);
    for (int i = 0; i < 4 * FRAMES; i++)
        a[i] *= i % 4 == 1 || i % 4 == 3 ? 1.5f : 1;
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, &published, &alone), V2S_OK);
    cr_expect_gt(fabs(alone.cc - sn3d.cc), 1e-3);
    free(a);
    free(b);
}

Test(map_agreement, loudness_does_not_count) {
    enum { RATE = 8000, FRAMES = 20000 };
    float *a = foa_scene(RATE, FRAMES, 1), *b = foa_scene(RATE, FRAMES, 5);
    v2s_map_scores before, after;
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, &before, NULL), V2S_OK);
    for (int i = 0; i < 4 * FRAMES; i++)
        b[i] *= 0.25f; // exact
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, &after, NULL), V2S_OK);
    cr_expect_float_eq(after.cc, before.cc, 1e-12);
    cr_expect_float_eq(after.cc_5fps, before.cc_5fps, 1e-12);
    cr_expect_float_eq(after.auc, before.auc, 1e-12);
    free(a);
    free(b);
}

// Seconds in which the truth is silent are left out; what comes after 5 s is not heard.
Test(map_agreement, silent_windows_do_not_count) {
    enum { RATE = 8000, FRAMES = 60000, HEARD = 16000 };
    float *a = foa_scene(RATE, FRAMES, 1), *b = foa_scene(RATE, FRAMES, 5);
    v2s_map_scores all, heard, five;
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, &all, NULL), V2S_OK);
    cr_assert_eq(v2s_map_agreement(RATE, 40000, a, b, &five, NULL), V2S_OK);
    cr_expect_eq(memcmp(&all, &five, sizeof all), 0);
    cr_assert_eq(v2s_map_agreement(RATE, HEARD, a, b, &heard, NULL), V2S_OK);
    memset(a + 4 * HEARD, 0, 4 * (FRAMES - HEARD) * sizeof *a);
    cr_assert_eq(v2s_map_agreement(RATE, FRAMES, a, b, &all, NULL), V2S_OK);
    cr_expect_eq(all.cc_1fps, heard.cc_1fps);
    cr_expect_eq(all.auc_5fps, heard.auc_5fps);
    cr_expect_neq(all.cc, heard.cc);
    free(a);
    free(b);
}

Test(map_agreement, odd_rates_and_no_samples) {
    float *a = foa_scene(8000, 9000, 1);
    v2s_map_scores s;
    cr_assert_eq(v2s_map_agreement(8003, 9000, a, a, &s, NULL), V2S_OK);
    cr_expect_float_eq(s.cc, 1, 1e-12);
    cr_expect_eq(v2s_map_agreement(4, 9000, a, a, &s, NULL), V2S_ARG);
    cr_expect_eq(v2s_map_agreement(NAN, 9000, a, a, &s, NULL), V2S_ARG);
    cr_assert_eq(v2s_map_agreement(8000, 0, a, a, &s, NULL), V2S_OK);
    cr_expect(isnan(s.cc) && isnan(s.auc) && isnan(s.auc_5fps));
    free(a);
}

Test(map_agreement, intensities_turn_with_the_sound) {
    enum { RATE = 8000, FRAMES = 8000 };
    float *a = foa_plane_wave(FRAMES, 1, 0.48, 0.64, 0.6), *b = foa_scene(RATE, FRAMES, 5);
    v2s_intensity_error before = v2s_intensity_error_of(FRAMES, a, b);
    v2s_foa_rotate_yaw(a, FRAMES, v2s_rad(115));
    v2s_foa_rotate_yaw(b, FRAMES, v2s_rad(115));
    v2s_intensity_error turned = v2s_intensity_error_of(FRAMES, a, b);
    cr_expect_float_eq(turned.angle_rad, before.angle_rad, 1e-6);
    cr_expect_float_eq(turned.azimuth_rad, before.azimuth_rad, 1e-6);
    cr_expect_float_eq(turned.elevation_rad, before.elevation_rad, 1e-6);
    free(b);
    b = foa_plane_wave(FRAMES, 2, 0.48, 0.64, 0.6); // other noise, the place of a before its turn
    v2s_intensity_error e = v2s_intensity_error_of(FRAMES, a, b);
    cr_expect_float_eq(e.azimuth_rad, v2s_rad(115), 1e-6);
    cr_expect_lt(e.elevation_rad, 1e-6);
    // Haversine: both at elevation asin 0.6.
    cr_expect_float_eq(e.angle_rad, 2 * asin(0.8 * sin(v2s_rad(115) / 2)), 1e-6);
    v2s_foa_rotate_yaw(b, FRAMES, v2s_rad(-130)); // 245 degrees apart are 115
    e = v2s_intensity_error_of(FRAMES, a, b);
    cr_expect_float_eq(e.azimuth_rad, v2s_rad(115), 1e-6);
    free(a);
    free(b);
}
