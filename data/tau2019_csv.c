// SPDX-License-Identifier: MIT
#include "data/tau2019_csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_field.h"
#include "data/options.h"
#include "data/text_lines.h"
#include "kernels/base/array.h"

enum { LINE_MAX_BYTES = 4096, COLUMNS = 6, NUMBERS = 5 };
enum { START, END, ELEVATION, AZIMUTH, DISTANCE }; // the numbers, behind the name

static const char HEADER[] = "sound_event_recording,start_time,end_time,ele,azi,dist";
static const char *const NAMES[COLUMNS] = {
    "sound_event_recording", "start_time", "end_time", "ele", "azi", "dist"};

#define TIME_MAX_S 1e7
#define DISTANCE_MAX_M 1e5

void v2s_tau2019_labels_free(v2s_tau2019_labels *labels) {
    free(labels->events);
    *labels = (v2s_tau2019_labels){0};
}

static v2s_status parse_fields(const v2s_text_lines *lines, char *text, v2s_tau2019_event *e,
                               double v[NUMBERS]) {
    char *field[COLUMNS] = {0};
    int n = 0;
    V2S_TRY(v2s_csv_split(lines, text, field, COLUMNS, &n));
    if (n != COLUMNS)
        return v2s_text_lines_bad(lines, "expected %d columns, found %d", COLUMNS, n);
    snprintf(e->name, sizeof e->name, "%s", field[0]);
    for (int i = 0; i < NUMBERS; i++)
        if (!v2s_parse_number(field[i + 1], &v[i]))
            return v2s_text_lines_bad(lines, "column %d (%s): expected a number, found '%.40s'",
                                      i + 2, NAMES[i + 1], field[i + 1]);
    return V2S_OK;
}

static v2s_status parse_event(const v2s_text_lines *lines, char *text, v2s_tau2019_event *e) {
    double v[NUMBERS];
    *e = (v2s_tau2019_event){.line = lines->line};
    V2S_TRY(parse_fields(lines, text, e, v));
    if (v[START] < 0 || v[START] > TIME_MAX_S)
        return v2s_text_lines_bad(lines, "column 2 (start_time): expected 0 to %g s, found %g",
                                  TIME_MAX_S, v[START]);
    if (v[END] <= v[START] || v[END] > TIME_MAX_S)
        return v2s_text_lines_bad(
            lines, "column 3 (end_time): %g is not after the start, %g: wrong time order", v[END],
            v[START]);
    e->start_s = v[START];
    e->end_s = v[END];
    e->distance_m = v[DISTANCE];
    e->out_of_range = fabs(v[AZIMUTH]) > 180 || fabs(v[ELEVATION]) > 90 || v[DISTANCE] <= 0 ||
                      v[DISTANCE] > DISTANCE_MAX_M;
    e->unit = e->out_of_range ? (v2s_vec3){1, 0, 0}
                              : v2s_unit_from_angles(v2s_rad(v[AZIMUTH]), v2s_rad(v[ELEVATION]));
    return V2S_OK;
}

static v2s_status read_header(v2s_text_lines *lines) {
    char *text;
    v2s_status status = v2s_csv_next(lines, &text);
    if (status == V2S_END)
        return V2S_FAIL(V2S_FORMAT, "%s: empty: no header and no labels", lines->path);
    V2S_TRY(status);
    return strcmp(text, HEADER) == 0
               ? V2S_OK
               : v2s_text_lines_bad(lines, "expected the header %s, found %.80s", HEADER, text);
}

static v2s_status read_events(v2s_text_lines *lines, v2s_tau2019_labels *m) {
    size_t room = 0;
    V2S_TRY(read_header(lines));
    char *text;
    for (v2s_status status; (status = v2s_csv_next(lines, &text)) != V2S_END;) {
        v2s_tau2019_event e;
        V2S_TRY(status);
        V2S_TRY(parse_event(lines, text, &e));
        v2s_tau2019_event *grown = v2s_array_grow(m->events, m->count, &room, sizeof *grown);
        if (grown == NULL)
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", lines->path);
        m->events = grown;
        m->unordered += m->count > 0 && e.start_s < m->events[m->count - 1].start_s;
        m->events[m->count++] = e;
        m->out_of_range += e.out_of_range;
    }
    return m->count > 0 ? V2S_OK
                        : V2S_FAIL(V2S_FORMAT, "%s: empty: a header without labels", lines->path);
}

static int by_start(const void *a, const void *b) {
    const v2s_tau2019_event *x = a, *y = b;
    if (x->start_s != y->start_s)
        return x->start_s < y->start_s ? -1 : 1;
    return x->line - y->line;
}

v2s_status v2s_tau2019_csv_read(const char *path, v2s_tau2019_labels *labels) {
    char text[LINE_MAX_BYTES];
    v2s_text_lines lines = {.path = path, .kind = "labels", .text = text, .size = sizeof text};
    v2s_tau2019_labels m = {0};
    lines.file = fopen(path, "rbe");
    if (lines.file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status = read_events(&lines, &m);
    fclose(lines.file);
    if (status != V2S_OK) {
        v2s_tau2019_labels_free(&m);
        return status;
    }
    qsort(m.events, m.count, sizeof *m.events, by_start);
    *labels = m;
    return V2S_OK;
}
