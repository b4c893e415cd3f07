// SPDX-License-Identifier: MIT
// v2s-infer compare of labels: DCASE's and trajectories.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/make_media.h"
#include "tests/support/program.h"

TestSuite(compare_labels_program, .fini = v2s_test_folder_remove);

static cJSON *compared(const char *prediction, const char *truth, const char *option,
                       const char *value) {
    V2S_TEST_RUN("compare", "--pred", prediction, "--truth", truth, option, value, "--json",
                 "o.json", "-q");
    return v2s_test_json(v2s_test_path("o.json"));
}

static bool is_null(const cJSON *json, const char *key) {
    return cJSON_IsNull(cJSON_GetObjectItem(v2s_test_at(json, "metrics"), key));
}

// Standard error of a run that succeeds contains `part`.
static void expect_warning(const char *part, const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

// ---- DCASE ------------------------------------------------------------------------------------

// 30 frames of class 2 that goes to the left, 1 degree a frame, `off` degrees beside it, and of
// class 5 that stands still in the first 10; metres times `scale`.
static void make_labels(const char *name, int off, double scale) {
    char path[256];
    snprintf(path, sizeof path, "%s", v2s_test_path(name));
    FILE *f = fopen(path, "w");
    cr_assert(f != NULL);
    for (int i = 0; i < 30; i++) {
        fprintf(f, "%d,2,0,%d,0,%g\n", i, i + off, 2 * scale);
        if (i < 10)
            fprintf(f, "%d,5,1,-90,%d,%g\n", i, off, 4 * scale);
    }
    fclose(f);
}

Test(compare_labels_program, sources_beside_their_truth_have_the_known_scores) {
    make_labels("t.csv", 0, 100); // centimetres
    make_labels("p.csv", 10, 1.5);
    cJSON *json = compared("p.csv", "t.csv", "--seld-year", "2024");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_f20"), 1, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_angle_deg"), 10, 1e-5);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_relative_distance"), 0.5, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_distance_m"), 1.5, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_lr"), 1, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_er"), 0, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_azimuth_error_deg"), 7.5, 1e-6);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_amplitude_ratio"), 1, 1e-9);
    cr_expect_lt(v2s_test_number(json, "metrics.M12_jerk"), 1e-6);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "classes")), 2);
    cr_expect_eq(v2s_test_number(json, "frames"), 30);
    cJSON_Delete(json);
    json = compared("p.csv", "t.csv", "--seld-classes", "13");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_f20"), 2 / 13.0, 1e-9);
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(json, "classes")), 13);
    cJSON_Delete(json);
    json = compared("p.csv", "t.csv", "--seld-year", "2023");
    cr_expect(is_null(json, "M8_relative_distance"));
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_angle_deg"), 10, 1e-5);
    cJSON_Delete(json);
    make_labels("p.csv", 21, 1.5);
    json = compared("p.csv", "t.csv", "--seld-year", "2024");
    cr_expect_eq(v2s_test_number(json, "metrics.M8_f20"), 0);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_lr"), 1, 1e-9);
    cJSON_Delete(json);
}

Test(compare_labels_program, units_of_distances_are_told_and_doubted) {
    make_labels("t.csv", 0, 100);
    make_labels("p.csv", 0, 100);
    expect_warning("are the units those of --pred-distance m and --truth-distance cm?",
                   (const char *const[]){"compare", "--pred", "p.csv", "--truth", "t.csv", NULL});
    cJSON *json = compared("p.csv", "t.csv", "--pred-distance", "cm");
    cr_expect_eq(v2s_test_number(json, "metrics.M8_relative_distance"), 0);
    cJSON_Delete(json);
}

Test(compare_labels_program, a_system_that_hears_nothing_misses_everything) {
    make_labels("t.csv", 0, 100);
    v2s_test_write_text("p.csv", "\n");
    cJSON *json = compared("p.csv", "t.csv", "--seld-year", "2024");
    cr_expect_eq(v2s_test_number(json, "metrics.M8_f20"), 0);
    cr_expect_eq(v2s_test_number(json, "metrics.M8_lr"), 0);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_er"), 1, 1e-9);
    cr_expect(is_null(json, "M8_angle_deg") && is_null(json, "M12_jerk"));
    cJSON_Delete(json);
    json = compared("p.csv", "t.csv", "--seld-year", "2022");
    cr_expect_eq(v2s_test_number(json, "metrics.M8_angle_deg"), 180);
    cJSON_Delete(json);
}

