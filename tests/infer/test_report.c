// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "infer/report.h"
#include "infer/report_internal.h"
#include "spatial/energy_map.h"
#include "tests/support/page.h"

#define HOSTILE "<script>alert(\"x\")</script>&'\xff\x01"
#define HOSTILE_SAFE                                                                               \
    "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;\xEF\xBF\xBD\xEF\xBF\xBD"

// Made-up data of a whole report; everything lives in the struct.
typedef struct made {
    v2s_report report;
    v2s_trajectory trajectory;
    v2s_report_state *states;
    v2s_report_object object;
    v2s_report_row row;
    const char *warning;
    v2s_report_frame frame;
    v2s_report_map map_entry;
    float map[V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS];
    v2s_report_player player;
} made;

static void make_map(float *map, v2s_vec3 towards) {
    for (int row = 0; row < V2S_ENERGY_MAP_ROWS; row++) {
        for (int col = 0; col < V2S_ENERGY_MAP_COLS; col++) {
            v2s_vec3 u =
                v2s_unit_from_angles(v2s_rad(178.0 - 2.0 * col), v2s_rad(88.0 - 2.0 * row));
            map[row * V2S_ENERGY_MAP_COLS + col] = (float)(1.0 + v2s_dot(u, towards));
        }
    }
}

// One object that circles once in 10 s, lost from 4 s to 6 s; every text is `text`.
static made *make(size_t count, const char *text) {
    made *m = calloc(1, sizeof *m);
    m->trajectory.count = count;
    m->trajectory.points = calloc(count + 1, sizeof(v2s_point));
    m->states = calloc(count + 1, sizeof *m->states);
    snprintf(m->trajectory.name, sizeof m->trajectory.name, "%s", text);
    for (size_t i = 0; i < count; i++) {
        double t = 10.0 * (double)i / (double)count;
        m->trajectory.points[i] = (v2s_point){
            t, v2s_unit_from_angles(0.2 * V2S_PI * t, 0.1 * sin(t)), 2.0 + 0.1 * t, 0.9};
        m->states[i] = (v2s_report_state){t, t >= 4.0 && t < 6.0 ? V2S_HELD : V2S_TRACKED, 0.8};
        if (i > 0 && m->states[i - 1].state == V2S_HELD && t >= 6.0)
            m->states[i].state = V2S_REDETECTED;
    }
    make_map(m->map, v2s_unit_from_angles(v2s_rad(90.0), 0.0));
    m->object = (v2s_report_object){&m->trajectory, m->states, count};
    m->row = (v2s_report_row){text, text};
    m->warning = text;
    m->frame = (v2s_report_frame){1.0, (const unsigned char *)"foobar", 6};
    m->map_entry = (v2s_report_map){2.5, 0.5, m->map};
    m->player = (v2s_report_player){text, text, text, (const unsigned char *)"fooba", 5};
    m->report = (v2s_report){.title = text,
                             .command = text,
                             .version = text,
                             .rows = &m->row,
                             .row_count = 1,
                             .warnings = &m->warning,
                             .warning_count = 1,
                             .frames = &m->frame,
                             .frame_count = 1,
                             .objects = &m->object,
                             .object_count = 1,
                             .maps = &m->map_entry,
                             .map_count = 1,
                             .players = &m->player,
                             .player_count = 1};
    return m;
}

static void unmake(made *m) {
    free(m->trajectory.points);
    free(m->states);
    free(m);
}

// The page as a string, to be freed.
static char *page_of(const v2s_report *report) {
    char folder[] = "report-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/r.html", folder);
    cr_assert_eq(v2s_report_write(path, report), V2S_OK, "%s", v2s_error_text());
    char *page = v2s_test_page_read(path);
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "files left beside the page");
    return page;
}

