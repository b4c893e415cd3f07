// SPDX-License-Identifier: MIT
// Tables with a header (infer/panel.h).
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_field.h"
#include "data/options.h"
#include "data/text_lines.h"
#include "infer/panel.h"

enum { LINE_MAX_BYTES = 16384, ROW_MAX_BYTES = 65536 };

struct v2s_table {
    char *path;
    v2s_text_lines lines;
    int first_line;            // of the row
    char text[LINE_MAX_BYTES]; // of the line
    char row[ROW_MAX_BYTES], header[ROW_MAX_BYTES];
    char *field[V2S_TABLE_FIELDS], *name[V2S_TABLE_FIELDS];
    size_t fields, names;
};

v2s_status v2s_table_bad(const v2s_table *t, const char *fmt, ...) {
    char what[V2S_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    v2s_text_lines at = t->lines;
    at.line = t->first_line;
    return v2s_text_lines_bad(&at, "%s", what);
}

static size_t count_marks(const char *s) {
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += *s == '"';
    return n;
}

// A row into t->row: lines are joined until every quotation mark has its partner.
static v2s_status read_row(v2s_table *t) {
    size_t used = 0, marks = 0;
    char *line;
    do {
        V2S_TRY(v2s_text_lines_next(&t->lines, &line));
        t->first_line = t->lines.line;
    } while (*v2s_csv_trim(line) == '\0');
    for (;;) {
        size_t n = strlen(line);
        if (used + n + 2 > sizeof t->row)
            return v2s_table_bad(t, "longer than %d bytes: not %s", ROW_MAX_BYTES - 2,
                                 t->lines.kind);
        memcpy(t->row + used, line, n + 1);
        used += n;
        marks += count_marks(line);
        if (marks % 2 == 0) {
            v2s_csv_trim(t->row); // CR after the last field
            return V2S_OK;
        }
        t->row[used++] = ' ';
        v2s_status status = v2s_text_lines_next(&t->lines, &line);
        if (status == V2S_END)
            return v2s_table_bad(t, "a quotation mark without its partner");
        V2S_TRY(status);
    }
}

static v2s_status split(v2s_table *t, char *text, char **field, size_t *count) {
    size_t n = 0;
    for (char *rest = text; rest != NULL;) {
        if (n == V2S_TABLE_FIELDS)
            return v2s_table_bad(t, "more than %d columns", V2S_TABLE_FIELDS);
        field[n] = v2s_csv_cut(&rest);
        if (field[n++] == NULL)
            return v2s_table_bad(t, "a quotation mark that does not stand around a field");
    }
    *count = n;
    return V2S_OK;
}

static v2s_status read_header(v2s_table *t) {
    v2s_status status = read_row(t);
    if (status == V2S_END)
        return V2S_FAIL(V2S_FORMAT, "%s: empty: expected %s", t->path, t->lines.kind);
    V2S_TRY(status);
    memcpy(t->header, t->row, sizeof t->header);
    V2S_TRY(split(t, t->header, t->name, &t->names));
    for (size_t i = 0; i < t->names; i++)
        for (size_t k = 0; k < i; k++)
            if (t->name[i][0] != '\0' && strcmp(t->name[i], t->name[k]) == 0)
                return v2s_table_bad(t, "two columns '%.40s'", t->name[i]);
    return V2S_OK;
}

v2s_status v2s_table_open(const char *path, const char *kind, v2s_table **table) {
    v2s_table *t = calloc(1, sizeof *t);
    if (t == NULL || (t->path = strdup(path)) == NULL) {
        free(t);
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    }
    t->lines =
        (v2s_text_lines){.path = t->path, .kind = kind, .text = t->text, .size = sizeof t->text};
    t->lines.file = fopen(path, "rbe");
    v2s_status status = t->lines.file != NULL
                            ? read_header(t)
                            : V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    if (status != V2S_OK)
        v2s_table_close(&t);
    else
        *table = t;
    return status;
}

int v2s_table_column(const v2s_table *t, const char *name) {
    for (size_t i = 0; i < t->names; i++)
        if (strcmp(t->name[i], name) == 0)
            return (int)i;
    return -1;
}

size_t v2s_table_columns(const v2s_table *t) {
    return t->names;
}

static bool is_header(const v2s_table *t) {
    if (t->fields != t->names)
        return false;
    for (size_t i = 0; i < t->names; i++)
        if (strcmp(t->field[i], t->name[i]) != 0)
            return false;
    return true;
}

v2s_status v2s_table_next(v2s_table *t) {
    do {
        V2S_TRY(read_row(t));
        V2S_TRY(split(t, t->row, t->field, &t->fields));
    } while (is_header(t));
    if (t->fields != t->names)
        return v2s_table_bad(t, "expected %zu columns as in the header, found %zu", t->names,
                             t->fields);
    return V2S_OK;
}

const char *v2s_table_field(const v2s_table *t, int column) {
    V2S_ASSERT(column >= 0 && (size_t)column < t->fields);
    return t->field[column];
}

v2s_status v2s_table_number(const v2s_table *t, int column, double low, double high,
                            double *value) {
    const char *text = v2s_table_field(t, column);
    double x;
    if (!v2s_parse_number(text, &x))
        return v2s_table_bad(t, "%s: expected a number, found '%.40s'", t->name[column], text);
    if (!(x >= low && x <= high))
        return v2s_table_bad(t, "%s: expected %g to %g, found '%.40s'", t->name[column], low, high,
                             text);
    *value = x;
    return V2S_OK;
}

void v2s_table_close(v2s_table **table) {
    if (*table != NULL) {
        if ((*table)->lines.file != NULL)
            fclose((*table)->lines.file);
        free((*table)->path);
    }
    free(*table);
    *table = NULL;
}
