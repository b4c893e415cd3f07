// SPDX-License-Identifier: MIT
#include "spatial/ambisonics.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "spatial/sh.h"

static void plane_wave(v2s_vec3 u, const float *mono, size_t frames, float *foa) {
    double y[4];
    v2s_sh_sn3d(1, u, y);
    for (size_t i = 0; i < frames; i++)
        for (int c = 0; c < 4; c++)
            foa[4 * i + c] = (float)(mono[i] * y[c]);
}

static const float SOUND[8] = {0.5f, -0.25f, 1.0f, -0.75f, 0.1f, 0.0f, -0.3f, 0.9f};

Test(ambisonics, the_intensity_of_a_plane_wave_points_to_its_source) {
    for (int az = -180; az < 180; az += 7)
        for (int el = -90; el <= 90; el += 9) {
            float foa[32];
            v2s_vec3 u = v2s_unit_from_angles(v2s_rad(az), v2s_rad(el));
            plane_wave(u, SOUND, 8, foa);
            double error = v2s_deg(v2s_angle_between_rad(u, v2s_foa_intensity(foa, 8)));
            cr_assert(error < 1e-4, "az %d el %d: %g deg", az, el, error);
        }
}

Test(ambisonics, the_intensity_of_silence_is_zero) {
    float foa[32] = {0};
    cr_assert_eq(v2s_norm(v2s_foa_intensity(foa, 8)), 0.0);
}

Test(ambisonics, a_positive_yaw_turns_the_scene_to_the_left) {
    float foa[32], want[32];
    plane_wave(v2s_unit_from_angles(v2s_rad(20), v2s_rad(30)), SOUND, 8, foa);
    plane_wave(v2s_unit_from_angles(v2s_rad(110), v2s_rad(30)), SOUND, 8, want);
    v2s_foa_rotate_yaw(foa, 8, v2s_rad(90));
    for (int i = 0; i < 32; i++)
        cr_assert(fabsf(foa[i] - want[i]) < 1e-6f);
}

Test(ambisonics, fuma_is_wxyz_with_w_3_db_lower_and_converts_back) {
    float foa[32], kept[32];
    plane_wave(v2s_unit_from_angles(0.7, 0.2), SOUND, 8, foa);
    memcpy(kept, foa, sizeof foa);
    v2s_foa_fuma_from_ambix(foa, 8);
    for (int i = 0; i < 8; i++) {
        cr_assert(fabs(foa[4 * i] - kept[4 * i + V2S_ACN_W] / sqrt(2.0)) < 1e-7);
        cr_assert_eq(foa[4 * i + 1], kept[4 * i + V2S_ACN_X]);
        cr_assert_eq(foa[4 * i + 2], kept[4 * i + V2S_ACN_Y]);
        cr_assert_eq(foa[4 * i + 3], kept[4 * i + V2S_ACN_Z]);
    }
    v2s_foa_ambix_from_fuma(foa, 8);
    for (int i = 0; i < 32; i++)
        cr_assert(fabsf(foa[i] - kept[i]) < 1e-7f);
}