Test(report, page_is_well_formed_and_has_every_section) {
    static const char *const parts[] = {
        "<html lang=\"en\">", "<title>bird - ", "id=\"summary\"",  "id=\"warnings\"",
        "id=\"listen\"",      "id=\"frames\"",  "id=\"time\"",     "id=\"above\"",
        "id=\"maps\"",        "id=\"numbers\"", "<audio controls", ">Azimuth <",
        ">Elevation <",       ">Distance <",    ">Confidence <",
    };
    made *m = make(250, "bird");
    char *page = page_of(&m->report);
    v2s_test_page_well_formed(page);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert(strstr(page, parts[i]), "%s is missing", parts[i]);
    free(page);
    unmake(m);
}

Test(report, every_text_is_escaped) {
    made *m = make(50, HOSTILE);
    char *page = page_of(&m->report);
    v2s_test_page_well_formed(page);
    cr_assert_eq(v2s_test_page_count(page, "<script>alert"), 0);
    cr_assert_eq(v2s_test_page_count(page, "\xff"), 0);
    cr_assert_eq(v2s_test_page_count(page, "\x01"), 0);
    // Title twice, command, version, row twice, warning, player four times, and the object's name.
    cr_assert_geq(v2s_test_page_count(page, HOSTILE_SAFE), 11 + 5);
    cr_assert(strstr(page, "{\"name\":\"\\u003cscript\\u003ealert(\\\"x\\\")") ||
              strstr(page, "{\"name\":\"\\u003cscript\\u003ealert(\\u0022x\\u0022)"));
    free(page);
    unmake(m);
}

Test(report, nothing_is_loaded_from_outside) {
    made *m = make(250, "bird");
    char *page = page_of(&m->report);
    static const char *const loads[] = {"http:",   "https:",  "url(",
                                        "@import", "<iframe", "src=\"\""};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        cr_assert_eq(v2s_test_page_count(page, loads[i]), 0, "%s", loads[i]);
    cr_assert_eq(v2s_test_page_count(page, " src=\""), v2s_test_page_count(page, " src=\"data:"));
    cr_assert_eq(v2s_test_page_count(page, " href=\""), v2s_test_page_count(page, " href=\"data:"));
    cr_assert_gt(v2s_test_page_count(page, " src=\"data:"), 2);
    free(page);
    unmake(m);
}

Test(report, sounds_and_pictures_are_base64) {
    made *m = make(50, "bird");
    char *page = page_of(&m->report);
    cr_assert(strstr(page, "\"data:image/jpeg;base64,Zm9vYmFy\"")); // RFC 4648, section 10
    cr_assert(strstr(page, "\"data:bird;base64,Zm9vYmE=\""));
    cr_assert(strstr(page, "\"data:image/png;base64,iVBORw0KGgo"));
    free(page);
    unmake(m);
}

// Counts lines and jumps of the first curve of a plot; returns the greatest height of a line, in
// per mille of the plot.
static double count_strokes(const char *page, const char *title, int *lines, int *jumps) {
    char label[64];
    snprintf(label, sizeof label, "aria-label=\"%s", title);
    const char *plot = strstr(page, label);
    cr_assert_not_null(plot);
    const char *d = strstr(strstr(plot, "<path class=\"curve"), " d=\"") + 4, *end = strchr(d, '"');
    double x, y, last = NAN, steepest = 0.0;
    *lines = *jumps = 0;
    for (; d < end; d++) {
        if ((*d != 'M' && *d != 'L') || sscanf(d + 1, "%lf %lf", &x, &y) != 2)
            continue;
        if (*d == 'L')
            steepest = fmax(steepest, fabs(y - last));
        *lines += *d == 'L';
        *jumps += *d == 'M';
        last = y;
    }
    return steepest;
}

Test(report, azimuth_that_passes_behind_draws_no_line_across) {
    made *m = make(250, "bird");
    char *page = page_of(&m->report);
    int lines, jumps;
    double steepest = count_strokes(page, "Azimuth", &lines, &jumps);
    cr_assert_lt(steepest, 100.0, "a line across the plot");
    cr_assert_gt(lines, 200);
    cr_assert_eq(jumps, 2); // the start, and behind
    free(page);
    unmake(m);
}

