// SPDX-License-Identifier: MIT
// Published direction labels: every number of columns, and everything that can be wrong.
#include "data/dcase_csv.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/make_media.h"

TestSuite(dcase_csv, .fini = v2s_test_folder_remove);

static v2s_status read_text(const char *text, v2s_dcase_labels *labels) {
    v2s_test_write_text("l.csv", text);
    v2s_error_clear();
    return v2s_dcase_csv_read(v2s_test_path("l.csv"), V2S_DCASE_CENTIMETRES, labels);
}

static void expect_refused(const char *text, const char *part) {
    v2s_dcase_labels labels = {.columns = 77};
    v2s_status status = read_text(text, &labels);
    cr_expect(status == V2S_FORMAT, "'%s': status %d", text, status);
    cr_expect(strstr(v2s_error_text(), part) != NULL, "'%s' is not in: %s", part, v2s_error_text());
    cr_expect(strstr(v2s_error_text(), "l.csv") != NULL, "no file in: %s", v2s_error_text());
    cr_expect(labels.columns == 77, "the labels were touched");
}

static v2s_dcase_labels expect_read(const char *text) {
    v2s_dcase_labels labels = {0};
    cr_assert(read_text(text, &labels) == V2S_OK, "%s", v2s_error_text());
    return labels;
}

static void expect_direction(v2s_vec3 u, double az_deg, double el_deg) {
    v2s_vec3 v = v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg));
    cr_expect(v2s_angle_between_rad(u, v) < 1e-9, "%g %g %g is not az %g el %g", u.x, u.y, u.z,
              az_deg, el_deg);
}

Test(dcase_csv, five_columns_are_frame_class_source_azimuth_elevation) {
    v2s_dcase_labels m = expect_read("9,1,2,-97,-20\n10,1,2,90,0\r\n\n10,3,0,180,90\n");
    cr_assert(m.columns == 5 && m.count == 3 && m.out_of_range == 0);
    cr_expect(m.rows[0].frame == 9 && m.rows[0].class_index == 1 && m.rows[0].source == 2);
    cr_expect(isnan(m.rows[0].distance_m) && m.rows[0].line == 1 && m.rows[2].line == 4);
    expect_direction(m.rows[0].unit, -97, -20);
    cr_expect(fabs(m.rows[1].unit.y - 1) < 1e-12, "+90 is left");
    cr_expect(fabs(m.rows[2].unit.z - 1) < 1e-12, "+90 is up");
    v2s_dcase_labels_free(&m);
}

Test(dcase_csv, four_columns_have_no_source) {
    v2s_dcase_labels m = expect_read("0,11,10,20\n");
    cr_expect(m.columns == 4 && m.rows[0].class_index == 11 && m.rows[0].source == 0);
    expect_direction(m.rows[0].unit, 10, 20);
    v2s_dcase_labels_free(&m);
}

Test(dcase_csv, six_columns_have_a_distance_in_the_unit_that_was_asked_for) {
    v2s_dcase_labels m = expect_read("0,1,0,10,20,152\n"), metres = {0};
    cr_expect(fabs(m.rows[0].distance_m - 1.52) < 1e-12);
    expect_direction(m.rows[0].unit, 10, 20);
    cr_assert(v2s_dcase_csv_read(v2s_test_path("l.csv"), V2S_DCASE_METRES, &metres) == V2S_OK);
    cr_expect(metres.rows[0].distance_m == 152);
    v2s_dcase_labels_free(&m);
    v2s_dcase_labels_free(&metres);
}

Test(dcase_csv, seven_columns_are_cartesian) {
    v2s_dcase_labels m = expect_read("3,1,0,0,2,0,80\n4,1,0,0.5,0.5,0.70710678,80\n");
    expect_direction(m.rows[0].unit, 90, 0);
    expect_direction(m.rows[1].unit, 45, v2s_deg(asin(0.70710678)));
    cr_expect(fabs(m.rows[0].distance_m - 0.8) < 1e-12);
    v2s_dcase_labels_free(&m);
}

