// SPDX-License-Identifier: MIT
// Spans with one source, from frames and from events.
#include "train/seld_labels.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/make_media.h"

TestSuite(seld_labels, .fini = v2s_test_folder_remove);

static v2s_seld_labels from_rows(const char *text) {
    v2s_dcase_labels rows = {0};
    v2s_seld_labels labels = {0};
    v2s_test_write_text("l.csv", text);
    cr_assert(v2s_dcase_csv_read(v2s_test_path("l.csv"), V2S_DCASE_CENTIMETRES, &rows) == V2S_OK,
              "%s", v2s_error_text());
    cr_assert(v2s_seld_from_rows(&rows, 1, &labels) == V2S_OK);
    v2s_dcase_labels_free(&rows);
    return labels;
}

static v2s_seld_labels from_events(const char *rows) {
    v2s_tau2019_labels events = {0};
    v2s_seld_labels labels = {0};
    char text[2000] = "sound_event_recording,start_time,end_time,ele,azi,dist\n";
    v2s_test_write_text("l.csv", strcat(text, rows));
    cr_assert(v2s_tau2019_csv_read(v2s_test_path("l.csv"), &events) == V2S_OK, "%s",
              v2s_error_text());
    cr_assert(v2s_seld_from_events(&events, &labels) == V2S_OK);
    v2s_tau2019_labels_free(&events);
    return labels;
}

static void expect_span(const v2s_seld_labels *m, size_t i, double start_s, double end_s) {
    cr_assert(i < m->count, "there is no span %zu", i);
    cr_expect(fabs(m->spans[i].start_s - start_s) < 1e-9 && fabs(m->spans[i].end_s - end_s) < 1e-9,
              "span %zu: %g to %g, expected %g to %g", i, m->spans[i].start_s, m->spans[i].end_s,
              start_s, end_s);
    const v2s_trajectory *t = &m->spans[i].path;
    cr_expect(fabs(t->points[0].time_s - start_s) < 1e-9 &&
              fabs(t->points[t->count - 1].time_s - end_s) < 1e-9);
    for (size_t k = 1; k < t->count; k++)
        cr_expect(t->points[k].time_s > t->points[k - 1].time_s);
}

Test(seld_labels, a_run_of_frames_of_one_source_is_a_span_of_the_recordings_time) {
    v2s_seld_labels m = from_rows("9,1,0,10,0\n10,1,0,20,0\n11,1,0,30,5\n");
    cr_assert(m.count == 1 && m.rows == 3 && m.class_max == 1);
    expect_span(&m, 0, 0.9, 1.2);
    cr_expect(m.spans[0].class_index == 1);
    v2s_point p = v2s_trajectory_at(&m.spans[0].path, 1.05, NULL);
    cr_expect(fabs(v2s_deg(v2s_azimuth_rad(p.unit)) - 20) < 1e-6, "the middle of frame 10");
    p = v2s_trajectory_at(&m.spans[0].path, 0.9, NULL);
    cr_expect(fabs(v2s_deg(v2s_azimuth_rad(p.unit)) - 10) < 1e-6, "held at its ends");
    cr_expect(p.distance_m == 1);
    v2s_seld_labels_free(&m);
}

Test(seld_labels, another_class_another_source_and_a_gap_end_a_span) {
    v2s_seld_labels m =
        from_rows("0,1,0,0,0\n1,1,0,0,0\n2,2,0,0,0\n3,2,1,0,0\n4,2,1,0,0\n6,2,1,0,0\n");
    cr_assert(m.count == 4);
    expect_span(&m, 0, 0, 0.2);
    expect_span(&m, 1, 0.2, 0.3);
    expect_span(&m, 2, 0.3, 0.5);
    expect_span(&m, 3, 0.6, 0.7);
    cr_expect(m.overlaps == 0);
    v2s_seld_labels_free(&m);
}

