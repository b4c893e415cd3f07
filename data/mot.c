// SPDX-License-Identifier: MIT
#include "data/mot.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/media_internal.h"

enum { MIN_COLUMNS = 6, MAX_COLUMNS = 10, MAX_FRAME = INT_MAX, MAX_PIXELS = 1 << 24 };

static const char *const column_names[MAX_COLUMNS] = {
    "frame", "id", "x", "y", "width", "height", "confidence", "column 8", "column 9", "column 10"};

typedef struct where {
    const char *path;
    long line; // from 1
} where;

typedef struct row_list {
    v2s_mot_row *rows;
    size_t count, room;
} row_list;

// The numbers of a line, between commas or blanks. *found: how many.
static v2s_status parse_numbers(where at, char *text, double values[MAX_COLUMNS], int *found) {
    char *next = text;
    int n = 0;
    for (;;) {
        next += strspn(next, " \t\r\n");
        if (*next == '\0')
            break;
        if (n == MAX_COLUMNS)
            return V2S_FAIL(V2S_FORMAT, "%s: line %ld: more than %d columns", at.path, at.line,
                            MAX_COLUMNS);
        char *end;
        values[n] = strtod(next, &end);
        bool separated = *end == '\0' || strchr(" \t\r\n,", *end) != NULL;
        if (end == next || !separated || !isfinite(values[n]))
            return V2S_FAIL(
                V2S_FORMAT, "%s: line %ld: %s: expected a number, found '%.*s'", at.path, at.line,
                column_names[n],
                (int)strcspn(next, " \t\r\n,") > 40 ? 40 : (int)strcspn(next, " \t\r\n,"), next);
        n++;
        next = end + strspn(end, " \t\r\n");
        if (*next == ',')
            next++;
    }
    *found = n;
    return V2S_OK;
}

static v2s_status row_of_numbers(where at, const double v[MAX_COLUMNS], int n, v2s_mot_row *row) {
    if (n < MIN_COLUMNS)
        return V2S_FAIL(V2S_FORMAT, "%s: line %ld: expected %d to %d columns, found %d", at.path,
                        at.line, MIN_COLUMNS, MAX_COLUMNS, n);
    if (v[0] < 1.0 || v[0] > MAX_FRAME || v[0] != floor(v[0]))
        return V2S_FAIL(V2S_FORMAT, "%s: line %ld: frame: expected a whole number from 1, found %g",
                        at.path, at.line, v[0]);
    if (fabs(v[1]) > INT_MAX || v[1] != floor(v[1]))
        return V2S_FAIL(V2S_FORMAT, "%s: line %ld: id: expected a whole number, found %g", at.path,
                        at.line, v[1]);
    for (int i = 2; i < MIN_COLUMNS; i++)
        if (fabs(v[i]) > MAX_PIXELS || (i >= 4 && v[i] <= 0.0))
            return V2S_FAIL(V2S_FORMAT, "%s: line %ld: %s: expected %s pixels, found %g", at.path,
                            at.line, column_names[i], i >= 4 ? "more than 0" : "a position in",
                            v[i]);
    row->frame = (int64_t)v[0];
    row->id = (int)v[1];
    row->box = (v2s_box){v[2] - 1.0, v[3] - 1.0, v[4], v[5]};
    row->confidence = n > 6 && v[6] >= 0.0 ? v[6] : 1.0;
    return V2S_OK;
}

static v2s_status append(where at, row_list *list, v2s_mot_row row) {
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 256 : 2 * list->room;
        v2s_mot_row *rows = realloc(list->rows, room * sizeof *rows);
        if (rows == NULL)
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", at.path);
        list->rows = rows;
        list->room = room;
    }
    list->rows[list->count++] = row;
    return V2S_OK;
}

static v2s_status read_lines(FILE *file, const char *path, row_list *list) {
    where at = {path, 0};
    char *text = NULL;
    size_t room = 0;
    v2s_status status = V2S_OK;
    ssize_t length;
    while (status == V2S_OK && (length = getline(&text, &room, file)) >= 0) {
        at.line++;
        double values[MAX_COLUMNS];
        int n = 0;
        v2s_mot_row row = {0};
        if (strlen(text) != (size_t)length)
            status = V2S_FAIL(V2S_FORMAT, "%s: line %ld: not text", path, at.line);
        if (status == V2S_OK && text[strspn(text, " \t")] == '#')
            continue;
        if (status == V2S_OK)
            status = parse_numbers(at, text, values, &n);
        if (status != V2S_OK || n == 0)
            continue;
        status = row_of_numbers(at, values, n, &row);
        if (status == V2S_OK)
            status = append(at, list, row);
    }
    if (status == V2S_OK && ferror(file))
        status = V2S_FAIL(V2S_IO, "%s: cannot read: %s", path, strerror(errno));
    free(text);
    return status;
}

static int compare_rows(const void *left, const void *right) {
    const v2s_mot_row *a = left, *b = right;
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static v2s_status sort_and_check(const char *path, row_list *list) {
    if (list->count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: not a single box", path);
    qsort(list->rows, list->count, sizeof *list->rows, compare_rows);
    for (size_t i = 1; i < list->count; i++)
        if (compare_rows(&list->rows[i - 1], &list->rows[i]) == 0)
            return V2S_FAIL(V2S_FORMAT, "%s: frame %lld, id %d: two boxes", path,
                            (long long)list->rows[i].frame, list->rows[i].id);
    return V2S_OK;
}

v2s_status v2s_mot_read(const char *path, v2s_mot_row **rows, size_t *count) {
    V2S_TRY(v2s_media_check(path));
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    row_list list = {0};
    v2s_status status = read_lines(file, path, &list);
    fclose(file);
    if (status == V2S_OK)
        status = sort_and_check(path, &list);
    if (status != V2S_OK) {
        free(list.rows);
        return status;
    }
    *rows = list.rows;
    *count = list.count;
    return V2S_OK;
}

// As few digits as give the number back.
static v2s_status write_number(v2s_file_out *f, double value, const char *after) {
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return v2s_file_out_printf(f, "%s%s", text, after);
}

v2s_status v2s_mot_write(v2s_file_out *f, const v2s_mot_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const v2s_mot_row *r = &rows[i];
        V2S_TRY(v2s_file_out_printf(f, "%lld,%d,", (long long)r->frame, r->id));
        V2S_TRY(write_number(f, r->box.x + 1.0, ","));
        V2S_TRY(write_number(f, r->box.y + 1.0, ","));
        V2S_TRY(write_number(f, r->box.w, ","));
        V2S_TRY(write_number(f, r->box.h, ","));
        V2S_TRY(write_number(f, r->confidence, ",-1,-1,-1\n"));
    }
    return V2S_OK;
}
