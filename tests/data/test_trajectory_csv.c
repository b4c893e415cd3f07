// SPDX-License-Identifier: MIT
#include "data/trajectory_csv.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spatial/encoder.h"

#define HEADER "time_s,object,az_deg,el_deg,dist_m,confidence\n"
#define COMMENT "# v2s trajectory 1: az_deg counter-clockwise (left +), el_deg up +, dist_m\n"

static void temp_path(char path[64]) {
    snprintf(path, 64, "/tmp/v2s-trajectory-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
}

static v2s_status read_bytes(const char *text, size_t size, v2s_trajectory_set *set) {
    char path[64];
    temp_path(path);
    FILE *f = fopen(path, "wb");
    fwrite(text, 1, size, f);
    fclose(f);
    v2s_error_clear();
    v2s_status status = v2s_trajectory_csv_read(path, set);
    if (status != V2S_OK)
        cr_expect_eq(strstr(v2s_error_text(), path), v2s_error_text(), "no path in: %s",
                     v2s_error_text());
    unlink(path);
    return status;
}

static v2s_status read_text(const char *text, v2s_trajectory_set *set) {
    return read_bytes(text, strlen(text), set);
}

static void write_set(const v2s_trajectory_set *set, const char *path) {
    v2s_file_out *f = NULL;
    cr_assert_eq(v2s_file_out_open(path, &f), V2S_OK);
    cr_assert_eq(v2s_trajectory_csv_write(f, set), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_file_out_commit(f), V2S_OK);
    v2s_file_out_close(&f);
}

static double azimuth_deg(const v2s_point *p) {
    return v2s_deg(v2s_azimuth_rad(p->unit));
}

// Awkward numbers: poles, behind, tiny and large distances, times that need rounding.
static v2s_trajectory awkward(const char *name, size_t count, unsigned seed) {
    v2s_trajectory t = {"", count, malloc(count * sizeof(v2s_point))};
    snprintf(t.name, sizeof t.name, "%s", name);
    srand(seed);
    for (size_t i = 0; i < count; i++) {
        double az = V2S_PI * (2.0 * rand() / RAND_MAX - 1.0);
        double el = V2S_PI / 2 * (2.0 * rand() / RAND_MAX - 1.0);
        if (i % 10 == 3)
            el = V2S_PI / 2;
        if (i % 10 == 4)
            az = i % 20 == 4 ? -V2S_PI + 1e-12 : V2S_PI;
        if (i % 10 == 5)
            az = -1e-12;
        v2s_point p = {(double)i / 29.97 - 0.5, v2s_unit_from_angles(az, el),
                       exp(10.0 * rand() / RAND_MAX - 3.0), (double)rand() / RAND_MAX};
        t.points[i] = p;
    }
    t.points[1].distance_m = 1e-9;
    return t;
}

static void expect_same_bits(const v2s_trajectory *a, const v2s_trajectory *b) {
    cr_assert_eq(a->count, b->count);
    cr_expect_str_eq(a->name, b->name);
    for (size_t i = 0; i < a->count; i++) {
        const v2s_point *p = &a->points[i], *q = &b->points[i];
        cr_assert(p->time_s == q->time_s && p->distance_m == q->distance_m &&
                      p->confidence == q->confidence && p->unit.x == q->unit.x &&
                      p->unit.y == q->unit.y && p->unit.z == q->unit.z,
                  "point %zu differs", i);
    }
}

Test(trajectory_csv, quantising_is_exactly_writing_and_reading) {
    char path[64];
    temp_path(path);
    v2s_trajectory items[2] = {awkward("1", 500, 1), awkward("a dog, \"Rex\"", 37, 2)};
    v2s_trajectory_set set = {2, items}, back = {0}, again = {0};
    write_set(&set, path);
    cr_assert_eq(v2s_trajectory_csv_read(path, &back), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(back.count, 2);
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < items[i].count; k++) {
            double error =
                v2s_angle_between_rad(items[i].points[k].unit, back.items[i].points[k].unit);
            cr_assert(error < v2s_rad(1e-6));
        }
        v2s_trajectory_quantise(&items[i]);
        expect_same_bits(&items[i], &back.items[i]);
    }
    write_set(&back, path); // and a second round changes nothing
    cr_assert_eq(v2s_trajectory_csv_read(path, &again), V2S_OK);
    for (int i = 0; i < 2; i++) {
        expect_same_bits(&again.items[i], &back.items[i]);
        v2s_trajectory_free(&items[i]);
    }
    v2s_trajectory_set_free(&back);
    v2s_trajectory_set_free(&again);
    unlink(path);
}

