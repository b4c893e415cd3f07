// SPDX-License-Identifier: MIT
#include "data/dcase_csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_field.h"
#include "data/options.h"
#include "data/text_lines.h"
#include "kernels/base/array.h"

enum {
    LINE_MAX_BYTES = 4096,
    COLUMNS_MIN = 4,
    COLUMNS_MAX = 7,
    FRAME_MAX = 100000000, // 115 days
    NUMBER_MAX = 1000000,  // of classes and sources
};

#define DISTANCE_MAX_M 1e5

// The columns by their number, from COLUMNS_MIN.
static const char *const NAMES[][COLUMNS_MAX] = {
    {"frame", "class", "azimuth", "elevation"},
    {"frame", "class", "source", "azimuth", "elevation"},
    {"frame", "class", "source", "azimuth", "elevation", "distance"},
    {"frame", "class", "source", "x", "y", "z", "distance"},
};

void v2s_dcase_labels_free(v2s_dcase_labels *labels) {
    free(labels->rows);
    *labels = (v2s_dcase_labels){0};
}

static v2s_status get_number(const v2s_text_lines *lines, int columns, int i, const char *text,
                             double *value) {
    if (v2s_parse_number(text, value))
        return V2S_OK;
    return v2s_text_lines_bad(lines, "column %d (%s): expected a number, found '%.40s'%s", i + 1,
                              NAMES[columns - COLUMNS_MIN][i], text,
                              lines->line == 1 ? "; these labels have no header" : "");
}

static v2s_status get_whole(const v2s_text_lines *lines, int columns, int i, double number,
                            int most, int *value) {
    if (number < 0 || number > most || number != floor(number))
        return v2s_text_lines_bad(lines,
                                  "column %d (%s): expected a whole number from 0 to %d, found %g",
                                  i + 1, NAMES[columns - COLUMNS_MIN][i], most, number);
    *value = (int)number;
    return V2S_OK;
}

static void get_place(int columns, v2s_dcase_distance unit, const double *v, v2s_dcase_row *row) {
    const double *place = v + (columns == 4 ? 2 : 3);
    bool sound = true;
    if (columns == 7) {
        v2s_vec3 u = {place[0], place[1], place[2]};
        double length = v2s_norm(u);
        sound = length > 0 && isfinite(length);
        row->unit =
            sound ? (v2s_vec3){u.x / length, u.y / length, u.z / length} : (v2s_vec3){1, 0, 0};
    } else {
        sound = fabs(place[0]) <= 180 && fabs(place[1]) <= 90;
        row->unit = sound ? v2s_unit_from_angles(v2s_rad(place[0]), v2s_rad(place[1]))
                          : (v2s_vec3){1, 0, 0};
    }
    row->has_direction = sound;
    row->distance_m = NAN;
    if (columns >= 6) {
        row->distance_m = v[columns - 1] * (unit == V2S_DCASE_CENTIMETRES ? 0.01 : 1);
        sound &= row->distance_m > 0 && row->distance_m <= DISTANCE_MAX_M;
    }
    row->out_of_range = !sound;
}

static v2s_status parse_row(const v2s_text_lines *lines, v2s_dcase_distance unit, char *text,
                            v2s_dcase_labels *m, v2s_dcase_row *row) {
    char *field[COLUMNS_MAX] = {0};
    double v[COLUMNS_MAX] = {0};
    int n = 0;
    V2S_TRY(v2s_csv_split(lines, text, field, COLUMNS_MAX, &n));
    if (n < COLUMNS_MIN || n > COLUMNS_MAX)
        return v2s_text_lines_bad(lines, "expected %d to %d columns, found %d", COLUMNS_MIN,
                                  COLUMNS_MAX, n);
    if (m->count > 0 && n != m->columns)
        return v2s_text_lines_bad(lines, "expected %d columns as above, found %d", m->columns, n);
    for (int i = 0; i < n; i++)
        V2S_TRY(get_number(lines, n, i, field[i], &v[i]));
    *row = (v2s_dcase_row){.line = lines->line};
    V2S_TRY(get_whole(lines, n, 0, v[0], FRAME_MAX, &row->frame));
    V2S_TRY(get_whole(lines, n, 1, v[1], NUMBER_MAX, &row->class_index));
    if (n > 4)
        V2S_TRY(get_whole(lines, n, 2, v[2], NUMBER_MAX, &row->source));
    if (m->count > 0 && row->frame < m->rows[m->count - 1].frame)
        return v2s_text_lines_bad(lines, "column 1 (frame): %d after %d: wrong time order",
                                  row->frame, m->rows[m->count - 1].frame);
    get_place(n, unit, v, row);
    m->columns = n;
    return V2S_OK;
}

static v2s_status read_rows(v2s_text_lines *lines, v2s_dcase_distance unit, v2s_dcase_labels *m) {
    size_t room = 0;
    char *text;
    for (v2s_status status; (status = v2s_csv_next(lines, &text)) != V2S_END;) {
        v2s_dcase_row row;
        V2S_TRY(status);
        V2S_TRY(parse_row(lines, unit, text, m, &row));
        v2s_dcase_row *grown = v2s_array_grow(m->rows, m->count, &room, sizeof *grown);
        if (grown == NULL)
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", lines->path);
        m->rows = grown;
        m->rows[m->count++] = row;
        m->out_of_range += row.out_of_range;
    }
    return m->count > 0 ? V2S_OK : V2S_FAIL(V2S_FORMAT, "%s: empty: no labels", lines->path);
}

v2s_status v2s_dcase_csv_read(const char *path, v2s_dcase_distance unit, v2s_dcase_labels *labels) {
    char text[LINE_MAX_BYTES];
    v2s_text_lines lines = {.path = path, .kind = "labels", .text = text, .size = sizeof text};
    v2s_dcase_labels m = {0};
    lines.file = fopen(path, "rbe");
    if (lines.file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status = read_rows(&lines, unit, &m);
    fclose(lines.file);
    if (status != V2S_OK) {
        v2s_dcase_labels_free(&m);
        return status;
    }
    *labels = m;
    return V2S_OK;
}
