// SPDX-License-Identifier: MIT
#include "data/trajectory_csv.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_field.h"

static const char COMMENT[] =
    "# v2s trajectory 1: az_deg counter-clockwise (left +), el_deg up +, dist_m";
static const char MAGIC[] = "# v2s trajectory ";

enum { LINE_MAX_BYTES = 4096, FIELDS_MAX = 64, OBJECTS_MAX = 1000 };
enum { TIME, OBJECT, AZIMUTH, ELEVATION, DISTANCE, CONFIDENCE, COLUMNS };

static const char *const COLUMN_NAME[COLUMNS] = {"time_s", "object", "az_deg",
                                                 "el_deg", "dist_m", "confidence"};

typedef struct reader {
    const char *path;
    FILE *file;
    size_t line;
    char text[LINE_MAX_BYTES];
    char *field[FIELDS_MAX];
    size_t fields;
    size_t column[COLUMNS]; // where in `field` each of ours stands
    v2s_trajectory_set set;
    size_t *capacity; // of each object's points
} reader;

static v2s_status bad_line(const reader *r, const char *what) {
    return V2S_FAIL(V2S_FORMAT, "%s: line %zu: %s", r->path, r->line, what);
}

// One line without its end into r->text; END at the end of the file.
static v2s_status read_line(reader *r) {
    size_t n = 0;
    int c;
    r->line++;
    while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
        if (c == '\0')
            return bad_line(r, "a zero byte: not a text file");
        if (n + 1 == sizeof r->text)
            return bad_line(r, "longer than 4095 bytes: not a trajectory");
        r->text[n++] = (char)c;
    }
    if (ferror(r->file))
        return V2S_FAIL(V2S_IO, "%s: cannot read: %s", r->path, strerror(errno));
    r->text[n] = '\0';
    return c == EOF && n == 0 ? V2S_END : V2S_OK;
}

// Next line that is not blank, trimmed, in *line (inside r->text); END at the end of the file.
static v2s_status next_line(reader *r, char **line) {
    do {
        V2S_TRY(read_line(r));
        bool marked = r->line == 1 && strncmp(r->text, "\xEF\xBB\xBF", 3) == 0;
        *line = v2s_csv_trim(r->text + (marked ? 3 : 0));
    } while (**line == '\0');
    return V2S_OK;
}

static v2s_status split(reader *r, char *line) {
    r->fields = 0;
    for (char *rest = line; rest != NULL;) {
        if (r->fields == FIELDS_MAX)
            return bad_line(r, "more than 64 columns");
        r->field[r->fields] = v2s_csv_cut(&rest);
        if (r->field[r->fields++] == NULL)
            return bad_line(r, "a quotation mark without its partner");
    }
    return V2S_OK;
}

static v2s_status read_header(reader *r, char *line) {
    V2S_TRY(split(r, line));
    for (int c = 0; c < COLUMNS; c++) {
        size_t found = 0, at = 0;
        for (size_t i = 0; i < r->fields; i++)
            if (strcmp(r->field[i], COLUMN_NAME[c]) == 0) {
                found++;
                at = i;
            }
        if (found != 1)
            return V2S_FAIL(V2S_FORMAT,
                            "%s: line %zu: expected the header "
                            "time_s,object,az_deg,el_deg,dist_m,confidence, found %s column %s",
                            r->path, r->line, found == 0 ? "no" : "more than one", COLUMN_NAME[c]);
        r->column[c] = at;
    }
    return V2S_OK;
}

static v2s_status read_number(const reader *r, int column, double low, double high, double *value) {
    const char *text = r->field[r->column[column]];
    char *end;
    double v = strtod(text, &end);
    if (*text == '\0' || *end != '\0')
        return V2S_FAIL(V2S_FORMAT, "%s: line %zu: %s: expected a number, found '%.40s'", r->path,
                        r->line, COLUMN_NAME[column], text);
    if (!(v >= low && v <= high))
        return V2S_FAIL(V2S_FORMAT, "%s: line %zu: %s: expected %g to %g, found '%.40s'", r->path,
                        r->line, COLUMN_NAME[column], low, high, text);
    *value = v;
    return V2S_OK;
}

static v2s_point point_from_angles(double time_s, double az_deg, double el_deg, double distance_m,
                                   double confidence) {
    // remainder() leaves -180 and 180 as they are, so writing and reading again changes no bit.
    double wrapped_deg = remainder(az_deg, 360.0);
    v2s_point p = {time_s, v2s_unit_from_angles(v2s_rad(wrapped_deg), v2s_rad(el_deg)), distance_m,
                   confidence};
    return p;
}