static void render(const v2s_trajectory *t, float *out, size_t frames) {
    v2s_encoder_config c = {3, 48000.0, 0.5, true, true, v2s_air_default(), t, 0.0, 0.0};
    v2s_encoder *e = NULL;
    float *x = malloc(frames * sizeof *x);
    for (size_t i = 0; i < frames; i++)
        x[i] = (float)sin(0.05 * (double)i);
    cr_assert_eq(v2s_encoder_open(&c, &e), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_encoder_process(e, x, frames, out), V2S_OK);
    v2s_encoder_close(&e);
    free(x);
}

Test(trajectory_csv, a_render_from_the_file_equals_one_from_memory_bit_for_bit) {
    enum { FRAMES = 20000 };
    char path[64];
    temp_path(path);
    v2s_trajectory t = awkward("1", 100, 3);
    v2s_trajectory_set set = {1, &t}, back = {0};
    write_set(&set, path);
    cr_assert_eq(v2s_trajectory_csv_read(path, &back), V2S_OK);
    v2s_trajectory_quantise(&t);
    float *a = calloc(FRAMES * 16, sizeof *a), *b = calloc(FRAMES * 16, sizeof *b);
    render(&t, a, FRAMES);
    render(&back.items[0], b, FRAMES);
    cr_expect_eq(memcmp(a, b, FRAMES * 16 * sizeof *a), 0);
    free(a);
    free(b);
    v2s_trajectory_free(&t);
    v2s_trajectory_set_free(&back);
    unlink(path);
}

