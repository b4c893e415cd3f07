// SPDX-License-Identifier: MIT
#include "data/mot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/make_media.h"

static void setup(void) {
    v2s_test_folder();
}

TestSuite(mot, .init = setup, .fini = v2s_test_folder_remove);

static const char *write_text(const char *text) {
    const char *path = v2s_test_path("boxes.txt");
    v2s_test_write_file(path, text, strlen(text));
    return path;
}

static void assert_bad(const char *text, const char *words) {
    v2s_mot_row *rows = NULL;
    size_t count = 7;
    v2s_status status = v2s_mot_read(write_text(text), &rows, &count);
    cr_assert(status == V2S_FORMAT, "'%s' was read", text);
    cr_assert(rows == NULL && count == 7);
    cr_assert(strstr(v2s_error_text(), "boxes.txt: ") != NULL);
    cr_assert(strstr(v2s_error_text(), words) != NULL, "'%s' does not say '%s'", v2s_error_text(),
              words);
}

Test(mot, pixel_origin_is_one_in_the_file_and_zero_here) {
    v2s_mot_row *rows;
    size_t count;
    cr_assert(v2s_mot_read(write_text("1,1,1,1,10,20,0.5,-1,-1,-1\n"), &rows, &count) == V2S_OK);
    cr_assert(count == 1 && rows[0].frame == 1 && rows[0].id == 1);
    cr_assert(rows[0].box.x == 0.0 && rows[0].box.y == 0.0);
    cr_assert(rows[0].box.w == 10.0 && rows[0].box.h == 20.0 && rows[0].confidence == 0.5);
    free(rows);
}

Test(mot, rows_come_sorted_and_other_layouts_are_read) {
    v2s_mot_row *rows;
    size_t count;
    const char *text = "# detector\n\n10, 2, 5, 6, 7, 8, -1\r\n9\t1\t5.5\t-6\t7\t8\n"
                       "10,-1,5,6,7,8,0,1,2,3\n   \n2 1 1e2 6 7 8 1 -1";
    cr_assert(v2s_mot_read(write_text(text), &rows, &count) == V2S_OK, "%s", v2s_error_text());
    cr_assert(count == 4);
    cr_assert(rows[0].frame == 2 && rows[0].box.x == 99.0);
    cr_assert(rows[1].frame == 9 && rows[1].box.x == 4.5 && rows[1].box.y == -7.0);
    cr_assert(rows[1].confidence == 1.0);
    cr_assert(rows[2].frame == 10 && rows[2].id == -1 && rows[2].confidence == 0.0);
    cr_assert(rows[3].frame == 10 && rows[3].id == 2 && rows[3].confidence == 1.0);
    free(rows);
}

Test(mot, what_is_written_reads_back) {
    v2s_mot_row in[50];
    for (int i = 0; i < 50; i++)
        in[i] = (v2s_mot_row){.frame = i + 1,
                              .id = 3,
                              .box = {100.0 / (i + 1), -3.7 * i, 10.0 + i / 7.0, 1.0 / 3.0},
                              .confidence = 1.0 / (i + 1)};
    const char *path = v2s_test_path("out.txt");
    v2s_file_out *f = NULL;
    cr_assert(v2s_file_out_open(path, &f) == V2S_OK);
    cr_assert(v2s_mot_write(f, in, 50) == V2S_OK);
    cr_assert(v2s_file_out_commit(f) == V2S_OK);
    v2s_file_out_close(&f);
    v2s_mot_row *rows;
    size_t count;
    cr_assert(v2s_mot_read(path, &rows, &count) == V2S_OK && count == 50);
    for (int i = 0; i < 50; i++) {
        cr_assert(rows[i].frame == in[i].frame && rows[i].id == 3);
        cr_assert(fabs(rows[i].box.x - in[i].box.x) < 1e-12);
        cr_assert(fabs(rows[i].box.y - in[i].box.y) < 1e-12);
        cr_assert(rows[i].box.w == in[i].box.w && rows[i].box.h == in[i].box.h);
        cr_assert(rows[i].confidence == in[i].confidence);
    }
    free(rows);
    size_t size;
    unsigned char *text = v2s_test_read_file(path, &size);
    const char *first = "1,3,101,1,10,0.3333333333333333,1,-1,-1,-1\n";
    cr_assert(strncmp((char *)text, first, strlen(first)) == 0, "%.60s", (char *)text);
    free(text);
}

Test(mot, hostile_rows_name_line_and_field) {
    assert_bad("1,1,1,1,10\n", "line 1: expected 6 to 10 columns, found 5");
    assert_bad("1,1,1,1,10,10,1,1,1,1,1\n", "line 1: more than 10");
    assert_bad("1,1,1,1,10,10\nx,1,1,1,10,10\n", "line 2: frame: expected a number, found 'x'");
    assert_bad("1,1,1,,10,10\n", "line 1: y: expected a number");
    assert_bad("1,1,1,1,10,nan\n", "line 1: height");
    assert_bad("1,1,1,inf,10,10\n", "line 1: y");
    assert_bad("1,1,1,1e300,10,10\n", "line 1: y");
    assert_bad("1,1,1,1,0,10\n", "line 1: width: expected more than 0");
    assert_bad("1,1,1,1,10,-5\n", "line 1: height: expected more than 0");
    assert_bad("0,1,1,1,10,10\n", "line 1: frame: expected a whole number from 1");
    assert_bad("1.5,1,1,1,10,10\n", "line 1: frame");
    assert_bad("1e18,1,1,1,10,10\n", "line 1: frame");
    assert_bad("1,0.5,1,1,10,10\n", "line 1: id");
    assert_bad("1,1,1,1,10,10abc\n", "line 1: height");
    assert_bad("1,1,1,1,10,10\n2,1,1,1,10,10\n1,1,2,2,10,10\n", "frame 1, id 1: two boxes");
    assert_bad("# nothing\n\n", "not a single box");
    v2s_test_write_file(v2s_test_path("boxes.txt"), "1,1,1,1\0,10,10\n", 15);
    v2s_mot_row *rows;
    size_t count;
    cr_assert(v2s_mot_read(v2s_test_path("boxes.txt"), &rows, &count) == V2S_FORMAT);
    cr_assert(strstr(v2s_error_text(), "not text") != NULL);
}

Test(mot, missing_and_empty_files_are_one_sentence) {
    v2s_mot_row *rows;
    size_t count;
    cr_assert(v2s_mot_read(v2s_test_path("none.txt"), &rows, &count) == V2S_IO);
    cr_assert(v2s_mot_read(v2s_test_folder(), &rows, &count) == V2S_IO);
    cr_assert(v2s_mot_read(write_text(""), &rows, &count) == V2S_FORMAT);
    cr_assert(strstr(v2s_error_text(), "empty") != NULL);
}