static v2s_status read_point(const reader *r, v2s_point *p) {
    double time_s, az_deg, el_deg, distance_m, confidence;
    V2S_TRY(read_number(r, TIME, -1e9, 1e9, &time_s));
    V2S_TRY(read_number(r, AZIMUTH, -1e9, 1e9, &az_deg));
    V2S_TRY(read_number(r, ELEVATION, -90.0, 90.0, &el_deg));
    V2S_TRY(read_number(r, DISTANCE, 0.0, 1e6, &distance_m));
    V2S_TRY(read_number(r, CONFIDENCE, 0.0, 1.0, &confidence));
    if (distance_m == 0.0)
        return bad_line(r, "dist_m: expected above 0, found 0");
    *p = point_from_angles(time_s, az_deg, el_deg, distance_m, confidence);
    return V2S_OK;
}

static v2s_status out_of_memory(const reader *r) {
    return V2S_FAIL(V2S_NOMEM, "%s: out of memory at line %zu", r->path, r->line);
}

// Index of the object of this row, added when new.
static v2s_status find_object(reader *r, size_t *index) {
    const char *name = r->field[r->column[OBJECT]];
    size_t n = strlen(name);
    if (n == 0 || n >= V2S_TRAJECTORY_NAME_MAX)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: line %zu: object: expected a name of 1 to %d bytes, "
                        "found %zu",
                        r->path, r->line, V2S_TRAJECTORY_NAME_MAX - 1, n);
    for (size_t i = r->set.count; i-- > 0;)
        if (strcmp(r->set.items[i].name, name) == 0) {
            *index = i;
            return V2S_OK;
        }
    size_t count = r->set.count;
    if (count == OBJECTS_MAX)
        return bad_line(r, "more than 1000 objects");
    v2s_trajectory *items = realloc(r->set.items, (count + 1) * sizeof *items);
    if (items == NULL)
        return out_of_memory(r);
    r->set.items = items;
    size_t *capacity = realloc(r->capacity, (count + 1) * sizeof *capacity);
    if (capacity == NULL)
        return out_of_memory(r);
    r->capacity = capacity;
    capacity[count] = 0;
    memset(&items[count], 0, sizeof *items);
    memcpy(items[count].name, name, n);
    r->set.count++;
    *index = count;
    return V2S_OK;
}

static v2s_status add_point(reader *r, size_t index, const v2s_point *p) {
    v2s_trajectory *t = &r->set.items[index];
    if (t->count > 0 && !(p->time_s > t->points[t->count - 1].time_s))
        return V2S_FAIL(V2S_FORMAT,
                        "%s: line %zu: time_s: expected later than %.6f (object '%s'), found %.6f",
                        r->path, r->line, t->points[t->count - 1].time_s, t->name, p->time_s);
    if (t->count == r->capacity[index]) {
        size_t capacity = t->count == 0 ? 64 : t->count * 2;
        v2s_point *points = realloc(t->points, capacity * sizeof *points);
        if (points == NULL)
            return out_of_memory(r);
        t->points = points;
        r->capacity[index] = capacity;
    }
    t->points[t->count++] = *p;
    return V2S_OK;
}

static v2s_status read_row(reader *r, char *line) {
    size_t index = 0, header_fields = r->fields;
    v2s_point p;
    V2S_TRY(split(r, line));
    if (r->fields != header_fields)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: line %zu: expected %zu columns as in the header, found %zu", r->path,
                        r->line, header_fields, r->fields);
    V2S_TRY(read_point(r, &p));
    V2S_TRY(find_object(r, &index));
    return add_point(r, index, &p);
}

static v2s_status check_version(const reader *r, const char *line) {
    size_t n = strlen(MAGIC);
    if (strncmp(line, MAGIC, n) != 0 || strtol(line + n, NULL, 10) == 1)
        return V2S_OK;
    return V2S_FAIL(V2S_UNSUPPORTED, "%s: line %zu: expected trajectory version 1, found '%.40s'",
                    r->path, r->line, line);
}