Test(dcase_csv, rows_out_of_range_are_kept_and_counted) {
    v2s_dcase_labels m = expect_read("0,1,0,181,0\n1,1,0,0,-91\n2,1,0,-180,90\n");
    cr_expect(m.count == 3 && m.out_of_range == 2);
    cr_expect(m.rows[0].out_of_range && m.rows[1].out_of_range && !m.rows[2].out_of_range);
    v2s_dcase_labels_free(&m);
    m = expect_read("0,1,0,0,0,0\n1,1,0,0,0,-5\n2,1,0,0,0,1\n");
    cr_expect(m.out_of_range == 2);
    v2s_dcase_labels_free(&m);
    m = expect_read("0,1,0,0,0,0,100\n");
    cr_expect(m.out_of_range == 1, "a vector of length 0 points nowhere");
    v2s_dcase_labels_free(&m);
}

Test(dcase_csv, what_is_wrong_is_named_by_line_and_column) {
    expect_refused("", "empty");
    expect_refused("\n\n", "empty");
    expect_refused("1,2,3\n", "line 1: expected 4 to 7 columns, found 3");
    expect_refused("1,2,3,4,5,6,7,8\n", "found 8");
    expect_refused("1,2,0,4,5\n1,2,0,4\n", "line 2: expected 5 columns as above, found 4");
    expect_refused("frame,class,source,azi,ele\n", "column 1 (frame): expected a number");
    expect_refused("frame,class,source,azi,ele\n", "no header");
    expect_refused("1,2,0,left,5\n", "column 4 (azimuth): expected a number, found 'left'");
    expect_refused("1,2,0,4,\n", "column 5 (elevation): expected a number, found ''");
    expect_refused("1,2,0,nan,5\n", "column 4");
    expect_refused("1,2,0,inf,5\n", "column 4");
    expect_refused("-1,2,0,4,5\n", "column 1 (frame): expected a whole number");
    expect_refused("1.5,2,0,4,5\n", "column 1 (frame): expected a whole number");
    expect_refused("1,-2,0,4,5\n", "column 2 (class)");
    expect_refused("1,2,1e30,4,5\n", "column 3 (source)");
    expect_refused("1e18,2,0,4,5\n", "column 1 (frame)");
    expect_refused("5,2,0,4,5\n\n4,2,0,4,5\n", "line 3: column 1 (frame): 4 after 5");
    expect_refused("5,2,0,4,\"5\n", "quotation mark");
}

Test(dcase_csv, a_file_that_is_not_there_is_an_error_of_input) {
    v2s_dcase_labels m = {0};
    cr_expect(v2s_dcase_csv_read(v2s_test_path("none.csv"), V2S_DCASE_METRES, &m) == V2S_IO);
    cr_expect(strstr(v2s_error_text(), "none.csv") != NULL);
}

Test(dcase_csv, a_zero_byte_and_a_long_line_are_refused) {
    v2s_dcase_labels m = {0};
    char text[5000];
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    expect_refused(text, "line 1");
    v2s_test_write_file(v2s_test_path("l.csv"), "1,2,0,\0004,5\n", 12);
    cr_expect(v2s_dcase_csv_read(v2s_test_path("l.csv"), V2S_DCASE_METRES, &m) == V2S_FORMAT);
}

Test(dcase_csv, real_labels_are_read) {
    static const char *const NAMES[] = {
        "seld/starss22/metadata_dev/dev-train-tau/fold3_room7_mix006.csv",
        "seld/tau2021/fold1_room1_mix001.csv"};
    for (int i = 0; i < 2; i++) {
        char path[512];
        v2s_dcase_labels m = {0};
        snprintf(path, sizeof path, "%s/%s", V2S_SHARED_DATA, NAMES[i]);
        FILE *file = fopen(path, "rb");
        if (file == NULL)
            cr_skip_test("%s is not there", path);
        fclose(file);
        cr_assert(v2s_dcase_csv_read(path, V2S_DCASE_CENTIMETRES, &m) == V2S_OK, "%s",
                  v2s_error_text());
        cr_expect(m.columns == 5 && m.count > 100 && m.out_of_range == 0);
        v2s_dcase_labels_free(&m);
    }
}
