// SPDX-License-Identifier: MIT
// Labels of TAU Spatial Sound Events 2019: elevation first, seconds, metres.
#include "data/tau2019_csv.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/make_media.h"

TestSuite(tau2019_csv, .fini = v2s_test_folder_remove);

#define HEADER "sound_event_recording,start_time,end_time,ele,azi,dist\n"

static v2s_status read_text(const char *text, v2s_tau2019_labels *labels) {
    v2s_test_write_text("l.csv", text);
    v2s_error_clear();
    return v2s_tau2019_csv_read(v2s_test_path("l.csv"), labels);
}

static void expect_refused(const char *text, const char *part) {
    v2s_tau2019_labels labels = {.unordered = 77};
    v2s_status status = read_text(text, &labels);
    cr_expect(status == V2S_FORMAT, "'%s': status %d", text, status);
    cr_expect(strstr(v2s_error_text(), part) != NULL, "'%s' is not in: %s", part, v2s_error_text());
    cr_expect(labels.unordered == 77, "the labels were touched");
}

Test(tau2019_csv, elevation_stands_before_azimuth) {
    v2s_tau2019_labels m = {0};
    cr_assert(read_text("\xEF\xBB\xBF" HEADER "cough,0.366,1.334,-10,90,2\r\n", &m) == V2S_OK, "%s",
              v2s_error_text());
    cr_assert(m.count == 1);
    const v2s_tau2019_event *e = &m.events[0];
    cr_expect_str_eq(e->name, "cough");
    cr_expect(e->start_s == 0.366 && e->end_s == 1.334 && e->distance_m == 2);
    cr_expect(fabs(v2s_deg(v2s_elevation_rad(e->unit)) + 10) < 1e-9);
    cr_expect(fabs(v2s_deg(v2s_azimuth_rad(e->unit)) - 90) < 1e-9, "+90 is left");
    v2s_tau2019_labels_free(&m);
}

Test(tau2019_csv, events_are_sorted_by_their_start_and_what_was_not_is_counted) {
    v2s_tau2019_labels m = {0};
    cr_assert(read_text(HEADER "b,5,6,0,0,1\na,1,7,0,0,1\nc,8,9,0,0,1\n", &m) == V2S_OK);
    cr_expect(m.unordered == 1);
    cr_expect_str_eq(m.events[0].name, "a");
    cr_expect_str_eq(m.events[1].name, "b");
    v2s_tau2019_labels_free(&m);
}

Test(tau2019_csv, places_out_of_range_are_kept_and_counted) {
    v2s_tau2019_labels m = {0};
    cr_assert(read_text(HEADER "a,0,1,91,0,1\nb,1,2,0,-181,1\nc,2,3,0,0,0\nd,3,4,90,180,1\n", &m) ==
              V2S_OK);
    cr_expect(m.count == 4 && m.out_of_range == 3 && !m.events[3].out_of_range);
    v2s_tau2019_labels_free(&m);
}

Test(tau2019_csv, what_is_wrong_is_named_by_line_and_column) {
    expect_refused("", "empty");
    expect_refused(HEADER, "empty: a header without labels");
    expect_refused("cough,0,1,0,0,1\n", "line 1: expected the header");
    expect_refused("sound_event_recording,start_time,end_time,azi,ele,dist\n",
                   "expected the header");
    expect_refused(HEADER "a,0,1,0,0\n", "line 2: expected 6 columns, found 5");
    expect_refused(HEADER "a,0,1,0,0,1,2\n", "found 7");
    expect_refused(HEADER "a,zero,1,0,0,1\n", "column 2 (start_time): expected a number");
    expect_refused(HEADER "a,0,1,0,0,far\n", "column 6 (dist): expected a number, found 'far'");
    expect_refused(HEADER "a,nan,1,0,0,1\n", "column 2");
    expect_refused(HEADER "a,-1,1,0,0,1\n", "column 2 (start_time)");
    expect_refused(HEADER "a,2,1,0,0,1\n", "wrong time order");
    expect_refused(HEADER "a,1,1,0,0,1\n", "wrong time order");
}

Test(tau2019_csv, a_file_that_is_not_there_is_an_error_of_input) {
    v2s_tau2019_labels m = {0};
    cr_expect(v2s_tau2019_csv_read(v2s_test_path("none.csv"), &m) == V2S_IO);
}