Test(trajectory_csv, the_file_looks_as_documented) {
    char path[64], text[1024] = "";
    temp_path(path);
    v2s_point p[3] = {{0.0, v2s_unit_from_angles(v2s_rad(12.5), 0.0), 2.0, 1.0},
                      {1e-7, v2s_unit_from_angles(0.0, 0.0), 2.0, 1.0}, // same microsecond
                      {0.5, v2s_unit_from_angles(-1e-9, v2s_rad(-90.0)), 2.0, 0.25}};
    v2s_trajectory t = {"1", 3, p};
    v2s_trajectory_set set = {1, &t};
    write_set(&set, path);
    FILE *f = fopen(path, "rb");
    cr_assert(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    unlink(path);
    cr_expect_str_eq(text, COMMENT HEADER "0.000000,1,12.500000,0.000000,2.000000,1.000000\n"
                                          "0.500000,1,0.000000,-90.000000,2.000000,0.250000\n");
}

Test(trajectory_csv, objects_may_interleave_and_keep_the_order_of_their_first_row) {
    v2s_trajectory_set set = {0};
    cr_assert_eq(read_text(COMMENT HEADER
                           "0,ball,10,0,2,1\n0,dog,-20,0,3,1\n"
                           "0.1,dog,-21,0,3,1\n0.1,ball,11,0,2,1\n0.2,ball,12,0,2,1\n",
                           &set),
                 V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(set.count, 2);
    cr_expect_str_eq(set.items[0].name, "ball");
    cr_expect_eq(set.items[0].count, 3);
    cr_expect_str_eq(set.items[1].name, "dog");
    cr_expect_eq(set.items[1].count, 2);
    cr_expect(fabs(azimuth_deg(&set.items[1].points[1]) + 21.0) < 1e-12);
    v2s_trajectory_set_free(&set);
}

Test(trajectory_csv, hand_edited_files_are_read) {
    const char *good[] = {
        HEADER "0,1,10,0,2,1\n",                          // no comment line
        COMMENT HEADER "0,1,10,0,2,1",                    // no last newline
        COMMENT "\r\n" HEADER "0,1,10,0,2,1\r\n\r\n",     // CRLF, blank lines
        "\xEF\xBB\xBF" COMMENT HEADER "0,1,10,0,2,1\n",   // byte order mark
        COMMENT HEADER " 0 , \"1\" ,\t10, 0,2 ,1 \n",     // spaces and quotation marks
        COMMENT HEADER "# moved by hand\n0,1,10,0,2,1\n", // a comment
        "az_deg,el_deg,note,time_s,object,confidence,dist_m\n10,0,x,0,1,1,2\n", // other order
        COMMENT HEADER "0,1,370,0,2,1\n",                                       // wraps
        COMMENT HEADER "0e0,1,1e1,-0,+2.0,1.\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        v2s_trajectory_set set = {0};
        cr_assert_eq(read_text(good[i], &set), V2S_OK, "%zu: %s", i, v2s_error_text());
        cr_assert(set.count == 1 && set.items[0].count == 1);
        const v2s_point *p = &set.items[0].points[0];
        cr_expect_str_eq(set.items[0].name, "1");
        cr_expect(fabs(azimuth_deg(p) - 10.0) < 1e-12 && p->distance_m == 2.0 && p->time_s == 0.0 &&
                  p->confidence == 1.0 && p->unit.z == 0.0);
        v2s_trajectory_set_free(&set);
    }
}

Test(trajectory_csv, bad_files_get_one_sentence_with_the_line) {
    const struct {
        const char *text, *words;
    } bad[] = {
        {"", "empty file"},
        {"\n\n", "no header"},
        {COMMENT, "no header"},
        {COMMENT HEADER, "at least one row"},
        {"0,1,10,0,2,1\n", "line 1: expected the header"},
        {"time_s,object,az_deg,el_deg,dist_m\n0,1,10,0,2\n", "no column confidence"},
        {"time_s,time_s,object,az_deg,el_deg,dist_m,confidence\n", "more than one column time_s"},
        {"time_s;object;az_deg;el_deg;dist_m;confidence\n0;1;10;0;2;1\n", "expected the header"},
        {"# v2s trajectory 2: something else\n" HEADER "0,1,10,0,2,1\n", "version 1"},
        {COMMENT HEADER "0,1,10,0,2\n", "line 3: expected 6 columns"},
        {COMMENT HEADER "0,1,10,0,2,1,7\n", "line 3: expected 6 columns"},
        {COMMENT HEADER "0,1,10,5,0,2,1\n", "line 3: expected 6 columns"},
        {COMMENT HEADER "0,1,10,0,2,1\n0,1,10,0,2,1\n", "line 4: time_s: expected later"},
        {COMMENT HEADER "1,1,10,0,2,1\n0,1,10,0,2,1\n", "line 4: time_s: expected later"},
        {COMMENT HEADER "x,1,10,0,2,1\n", "line 3: time_s: expected a number, found 'x'"},
        {COMMENT HEADER "0,1,10deg,0,2,1\n", "az_deg: expected a number"},
        {COMMENT HEADER "0,1,,0,2,1\n", "az_deg: expected a number"},
        {COMMENT HEADER "nan,1,10,0,2,1\n", "time_s"},
        {COMMENT HEADER "0,1,inf,0,2,1\n", "az_deg"},
        {COMMENT HEADER "0,1,nan,0,2,1\n", "az_deg"},
        {COMMENT HEADER "0,1,10,90.001,2,1\n", "el_deg: expected -90 to 90"},
        {COMMENT HEADER "0,1,10,-1e999,2,1\n", "el_deg: expected -90 to 90"},
        {COMMENT HEADER "0,1,10,0,0,1\n", "dist_m: expected above 0"},
        {COMMENT HEADER "0,1,10,0,-2,1\n", "dist_m"},
        {COMMENT HEADER "0,1,10,0,1e7,1\n", "dist_m"},
        {COMMENT HEADER "0,1,10,0,nan,1\n", "dist_m"},
        {COMMENT HEADER "0,1,10,0,2,1.1\n", "confidence: expected 0 to 1"},
        {COMMENT HEADER "0,1,10,0,2,-0.1\n", "confidence: expected 0 to 1"},
        {COMMENT HEADER "1e300,1,10,0,2,1\n", "time_s"},
        {COMMENT HEADER "0,,10,0,2,1\n", "object: expected a name"},
        {COMMENT HEADER "0,\"1,10,0,2,1\n", "line 3: a quotation mark"},
        {COMMENT HEADER "0,\"1\"x,10,0,2,1\n", "line 3: a quotation mark"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v2s_trajectory_set set = {0};
        v2s_status status = read_text(bad[i].text, &set);
        cr_expect(status == V2S_FORMAT || status == V2S_UNSUPPORTED, "%zu", i);
        cr_expect_neq(strstr(v2s_error_text(), bad[i].words), NULL, "%zu: %s", i, v2s_error_text());
        cr_expect_null(set.items);
    }
}

Test(trajectory_csv, what_is_not_text_is_refused) {
    v2s_trajectory_set set = {0};
    cr_expect_eq(read_bytes(HEADER "0,1\0,10,0,2,1\n", strlen(HEADER) + 14, &set), V2S_FORMAT);
    cr_expect_neq(strstr(v2s_error_text(), "line 2: a zero byte"), NULL);
    char *large = malloc(100000);
    memset(large, 'a', 100000);
    cr_expect_eq(read_bytes(large, 100000, &set), V2S_FORMAT);
    memset(large, ',', 1000);
    large[1000] = '\n';
    cr_expect_eq(read_bytes(large, 1001, &set), V2S_FORMAT);
    for (int i = 0; i < 100000; i++)
        large[i] = (char)(i * 7919 % 251);
    cr_expect_eq(read_bytes(large, 100000, &set), V2S_FORMAT);
    free(large);
    cr_expect_eq(v2s_trajectory_csv_read("/tmp", &set), V2S_IO); // a folder
    cr_expect_eq(v2s_trajectory_csv_read("/nonexistent/t.csv", &set), V2S_IO);
    cr_expect_null(set.items);
}

Test(trajectory_csv, a_thousand_objects_are_enough) {
    char *text = malloc(40000), *at = text;
    at += sprintf(at, "%s", HEADER);
    for (int i = 0; i < 1001; i++)
        at += sprintf(at, "0,o%d,10,0,2,1\n", i);
    v2s_trajectory_set set = {0};
    cr_expect_eq(read_text(text, &set), V2S_FORMAT);
    cr_expect_neq(strstr(v2s_error_text(), "line 1002: more than 1000 objects"), NULL);
    free(text);
}

Test(trajectory_csv, a_name_that_cannot_be_written_is_refused) {
    char path[64];
    temp_path(path);
    v2s_point p = {0.0, {1.0, 0.0, 0.0}, 1.0, 1.0};
    const char *names[2] = {"", "two\nlines"};
    for (int i = 0; i < 2; i++) {
        v2s_trajectory t = {"", 1, &p};
        snprintf(t.name, sizeof t.name, "%s", names[i]);
        v2s_trajectory_set set = {1, &t};
        v2s_file_out *f = NULL;
        cr_assert_eq(v2s_file_out_open(path, &f), V2S_OK);
        cr_expect_eq(v2s_trajectory_csv_write(f, &set), V2S_ARG);
        v2s_file_out_close(&f);
    }
    unlink(path);
}