Test(report, missing_values_leave_a_gap) {
    made *m = make(250, "bird");
    for (int i = 100; i < 110; i++)
        m->trajectory.points[i].distance_m = NAN;
    char *page = page_of(&m->report);
    int lines, jumps;
    count_strokes(page, "Distance", &lines, &jumps);
    cr_assert_eq(jumps, 2); // the start, and after the gap
    free(page);
    unmake(m);
}

Test(report, lost_stretches_are_shaded_and_found_again_is_marked) {
    made *m = make(250, "bird");
    char *page = page_of(&m->report);
    // 4 s to 6 s of an axis that ends at 9.96 s, in each of four plots.
    cr_assert_eq(v2s_test_page_count(page, "<rect class=\"held "), 4);
    cr_assert_eq(v2s_test_page_count(page, "x=\"401.6\" y=\"0\" width=\"200.8\""), 4);
    cr_assert_eq(v2s_test_page_count(page, "<path class=\"found "), 4);
    cr_assert_eq(v2s_test_page_count(page, "d=\"M602.4 0V1000\""), 4);
    cr_assert(strstr(page, "found again at 6.00 s"));
    free(page);
    unmake(m);
}

Test(report, map_shows_left_at_the_left_quarter) {
    made *m = make(200, "bird");
    char *page = page_of(&m->report);
    // At 2.5 s the object is at +90 degrees, and so is the map's peak.
    const char *cross = strstr(page, "<span class=\"cross");
    double left, top;
    cr_assert_not_null(cross);
    cr_assert_eq(sscanf(strstr(cross, "left:"), "left:%lf%%;top:%lf%%", &left, &top), 2);
    cr_assert_float_eq(left, 25.0, 0.02);
    cr_assert_float_eq(top, 50.0 - 100.0 * 0.1 * sin(2.5) / V2S_PI, 0.02);
    cr_assert(strstr(page, "loudest: azimuth +90°, elevation 0°"));
    free(page);
    unmake(m);
}

Test(report, values_that_are_no_numbers_leave_a_whole_page) {
    made *m = make(60, "bird");
    for (size_t i = 0; i < 60; i++) {
        v2s_point *p = &m->trajectory.points[i];
        double bad = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -1e300;
        if (i % 2)
            p->unit.x = bad;
        if (i % 5)
            p->distance_m = bad;
        p->confidence = bad;
        if (i > 50)
            p->time_s = bad;
        m->states[i] = (v2s_report_state){i % 7 ? bad : 1.0, (v2s_track_state)(i % 5), bad};
    }
    for (int i = 0; i < V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS; i++)
        m->map[i] = i % 2 ? NAN : INFINITY;
    m->frame.time_s = m->map_entry.time_s = m->map_entry.length_s = NAN;
    for (int pass = 0; pass < 2; pass++) {
        char *page = page_of(&m->report);
        v2s_test_page_well_formed(page);
        cr_assert_eq(v2s_test_page_count(page, "nan"), 0);
        cr_assert_eq(v2s_test_page_count(page, "inf"), 0);
        free(page);
        for (size_t i = 0; i < 60; i++) // once more with nothing that is a number
            m->trajectory.points[i] = (v2s_point){NAN, {NAN, NAN, NAN}, NAN, NAN};
    }
    unmake(m);
}

