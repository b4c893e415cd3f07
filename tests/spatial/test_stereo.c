// SPDX-License-Identifier: MIT
#include "spatial/stereo.h"

#include <criterion/criterion.h>
#include <math.h>

#include "spatial/sh.h"

static void decode(double az_deg, float stereo[2]) {
    double y[V2S_MAX_CHANNELS];
    float ambi[16];
    v2s_sh_sn3d(3, v2s_unit_from_angles(v2s_rad(az_deg), 0.0), y);
    for (int c = 0; c < 16; c++)
        ambi[c] = (float)y[c];
    v2s_stereo_decode(ambi, 16, 1, stereo);
}

Test(stereo, left_is_left_and_front_is_the_middle) {
    float s[2];
    decode(90.0, s);
    cr_assert_gt(s[0], 4.0F * fabsf(s[1]));
    decode(-90.0, s);
    cr_assert_gt(s[1], 4.0F * fabsf(s[0]));
    decode(0.0, s);
    cr_assert_float_eq(s[0], s[1], 1e-7);
    decode(180.0, s);
    cr_assert_float_eq(s[0], s[1], 1e-6);
}

Test(stereo, mean_power_over_the_horizon_is_the_source_power) {
    double power = 0.0;
    for (int a = 0; a < 360; a++) {
        float s[2];
        decode(a, s);
        power += (s[0] * s[0] + s[1] * s[1]) / 2.0 / 360.0;
    }
    cr_assert_float_eq(10.0 * log10(power), 0.0, 1e-4);
}

Test(stereo, no_direction_is_far_from_the_mean) {
    for (int a = 0; a < 360; a++) {
        float s[2];
        decode(a, s);
        double db = 10.0 * log10((s[0] * s[0] + s[1] * s[1]) / 2.0);
        cr_assert(db > -1.0 && db < 1.0, "az %d: %g dB", a, db);
    }
}

Test(stereo, reads_only_its_own_frame) {
    float ambi[3][4] = {{1, 0, 0, 0}, {0, 1, 9, 9}, {0, 0, 5, 5}}, s[3][2];
    v2s_stereo_decode(ambi[0], 4, 3, s[0]);
    cr_assert_float_eq(s[0][0], 0.89622, 1e-5);
    cr_assert_float_eq(s[0][1], 0.89622, 1e-5);
    cr_assert_float_eq(s[1][0], 0.62736, 1e-5);
    cr_assert_float_eq(s[1][1], -0.62736, 1e-5);
    cr_assert_eq(s[2][0], 0.0F);
    cr_assert_eq(s[2][1], 0.0F);
}