// What a class that is heard too early costs depends on the truth's last frame.
Test(compare_labels_program, the_last_frame_can_be_left_out) {
    v2s_test_write_text("t.csv", "0,1,0,0,0\n1,1,0,0,0\n");
    v2s_test_write_text("p.csv", "0,1,0,0,0\n7,1,0,0,0\n");
    cJSON *json = compared("p.csv", "t.csv", "--seld-year", "2024");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_lr"), 0.5, 1e-9);
    cJSON_Delete(json);
    V2S_TEST_RUN("compare", "--pred", "p.csv", "--truth", "t.csv", "--seld-drop-last", "--json",
                 "o.json", "-q");
    json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_lr"), 1, 1e-9);
    cJSON_Delete(json);
}

// 0 1 8 27 has the third difference 6, 0 0 0 0 none; across the gap there are no differences.
Test(compare_labels_program, the_jerk_of_labels_stops_at_gaps_and_at_other_sources) {
    v2s_test_write_text("t.csv", "0,1,0,0,0\n1,1,0,1,0\n2,1,0,8,0\n3,1,0,27,0\n"
                                 "9,1,0,0,0\n9,1,1,90,0\n10,1,0,0,0\n11,1,0,0,0\n12,1,0,0,0\n");
    cJSON *json = compared("t.csv", "t.csv", "--metrics", "M12");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_jerk"), 6e3 / 2, 1e-3);
    cJSON_Delete(json);
}

// Columns of 4 to 7 of the same directions: no difference but the 1e-10 of the formula.
Test(compare_labels_program, every_number_of_columns_is_read) {
    v2s_test_write_text("t.csv", "0,1,0,90,0,200\n1,1,0,0,90,200\n");
    const char *const same[] = {"0,1,90,0\n1,1,0,90\n", "0,1,3,90,0\n1,1,3,0,90\n",
                                "0,1,3,90,0,2\n1,1,3,0,90,2\n",
                                "0,1,3,0,1.5,0,2\n1,1,3,0,0,0.5,2\n"};
    for (int i = 0; i < 4; i++) {
        v2s_test_write_text("p.csv", same[i]);
        cJSON *json = compared("p.csv", "t.csv", "--seld-year", "2024");
        cr_expect_float_eq(v2s_test_number(json, "metrics.M8_f20"), 1, 1e-9);
        cr_expect_lt(v2s_test_number(json, "metrics.M8_angle_deg"), 1e-3);
        cr_expect_eq(is_null(json, "M8_relative_distance"), i < 2);
        cJSON_Delete(json);
    }
}

Test(compare_labels_program, folders_are_judged_together_by_the_names_of_their_files) {
    char path[512];
    const char *const made[] = {"truth", "truth/a", "truth/b", "pred"};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(mkdir(v2s_test_path(made[i]), 0700), 0);
    v2s_test_write_text("truth/a/one.csv", "0,1,0,0,0\n1,1,0,0,0\n");
    v2s_test_write_text("truth/b/two.csv", "0,1,0,0,0\n1,2,0,0,0\n");
    v2s_test_write_text("pred/one.csv", "0,1,0,0,0\n1,1,0,0,0\n");
    v2s_test_write_text("pred/more.csv", "0,1,0,0,0\n");
    const char *const words[] = {"compare", "--pred", "pred", "--truth", "truth",
                                 "--json",  "o.json", "-q",   NULL};
    expect_warning("none of 1 of the 2 recordings", words);
    expect_warning("1 files without a truth", words);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_lr"), (2 / 3.0 + 0) / 2, 1e-9);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_lr_micro"), 0.5, 1e-9);
    cr_expect_eq(v2s_test_number(json, "recordings"), 2);
    cJSON_Delete(json);
    v2s_test_write_text("truth/b/one.csv", "0,1,0,0,0\n");
    V2S_TEST_REFUSED("have the same name", "compare", "--pred", "pred", "--truth", "truth");
    V2S_TEST_REFUSED("is a folder and", "compare", "--pred", "pred/one.csv", "--truth", "truth");
    const char *const files[] = {"truth/a/one.csv", "truth/b/one.csv", "truth/b/two.csv",
                                 "pred/one.csv", "pred/more.csv"};
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s", v2s_test_path(files[i]));
        unlink(path);
    }
    V2S_TEST_REFUSED("no .csv in this folder", "compare", "--pred", "pred", "--truth", "truth");
    for (int i = 3; i >= 0; i--)
        rmdir(v2s_test_path(made[i]));
}

