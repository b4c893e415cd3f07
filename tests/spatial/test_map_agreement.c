// SPDX-License-Identifier: MIT
#include "spatial/map_agreement.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/ambisonics.h"
#include "tests/support/foa_scene.h"

static void check_maps(const golden_line *line) {
    float *truth = foa_scene(line->rate_hz, line->frames, line->stream);
    float *prediction = foa_scene(line->rate_hz, line->frames, line->stream + 2);
    for (size_t i = 0; i < line->frames; i++) { // W Z Y X
        float y = prediction[4 * i + 1];
        prediction[4 * i + 1] = prediction[4 * i + 2];
        prediction[4 * i + 2] = y;
    }
    v2s_map_scores s;
    cr_assert_eq(v2s_map_agreement(line->rate_hz, line->frames, truth, prediction, &s, NULL),
                 V2S_OK);
    const double found[] = {s.cc, s.auc, s.cc_1fps, s.auc_1fps, s.cc_5fps, s.auc_5fps};
    for (int i = 0; i < 6; i++) // maps are float: a few of 10 000 points may change places
        golden_expect(line, i, found[i], 1e-5);
    free(truth);
    free(prediction);
}

Test(map_agreement, equals_numpy) {
    golden_lines("maps", check_maps);
}

static void check_direction(const golden_line *line) {
    float *truth = foa_scene(line->rate_hz, line->frames, line->stream);
    float *prediction = foa_scene(line->rate_hz, line->frames, line->stream + 2);
    double m8 = v2s_direction_error_deg(line->rate_hz, line->frames, truth, prediction);
    golden_expect(line, 0, m8, 1e-5);
    free(truth);
    free(prediction);
}

Test(map_agreement, direction_error_equals_numpy) {
    golden_lines("direction", check_direction);
}

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
    free(a);
    free(mono);
}
