// SPDX-License-Identifier: MIT
// Sound against label, and channels against labels.
#include "train/seld_check.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/support/make_media.h"
#include "tests/support/make_seld.h"
#include "tests/support/program.h"

TestSuite(seld_check, .fini = v2s_test_folder_remove);

enum { RATE = 16000 };

static v2s_seld_evidence judge(const v2s_test_field *field, double start_s, double end_s,
                               const v2s_trajectory *path) {
    v2s_foa_cells *cells = NULL;
    size_t count;
    v2s_test_make_field("f.wav", field);
    v2s_test_sound sound = v2s_test_sound_read(v2s_test_path("f.wav"));
    cr_assert(v2s_foa_cells_open(RATE, &cells) == V2S_OK);
    cr_assert(v2s_foa_cells_add(cells, sound.samples, sound.frames) == V2S_OK);
    const v2s_foa_cell *all = v2s_foa_cells_all(cells, &count);
    v2s_seld_evidence e = v2s_seld_judge(all, count, RATE, start_s, end_s, path);
    v2s_foa_cells_close(&cells);
    v2s_test_sound_free(&sound);
    return e;
}

// A path of a source's directions, `off_deg` wrong.
static v2s_trajectory path_of(const v2s_test_source *s, double off_deg, v2s_point points[20]) {
    for (int k = 0; k < 20; k++) {
        double time_s = s->start_s + k * (s->end_s - s->start_s) / 19;
        double az_deg = s->az_deg + s->turn_deg_s * (time_s - s->start_s) + off_deg;
        points[k] =
            (v2s_point){time_s, v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(s->el_deg)), 1, 1};
    }
    return (v2s_trajectory){.name = "1", .count = 20, .points = points};
}

static v2s_seld_evidence judge_one(v2s_layout layout, v2s_test_source source, double off_deg) {
    v2s_point points[20];
    const v2s_test_field field = {RATE, 2, layout, 1, &source};
    v2s_trajectory path = path_of(&source, off_deg, points);
    return judge(&field, source.start_s, source.end_s, &path);
}

Test(seld_check, a_right_label_agrees_and_a_wrong_one_is_off_by_its_error) {
    const v2s_test_source still = {0.2, 1.8, 100, 20, 0};
    v2s_seld_evidence e = judge_one(V2S_LAYOUT_AMBIX, still, 0);
    cr_expect(e.angle_deg < 0.5 && !e.silent, "%g", e.angle_deg);
    cr_expect(fabs(e.ratio - 1) < 0.01, "%g", e.ratio);
    e = judge_one(V2S_LAYOUT_AMBIX, (v2s_test_source){0.2, 1.8, 0, 0, 0}, 90);
    cr_expect(fabs(e.angle_deg - 90) < 0.5, "%g", e.angle_deg);
}

// A source that turns by 180 degrees: its intensities cancel, those that are turned do not.
Test(seld_check, a_source_that_moves_is_compared_moment_by_moment) {
    const v2s_test_source moving = {0, 2, -60, 10, 90};
    v2s_seld_evidence e = judge_one(V2S_LAYOUT_AMBIX, moving, 0);
    cr_expect(e.angle_deg < 1, "%g", e.angle_deg);
    e = judge_one(V2S_LAYOUT_AMBIX, moving, 40);
    cr_expect(fabs(e.angle_deg - 40) < 2, "%g", e.angle_deg);
    e = judge_one(V2S_LAYOUT_AMBIX, moving, -40);
    cr_expect(fabs(e.angle_deg - 40) < 2, "%g", e.angle_deg);
}

Test(seld_check, other_sounds_than_those_of_the_span_do_not_count) {
    const v2s_test_source sources[] = {{0, 1, 0, 0, 0}, {1, 2, 120, 0, 0}};
    const v2s_test_field field = {RATE, 2, V2S_LAYOUT_AMBIX, 2, sources};
    v2s_point points[20];
    v2s_trajectory path = path_of(&sources[1], 0, points);
    cr_expect(judge(&field, 1, 2, &path).angle_deg < 1);
    cr_expect(judge(&field, 0, 1, &path).angle_deg > 110);
}

Test(seld_check, silence_is_named) {
    const v2s_test_source far_away = {5, 6, 0, 0, 0};
    const v2s_test_field field = {RATE, 2, V2S_LAYOUT_AMBIX, 0, NULL};
    v2s_foa_cell nothing[100] = {0};
    v2s_point points[20];
    v2s_trajectory path = path_of(&far_away, 0, points);
    v2s_seld_evidence e = v2s_seld_judge(nothing, 100, RATE, 0, 1, &path);
    cr_expect(e.silent && isnan(e.angle_deg) && isnan(e.ratio));
    cr_expect(!judge(&field, 0, 1, &path).silent, "noise 94 dB below full scale is a sound");
}

static v2s_seld_verdict verdict_of(v2s_layout layout) {
    v2s_seld_channels channels = {0};
    for (int i = 0; i < 6; i++) {
        v2s_seld_evidence e =
            judge_one(layout, (v2s_test_source){0.2, 1.8, 60.0 * i, 15.0 * i - 40, 0}, 3);
        cr_assert(v2s_seld_channels_add(&channels, &e) == V2S_OK);
    }
    v2s_seld_verdict v = v2s_seld_channels_judge(&channels);
    v2s_seld_channels_free(&channels);
    return v;
}

Test(seld_check, labels_tell_the_order_and_normalisation_of_the_channels) {
    static const double ratio[] = {0, 1, 3, 2, 1};
    for (int layout = V2S_LAYOUT_AMBIX; layout <= V2S_LAYOUT_WXYZ_SN3D; layout++) {
        v2s_seld_verdict v = verdict_of((v2s_layout)layout);
        bool wyzx = layout == V2S_LAYOUT_AMBIX || layout == V2S_LAYOUT_N3D;
        cr_expect(v.layout == (v2s_layout)layout, "%s taken for %s",
                  v2s_layout_name((v2s_layout)layout), v2s_layout_name(v.layout));
        cr_expect(v.wyzx == wyzx && v.wxyz == !wyzx);
        cr_expect(fabs(v.ratio - ratio[layout]) < 0.02 * ratio[layout], "%g", v.ratio);
        cr_expect((wyzx ? v.angle_deg : v.angle_wxyz_deg) < 4);
    }
}

Test(seld_check, no_span_is_no_verdict) {
    v2s_seld_channels channels = {0};
    v2s_seld_verdict v = v2s_seld_channels_judge(&channels);
    cr_expect(v.layout == V2S_LAYOUT_UNCERTAIN && !v.wyzx && !v.wxyz && v.ratios == 0);
    cr_expect(isnan(v.angle_deg) && isnan(v.ratio));
}

Test(seld_check, directions_that_every_order_fits_are_no_verdict) {
    v2s_seld_channels channels = {0};
    for (int i = 0; i < 5; i++) { // x = y = z
        v2s_seld_evidence e = judge_one(
            V2S_LAYOUT_AMBIX, (v2s_test_source){0, 2, 45, v2s_deg(asin(sqrt(1.0 / 3))), 0}, 0);
        cr_assert(v2s_seld_channels_add(&channels, &e) == V2S_OK);
    }
    v2s_seld_verdict v = v2s_seld_channels_judge(&channels);
    cr_expect(!v.wyzx && !v.wxyz && v.layout == V2S_LAYOUT_UNCERTAIN);
    v2s_seld_channels_free(&channels);
}