Test(compare_labels_program, published_labels_are_their_own_truth) {
    const char *real =
        V2S_SHARED_DATA "/seld/starss22/metadata_dev/dev-train-sony/fold3_room21_mix002.csv";
    if (access(real, R_OK) != 0)
        cr_skip_test("no %s", real);
    cJSON *json = compared(real, real, "--seld-year", "2024");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M8_f20"), 1, 1e-9);
    cr_expect_lt(v2s_test_number(json, "metrics.M8_angle_deg"), 1e-3);
    cr_expect_eq(v2s_test_number(json, "metrics.M12_jerk"),
                 v2s_test_number(json, "metrics.M12_jerk_truth"));
    cr_expect_eq(v2s_test_number(json, "metrics.M12_amplitude_ratio"), 1);
    cr_expect_eq(v2s_test_number(json, "labels.truth"), 852);
    cJSON_Delete(json);
}

Test(compare_labels_program, bad_labels_are_refused_in_a_sentence) {
    v2s_test_write_text("t.csv", "0,1,0,0,0\n");
    const struct {
        const char *text, *part;
    } bad[] = {
        {"0,1,0\n", "expected 4 to 7 columns, found 3"},
        {"0,1,0,0,0\n1,1,0,0\n", "expected 5 columns as above, found 4"},
        {"0,1,0,left,0\n", "expected a number, found 'left'"},
        {"0,1,0,nan,0\n", "expected a number"},
        {"5,1,0,0,0\n4,1,0,0,0\n", "wrong time order"},
        {"-1,1,0,0,0\n", "expected a whole number"},
        {"0,1000,0,0,0\n", "class: expected 0 to 999, found 1000"},
        {"time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,0,0,1,1\n", "both have to be of one"},
        {"sound_event,start,end\n", "both have to be of one kind"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v2s_test_write_text("p.csv", bad[i].text);
        V2S_TEST_REFUSED(bad[i].part, "compare", "--pred", "p.csv", "--truth", "t.csv");
    }
    v2s_test_write_text("p.csv", "0,1,0,0,0\n");
    v2s_test_write_text("t.csv", "");
    V2S_TEST_REFUSED("t.csv", "compare", "--pred", "p.csv", "--truth", "t.csv");
    V2S_TEST_REFUSED("none.csv: cannot open", "compare", "--pred", "p.csv", "--truth", "none.csv");
    V2S_TEST_REFUSED("s.wav is no .csv", "compare", "--pred", "s.wav", "--truth", "t.csv");
    v2s_test_write_text("t.csv", "0,14,0,0,0\n");
    V2S_TEST_REFUSED("expected 0 to 12, found 14", "compare", "--pred", "p.csv", "--truth", "t.csv",
                     "--seld-classes", "13");
}

Test(compare_labels_program, directions_out_of_range_are_left_out_and_counted) {
    v2s_test_write_text("t.csv", "0,1,0,0,0\n1,1,0,0,91\n");
    v2s_test_write_text("p.csv", "0,1,0,0,0\n1,1,0,0,0\n");
    expect_warning("1 labels with a direction out of range",
                   (const char *const[]){"compare", "--pred", "p.csv", "--truth", "t.csv", NULL});
}

// ---- trajectories -----------------------------------------------------------------------------

#define HEADER "time_s,object,az_deg,el_deg,dist_m,confidence\n"

// az = 170 + 2 i + off, past the back; el as the sine's sign, 25 a second.
static void make_path(const char *name, const char *object, double off, double fps, int count) {
    char text[8192] = HEADER;
    size_t used = strlen(text);
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%.6f,%s,%g,%g,2,1\n", i / fps,
                                 object, remainder(170 + 50 * i / fps + off, 360), 5.0);
    v2s_test_write_text(name, text);
}

