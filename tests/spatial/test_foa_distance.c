// SPDX-License-Identifier: MIT
// Properties of M10; its numbers are held to scipy and librosa by tests/infer/test_judge_field.c.
#include "spatial/foa_distance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/ambisonics.h"
#include "tests/support/foa_scene.h"

enum { RATE = 16000, FRAMES = 4800 };

static v2s_foa_distance measure(const float *truth, const float *prediction) {
    v2s_foa_distance d;
    cr_assert_eq(v2s_foa_distance_measure(RATE, FRAMES, truth, prediction, true, &d), V2S_OK, "%s",
                 v2s_error_text());
    return d;
}

Test(foa_distance, the_same_sound_is_at_no_distance) {
    float *foa = foa_scene(RATE, FRAMES, 1);
    v2s_foa_distance d = measure(foa, foa);
    for (int c = 0; c < 3; c++) {
        cr_expect_eq(d.stft[c], 0);
        cr_expect_lt(d.env[c], 1e-14); // two sounds go through one transform
    }
    cr_expect_eq(d.lsd_db, 0);
    cr_expect_eq(d.mse, 0);
    cr_expect_eq(d.emd, 0);
    cr_expect_eq(d.emd_norm, 0);
    cr_expect_gt(d.snr_db, 10);
    free(foa);
}

// The further a wave is turned the more work it is; no turn takes more than half a circle.
Test(foa_distance, earth_has_to_be_moved_further_for_a_larger_turn) {
    double last = 0;
    for (int turn = 20; turn <= 180; turn += 80) { // the grid has a point every 20 degrees
        float *truth = foa_plane_wave(FRAMES, 1, 1, 0, 0);
        float *turned = foa_plane_wave(FRAMES, 1, 1, 0, 0);
        v2s_foa_rotate_yaw(turned, FRAMES, v2s_rad(turn));
        v2s_foa_distance d = measure(truth, turned);
        cr_expect_gt(d.emd_norm, last);
        cr_expect_lt(d.emd_norm, v2s_rad(turn));
        last = d.emd_norm;
        free(truth);
        free(turned);
    }
}

Test(foa_distance, short_sounds_and_odd_rates_are_refused) {
    float *foa = foa_scene(RATE, FRAMES, 1);
    v2s_foa_distance d;
    cr_expect_eq(v2s_foa_distance_measure(RATE, 1599, foa, foa, false, &d), V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "expected 1600") != NULL);
    cr_expect_eq(v2s_foa_distance_measure(1000, FRAMES, foa, foa, false, &d), V2S_ARG);
    cr_expect_eq(v2s_foa_distance_measure(NAN, FRAMES, foa, foa, false, &d), V2S_ARG);
    cr_assert_eq(v2s_foa_distance_measure(RATE, 1600, foa, foa, false, &d), V2S_OK);
    cr_expect(isnan(d.emd) && isnan(d.emd_norm));
    free(foa);
}