static v2s_status read_all(reader *r) {
    bool header = false;
    for (;;) {
        char *line;
        v2s_status status = next_line(r, &line);
        if (status == V2S_END)
            break;
        V2S_TRY(status);
        if (*line == '#') {
            V2S_TRY(check_version(r, line));
        } else if (!header) {
            V2S_TRY(read_header(r, line));
            header = true;
        } else {
            V2S_TRY(read_row(r, line));
        }
    }
    if (!header)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected a trajectory with the header "
                        "time_s,object,az_deg,el_deg,dist_m,confidence, found %s",
                        r->path, r->line <= 1 ? "an empty file" : "no header");
    if (r->set.count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: expected at least one row below the header, found none",
                        r->path);
    return V2S_OK;
}

v2s_status v2s_trajectory_csv_read(const char *path, v2s_trajectory_set *set) {
    reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    v2s_status status;
    r->path = path;
    r->file = fopen(path, "re");
    if (r->file == NULL)
        status = V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    else
        status = read_all(r);
    if (r->file != NULL)
        fclose(r->file);
    if (status == V2S_OK)
        *set = r->set;
    else
        v2s_trajectory_set_free(&r->set);
    free(r->capacity);
    free(r);
    return status;
}

// One row's numbers as text, and back: the only place that rounds, so that quantising in memory and
// going through a file are the same operation.
typedef struct row {
    char time[32], azimuth[32], elevation[32], distance[32], confidence[32];
} row;

static void print_number(char out[32], double value) {
    snprintf(out, 32, "%.6f", fabs(value) < 5e-7 ? 0.0 : value); // never -0.000000
}

static row format_row(const v2s_point *p) {
    row r;
    print_number(r.time, p->time_s);
    print_number(r.azimuth, v2s_deg(v2s_azimuth_rad(p->unit)));
    print_number(r.elevation, v2s_deg(v2s_elevation_rad(p->unit)));
    print_number(r.distance, fmax(p->distance_m, 1e-6)); // 0.000000 would be refused on reading
    print_number(r.confidence, p->confidence);
    return r;
}

void v2s_trajectory_quantise(v2s_trajectory *t) {
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        row r = format_row(&t->points[i]);
        double time_s = strtod(r.time, NULL);
        if (kept > 0 && !(time_s > t->points[kept - 1].time_s))
            continue;
        t->points[kept++] =
            point_from_angles(time_s, strtod(r.azimuth, NULL), strtod(r.elevation, NULL),
                              strtod(r.distance, NULL), strtod(r.confidence, NULL));
    }
    t->count = kept;
}

// The name as a CSV field: in quotation marks where it would be cut or trimmed otherwise.
static v2s_status format_name(const char *name, char out[2 * V2S_TRAJECTORY_NAME_MAX + 3]) {
    size_t n = strlen(name), k = 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return V2S_FAIL(V2S_ARG, "object name: a control character cannot be written to a "
                                     "trajectory file");
    if (n == 0)
        return V2S_FAIL(V2S_ARG, "object name: empty, cannot be written to a trajectory file");
    bool quote = strpbrk(name, ",\"") != NULL || name[0] == ' ' || name[n - 1] == ' ';
    if (quote)
        out[k++] = '"';
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '"')
            out[k++] = '"';
        out[k++] = name[i];
    }
    if (quote)
        out[k++] = '"';
    out[k] = '\0';
    return V2S_OK;
}

static v2s_status write_object(v2s_file_out *f, const v2s_trajectory *t) {
    char name[2 * V2S_TRAJECTORY_NAME_MAX + 3];
    V2S_TRY(format_name(t->name, name));
    double last_s = -INFINITY;
    for (size_t i = 0; i < t->count; i++) {
        row r = format_row(&t->points[i]);
        double time_s = strtod(r.time, NULL);
        if (!(time_s > last_s))
            continue;
        last_s = time_s;
        V2S_TRY(v2s_file_out_printf(f, "%s,%s,%s,%s,%s,%s\n", r.time, name, r.azimuth, r.elevation,
                                    r.distance, r.confidence));
    }
    return V2S_OK;
}

v2s_status v2s_trajectory_csv_write(v2s_file_out *f, const v2s_trajectory_set *set) {
    V2S_TRY(v2s_file_out_printf(f, "%s\n", COMMENT));
    for (int c = 0; c < COLUMNS; c++)
        V2S_TRY(v2s_file_out_printf(f, "%s%s", COLUMN_NAME[c], c + 1 < COLUMNS ? "," : "\n"));
    for (size_t i = 0; i < set->count; i++)
        V2S_TRY(write_object(f, &set->items[i]));
    return V2S_OK;
}
