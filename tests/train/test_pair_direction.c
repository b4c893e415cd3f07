// SPDX-License-Identifier: MIT
// Directions estimated from the sound alone.
#include "train/pair_direction.h"

#include <criterion/criterion.h>
#include <math.h>

#include "tests/support/make_media.h"
#include "tests/support/make_seld.h"
#include "tests/support/program.h"

TestSuite(pair_direction, .fini = v2s_test_folder_remove);

enum { RATE = 16000 };

static v2s_clear_spans find(const v2s_test_field *field, bool wxyz) {
    v2s_foa_cells *cells = NULL;
    v2s_clear_spans found = {0};
    size_t count;
    v2s_test_make_field("f.wav", field);
    v2s_test_sound sound = v2s_test_sound_read(v2s_test_path("f.wav"));
    cr_assert(v2s_foa_cells_open(RATE, &cells) == V2S_OK);
    cr_assert(v2s_foa_cells_add(cells, sound.samples, sound.frames) == V2S_OK);
    const v2s_foa_cell *all = v2s_foa_cells_all(cells, &count);
    cr_assert(v2s_clear_spans_find(all, count, wxyz, field->duration_s, &found) == V2S_OK);
    v2s_foa_cells_close(&cells);
    v2s_test_sound_free(&sound);
    return found;
}

static double error_deg(const v2s_clear_span *s, const v2s_test_source *source, double time_s) {
    double az_deg = source->az_deg + source->turn_deg_s * (time_s - source->start_s);
    return v2s_deg(
        v2s_angle_between_rad(v2s_trajectory_at(&s->path, time_s, NULL).unit,
                              v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(source->el_deg))));
}

Test(pair_direction, a_source_is_found_where_and_when_it_sounds) {
    const v2s_test_source source = {1, 3, -70, 25, 0};
    const v2s_test_field field = {RATE, 4, V2S_LAYOUT_AMBIX, 1, &source};
    v2s_clear_spans found = find(&field, false);
    cr_assert(found.count == 1, "found %zu", found.count);
    const v2s_clear_span *s = &found.spans[0];
    cr_expect(fabs(s->start_s - 1) < 1e-9 && fabs(s->end_s - 3) < 0.11, "%g to %g", s->start_s,
              s->end_s);
    for (double t = 1; t < 3; t += 0.1)
        cr_expect(error_deg(s, &source, t) < 0.5);
    cr_expect(s->path.points[5].distance_m == 1 && s->path.points[5].confidence > 0.99);
    v2s_clear_spans_free(&found);
}

Test(pair_direction, a_moving_source_is_followed_in_either_order_of_channels) {
    const v2s_test_source source = {0, 3, -60, 10, 40};
    for (int wxyz = 0; wxyz < 2; wxyz++) {
        const v2s_test_field field = {RATE, 3, wxyz ? V2S_LAYOUT_FUMA : V2S_LAYOUT_AMBIX, 1,
                                      &source};
        v2s_clear_spans found = find(&field, wxyz);
        cr_assert(found.count == 1);
        for (double t = 0.15; t < 2.8; t += 0.1)
            cr_expect(error_deg(&found.spans[0], &source, t) < 3, "%g s: %g deg", t,
                      error_deg(&found.spans[0], &source, t));
        v2s_clear_spans_free(&found);
    }
}

Test(pair_direction, sources_on_opposite_sides_have_no_clear_direction) {
    const v2s_test_source both[] = {{0, 2, 90, 0, 0}, {0, 2, -90, 0, 0}};
    const v2s_test_field field = {RATE, 2, V2S_LAYOUT_AMBIX, 2, both};
    v2s_clear_spans found = find(&field, false);
    cr_expect(found.count == 0, "found %zu", found.count);
    v2s_clear_spans_free(&found);
}

Test(pair_direction, a_jump_makes_two_spans) {
    const v2s_test_source two[] = {{0, 1.5, 0, 0, 0}, {1.5, 3, 150, 0, 0}};
    const v2s_test_field field = {RATE, 3, V2S_LAYOUT_AMBIX, 2, two};
    v2s_clear_spans found = find(&field, false);
    cr_assert(found.count == 2, "found %zu", found.count);
    cr_expect(error_deg(&found.spans[0], &two[0], 0.5) < 1);
    cr_expect(error_deg(&found.spans[1], &two[1], 2.5) < 1);
    v2s_clear_spans_free(&found);
}

Test(pair_direction, short_and_silent_stretches_are_left_out) {
    const v2s_test_source brief = {0.5, 0.8, 0, 0, 0};
    const v2s_test_field field = {RATE, 2, V2S_LAYOUT_AMBIX, 1, &brief};
    v2s_clear_spans found = find(&field, false);
    cr_expect(found.count == 0);
    v2s_clear_spans_free(&found);
    const v2s_foa_cell nothing[200] = {0};
    cr_assert(v2s_clear_spans_find(nothing, 200, false, 2, &found) == V2S_OK);
    cr_expect(found.count == 0);
    v2s_clear_spans_free(&found);
}
