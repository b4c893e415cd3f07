// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/make_media.h"
#include "train/run_log_csv.h"

TestSuite(run_log_csv, .fini = v2s_test_folder_remove);

static const char *const columns[] = {"loss", "rate", NULL};

static v2s_run_log_csv *open_log(int64_t last_step) {
    v2s_run_log_csv *log = NULL;
    cr_assert(v2s_run_log_csv_open(v2s_test_path("log.csv"), columns, last_step, &log) == V2S_OK,
              "%s", v2s_error_text());
    return log;
}

static void write_steps(v2s_run_log_csv *log, int64_t from, int64_t to) {
    for (int64_t step = from; step <= to; step++)
        cr_assert(v2s_run_log_csv_write(log, step, (double[]){(double)step / 4, NAN}) == V2S_OK);
}

static void expect_file(const char *expected) {
    size_t size;
    char *text = (char *)v2s_test_read_file(v2s_test_path("log.csv"), &size);
    text[size] = '\0';
    cr_expect_str_eq(text, expected);
    free(text);
}

Test(run_log_csv, numbers_read_back_as_the_same_doubles) {
    v2s_run_log_csv *log = open_log(0);
    const double values[2] = {0.1 + 0.2, 1.0 / 3.0};
    cr_assert(v2s_run_log_csv_write(log, 1, values) == V2S_OK);
    cr_assert(v2s_run_log_csv_sync(log) == V2S_OK);
    v2s_run_log_csv_close(&log);
    size_t size;
    char *text = (char *)v2s_test_read_file(v2s_test_path("log.csv"), &size);
    text[size] = '\0';
    double a, b;
    cr_assert(sscanf(text, "step,loss,rate\n1,%lf,%lf\n", &a, &b) == 2, "%s", text);
    cr_expect(a == values[0] && b == values[1]);
    free(text);
}

Test(run_log_csv, lines_after_the_checkpoint_are_cut_off) {
    v2s_run_log_csv *log = open_log(0);
    write_steps(log, 1, 5);
    v2s_run_log_csv_close(&log);
    log = open_log(3);
    expect_file("step,loss,rate\n1,0.25,\n2,0.5,\n3,0.75,\n");
    write_steps(log, 4, 6);
    v2s_run_log_csv_close(&log);
    expect_file("step,loss,rate\n1,0.25,\n2,0.5,\n3,0.75,\n4,1,\n5,1.25,\n6,1.5,\n");
    log = open_log(0); // a run from the beginning
    v2s_run_log_csv_close(&log);
    expect_file("step,loss,rate\n");
}

Test(run_log_csv, a_torn_line_is_cut_off) {
    static const char *const torn[] = {"step,loss,rate\n1,0.25,\n2,0.",
                                       "step,loss,rate\n1,0.25,\n2", "step,loss,rate\n1,0.25,\n"};
    for (size_t i = 0; i < sizeof torn / sizeof torn[0]; i++) {
        v2s_test_write_file(v2s_test_path("log.csv"), torn[i], strlen(torn[i]));
        v2s_run_log_csv *log = open_log(2);
        v2s_run_log_csv_close(&log);
        expect_file("step,loss,rate\n1,0.25,\n");
    }
    v2s_test_write_file(v2s_test_path("log.csv"), "step,lo", 7);
    v2s_run_log_csv *log = open_log(2);
    v2s_run_log_csv_close(&log);
    expect_file("step,loss,rate\n");
}

Test(run_log_csv, a_log_that_is_gone_begins_anew) {
    v2s_run_log_csv *log = open_log(7);
    write_steps(log, 8, 8);
    v2s_run_log_csv_close(&log);
    expect_file("step,loss,rate\n8,2,\n");
}

Test(run_log_csv, other_columns_are_refused_and_kept) {
    v2s_test_write_file(v2s_test_path("log.csv"), "step,other\n1,2\n", 15);
    v2s_run_log_csv *log = NULL;
    cr_assert(v2s_run_log_csv_open(v2s_test_path("log.csv"), columns, 1, &log) == V2S_FORMAT);
    cr_expect(strstr(v2s_error_text(), "log.csv: first line: expected the columns step,loss,rate"),
              "%s", v2s_error_text());
    cr_expect(log == NULL);
    expect_file("step,other\n1,2\n");
}