Test(report, empty_parts_leave_a_whole_page) {
    v2s_report nothing = {0};
    char *page = page_of(&nothing);
    v2s_test_page_well_formed(page);
    free(page);
    v2s_trajectory one = {.count = 1, .points = &(v2s_point){0.0, {1.0, 0.0, 0.0}, 2.0, 1.0}};
    v2s_trajectory none = {0};
    v2s_report_object objects[] = {{&one, NULL, 0}, {&none, NULL, 0}, {NULL, NULL, 0}};
    v2s_report_frame frame = {0};
    v2s_report_map map = {0};
    v2s_report_player player = {0};
    const char *warning = NULL;
    v2s_report some = {.objects = objects,
                       .object_count = 3,
                       .frames = &frame,
                       .frame_count = 1,
                       .maps = &map,
                       .map_count = 1,
                       .players = &player,
                       .player_count = 1,
                       .warnings = &warning,
                       .warning_count = 1};
    page = page_of(&some);
    v2s_test_page_well_formed(page);
    cr_assert(strstr(page, "object 1"));
    cr_assert(strstr(page, "silence"));
    free(page);
}

Test(report, long_trajectory_is_thinned_and_keeps_its_extremes) {
    enum { COUNT = 200000 };
    static double value[COUNT];
    size_t picked[V2S_CURVE_MAX_POINTS];
    const double *values[] = {value};
    for (int i = 0; i < COUNT; i++)
        value[i] = i < 1000 ? NAN : sin(i * 0.01);
    value[123456] = 7.0;
    value[123457] = -9.0;
    size_t count = v2s_curve_pick(values, 1, COUNT, picked), found = 0;
    cr_assert_leq(count, V2S_CURVE_MAX_POINTS);
    cr_assert_gt(count, V2S_CURVE_MAX_POINTS / 2);
    cr_assert_eq(picked[0], 0);
    cr_assert_eq(picked[count - 1], COUNT - 1);
    for (size_t i = 0; i < count; i++) {
        cr_assert(i == 0 || picked[i] > picked[i - 1]);
        found += picked[i] == 123456 || picked[i] == 123457;
    }
    cr_assert_eq(found, 2);
    made *m = make(COUNT, "bird");
    char *page = page_of(&m->report);
    v2s_test_page_well_formed(page);
    cr_assert_lt(strlen(page), 700000);
    free(page);
    unmake(m);
}

Test(report, axes_have_round_ticks_around_the_values) {
    v2s_axis a = v2s_axis_of_values(-31.2, 28.9, 20.0, -180.0, 180.0);
    cr_assert(a.lo <= -31.2 && a.hi >= 28.9 && a.hi - a.lo <= 120.0);
    cr_assert(a.count >= 3 && a.count <= 8);
    for (int i = 0; i < a.count; i++)
        cr_assert_float_eq(a.ticks[i], 20.0 * round(a.ticks[i] / 20.0), 1e-9);
    a = v2s_axis_of_values(NAN, INFINITY, 1.0, 0.0, 1.0);
    cr_assert(a.lo == 0.0 && a.hi == 1.0);
    a = v2s_axis_of_values(1e9, 1e9, 0.5, 0.0, 1e12);
    cr_assert(a.lo < a.hi && a.count > 0);
    a = v2s_axis_of_time(0.0, 3600.0);
    cr_assert_float_eq(a.ticks[1] - a.ticks[0], 600.0, 1e-9);
}

Test(report, a_failure_leaves_nothing) {
    made *m = make(50, "bird");
    char folder[] = "report-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/missing/r.html", folder);
    cr_assert_eq(v2s_report_write(path, &m->report), V2S_IO);
    cr_assert(strstr(v2s_error_text(), path));
    // A folder of that name is in the way: found out only when the whole page is written.
    cr_assert_eq(v2s_report_write(folder, &m->report), V2S_IO);
    cr_assert_eq(v2s_report_write("/dev/full", &m->report), V2S_IO);
    cr_assert_eq(rmdir(folder), 0, "something was left");
    DIR *above = opendir(".");
    for (struct dirent *e; above && (e = readdir(above));)
        cr_assert(strncmp(e->d_name, folder, strlen(folder)) != 0, "%s was left", e->d_name);
    closedir(above);
    unmake(m);
}