Test(seld_labels, frames_with_several_sources_are_left_out_and_counted) {
    v2s_seld_labels m = from_rows("0,1,0,0,0\n1,1,0,0,0\n1,2,0,90,0\n2,1,0,0,0\n2,1,1,9,0\n"
                                  "3,1,0,0,0\n4,1,0,0,0\n4,1,0,0,0\n");
    cr_assert(m.count == 2);
    expect_span(&m, 0, 0, 0.1);
    expect_span(&m, 1, 0.3, 0.4);
    cr_expect(m.overlaps == 2 && fabs(m.overlapped_s - 0.3) < 1e-9);
    v2s_seld_labels_free(&m);
}

Test(seld_labels, a_row_out_of_range_ends_a_span_and_still_is_a_source) {
    v2s_seld_labels m =
        from_rows("0,1,0,0,0\n1,1,0,0,95\n2,1,0,0,0\n2,2,0,0,95\n3,1,0,0,0\n4,1,0,999,0\n");
    cr_assert(m.count == 2 && m.out_of_range == 3);
    expect_span(&m, 0, 0, 0.1);
    expect_span(&m, 1, 0.3, 0.4);
    v2s_seld_labels_free(&m);
}

Test(seld_labels, distances_are_those_of_the_labels) {
    v2s_seld_labels m = from_rows("0,1,0,0,0,250\n1,1,0,0,0,350\n");
    cr_assert(m.count == 1);
    cr_expect(fabs(v2s_trajectory_at(&m.spans[0].path, 0.1, NULL).distance_m - 3) < 1e-9);
    v2s_seld_labels_free(&m);
}

Test(seld_labels, what_lies_beyond_the_sound_is_cut_and_counted) {
    v2s_seld_labels m = from_rows("0,1,0,0,0\n1,1,0,10,0\n2,1,0,20,0\n3,1,0,30,0\n5,1,0,0,0\n");
    cr_assert(m.count == 2);
    cr_expect(v2s_seld_cut(&m, 0.23) == 2, "frames 3 and 5; frame 2 begins before the end");
    cr_assert(m.count == 1);
    expect_span(&m, 0, 0, 0.23);
    v2s_seld_labels_free(&m);
    m = from_rows("0,1,0,0,0\n1,1,0,10,0\n");
    cr_expect(v2s_seld_cut(&m, 0.2) == 0 && m.count == 1);
    expect_span(&m, 0, 0, 0.2);
    cr_expect(v2s_seld_cut(&m, 0.02) == 1);
    expect_span(&m, 0, 0, 0.02);
    v2s_seld_labels_free(&m);
}

Test(seld_labels, events_are_alone_between_the_times_of_others) {
    v2s_seld_labels m = from_events("a,1,4,10,20,2\nb,3,6,0,0,1\nc,6,7.5,0,0,1\n");
    cr_assert(m.count == 3 && m.overlaps == 1 && fabs(m.overlapped_s - 1) < 1e-9);
    expect_span(&m, 0, 1, 3);
    expect_span(&m, 1, 4, 6);
    expect_span(&m, 2, 6, 7.5);
    cr_expect_str_eq(m.spans[0].sound, "a");
    v2s_point p = v2s_trajectory_at(&m.spans[0].path, 2, NULL);
    cr_expect(fabs(v2s_deg(v2s_azimuth_rad(p.unit)) - 20) < 1e-9 && p.distance_m == 2);
    cr_expect(v2s_seld_cut(&m, 7) == 1 && m.count == 3);
    expect_span(&m, 2, 6, 7);
    v2s_seld_labels_free(&m);
}

Test(seld_labels, an_event_in_another_splits_it) {
    v2s_seld_labels m = from_events("a,0,10,0,0,1\nb,2,3,0,0,1\nc,2.5,4,0,0,1\nd,9,10,0,0,-1\n");
    cr_assert(m.count == 2, "found %zu", m.count);
    expect_span(&m, 0, 0, 2);
    expect_span(&m, 1, 4, 9);
    cr_expect(m.overlaps == 2 && fabs(m.overlapped_s - 3) < 1e-9 && m.out_of_range == 1);
    v2s_seld_labels_free(&m);
}