Test(compare_labels_program, a_path_beside_its_truth_has_the_known_error) {
    make_path("t.csv", "bird", 0, 25, 40);
    make_path("p.csv", "1", -12, 10, 30); // other times, other name: the only one
    cJSON *json = compared("p.csv", "t.csv", "--metrics", "all");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_azimuth_error_deg"), 12, 1e-2);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_amplitude_ratio"), 1, 1e-3);
    cr_expect_lt(v2s_test_number(json, "metrics.M12_jerk_truth"), 1e-2);
    cr_expect_lt(v2s_test_number(json, "metrics.M8_angle_deg"), 12);
    cr_expect_gt(v2s_test_number(json, "metrics.M8_angle_deg"), 11.9);
    cr_expect_eq(v2s_test_number(json, "metrics.M8_relative_distance"), 0);
    cr_expect_float_eq(v2s_test_number(json, "fps"), 25, 1e-3);
    cr_expect_eq(v2s_test_number(json, "points"), 40);
    cr_expect(v2s_test_at(json, "metrics.M8_f20") == NULL);
    cr_expect(is_null(json, "M12_elevation_amplitude_ratio"));
    cJSON_Delete(json);
}

Test(compare_labels_program, the_jerk_is_that_of_the_frame_rate) {
    v2s_test_write_text("t.csv", HEADER "0,1,0,0,1,1\n0.1,1,1,0,1,1\n0.2,1,8,0,1,1\n"
                                        "0.3,1,27,0,1,1\n0.4,1,64,0,1,1\n");
    v2s_test_write_text("p.csv", HEADER "0,1,0,0,1,1\n0.4,1,32,0,1,1\n");
    cJSON *json = compared("p.csv", "t.csv", "--metrics", "M12");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_jerk_truth"), 6e3, 1e-3);
    cr_expect_lt(v2s_test_number(json, "metrics.M12_jerk"), 1e-6);
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_amplitude_ratio"), 0.5, 1e-9);
    cr_expect(v2s_test_at(json, "metrics.M8_angle_deg") == NULL);
    cJSON_Delete(json);
    json = compared("p.csv", "t.csv", "--fps", "20");
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_jerk_truth"), 48e3, 1e-2);
    cJSON_Delete(json);
}

Test(compare_labels_program, objects_belong_together_by_their_names) {
    v2s_test_write_text("t.csv", HEADER "0,a,0,0,1,1\n0,b,50,0,1,1\n0,c,90,0,1,1\n");
    v2s_test_write_text("p.csv", HEADER "0,b,53,0,1,1\n0,a,1,0,1,1\n0,x,90,0,1,1\n");
    const char *const words[] = {"compare", "--pred", "p.csv",  "--truth",
                                 "t.csv",   "--json", "o.json", NULL};
    expect_warning("p.csv has no object 'c'", words);
    expect_warning("t.csv has no object 'x'", words);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect_float_eq(v2s_test_number(json, "metrics.M12_azimuth_error_deg"), 2, 1e-9);
    cr_expect(is_null(json, "M12_jerk"));
    cJSON_Delete(json);
    v2s_test_write_text("p.csv", HEADER "0,x,53,0,1,1\n0,y,1,0,1,1\n");
    V2S_TEST_REFUSED("no object of the same name", "compare", "--pred", "p.csv", "--truth",
                     "t.csv");
}

Test(compare_labels_program, uneven_times_and_held_ends_are_warned_of) {
    v2s_test_write_text("t.csv", HEADER "0,1,0,0,1,1\n0.1,1,1,0,1,1\n0.2,1,8,0,1,1\n"
                                        "0.7,1,27,0,1,1\n");
    v2s_test_write_text("p.csv", HEADER "0.15,1,0,0,1,1\n");
    const char *const words[] = {"compare", "--pred", "p.csv", "--truth", "t.csv", NULL};
    expect_warning("steps of 0.1 to 0.5 s, which the jerk takes all as 0.1 s", words);
    expect_warning("4 of the truth's 4 points lie outside", words);
}

Test(compare_labels_program, bad_trajectories_are_refused_in_a_sentence) {
    make_path("t.csv", "1", 0, 25, 10);
    v2s_test_write_text("p.csv", HEADER);
    V2S_TEST_REFUSED("at least one row", "compare", "--pred", "p.csv", "--truth", "t.csv");
    v2s_test_write_text("p.csv", HEADER "1,1,0,0,1,1\n0,1,0,0,1,1\n");
    V2S_TEST_REFUSED("expected later than", "compare", "--pred", "p.csv", "--truth", "t.csv");
    v2s_test_write_text("p.csv", "");
    V2S_TEST_REFUSED("p.csv", "compare", "--pred", "p.csv", "--truth", "t.csv");
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "compare", "--pred", "t.csv", "--truth", "t.csv", "--metrics", "M1", NULL});
    cr_expect_eq(run.code, 2);
    v2s_test_run_free(&run);
}
