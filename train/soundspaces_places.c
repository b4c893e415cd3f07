// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/options.h"
#include "data/text_lines.h"
#include "kernels/base/array.h"
#include "train/soundspaces.h"

enum { LINE_MAX_BYTES = 1024, COLUMNS = 4, MAX_PLACES = 1 << 20 };

#define FARTHEST_M 1e5

const char *const v2s_mesh_turn_name[V2S_MESH_TURNS] = {"+y", "+x", "-y", "-x"};

v2s_vec3 v2s_mesh_turned(v2s_vec3 m, int turn) {
    const v2s_vec3 turned[V2S_MESH_TURNS] = {
        {m.y, -m.x, m.z}, {m.x, m.y, m.z}, {-m.y, m.x, m.z}, {-m.x, -m.y, m.z}};
    return turned[turn];
}

void v2s_places_free(v2s_places *places) {
    free(places->items);
    *places = (v2s_places){0};
}

static int by_id(const void *a, const void *b) {
    int64_t x = ((const struct v2s_place *)a)->id, y = ((const struct v2s_place *)b)->id;
    return (x > y) - (x < y);
}

const v2s_vec3 *v2s_places_at(const v2s_places *places, int64_t id) {
    const struct v2s_place key = {.id = id};
    const struct v2s_place *found = places->count == 0 ? NULL
                                                       : bsearch(&key, places->items, places->count,
                                                                 sizeof *places->items, by_id);
    return found == NULL ? NULL : &found->at;
}

// Ids may stand as "3" or as "3.000000e+00".
static v2s_status parse(const v2s_text_lines *lines, char *line, struct v2s_place *place) {
    double number[COLUMNS];
    int columns = 0;
    for (char *rest = line, *field; (field = strsep(&rest, "\t \r")) != NULL;) {
        if (*field == '\0')
            continue;
        if (columns == COLUMNS)
            return v2s_text_lines_bad(lines, "expected %d columns (id, x, y, z), found more",
                                      COLUMNS);
        if (!v2s_parse_number(field, &number[columns]) || fabs(number[columns]) > FARTHEST_M)
            return v2s_text_lines_bad(lines, "column %d: expected a number, found %.40s",
                                      columns + 1, field);
        columns++;
    }
    if (columns != COLUMNS)
        return v2s_text_lines_bad(lines, "expected %d columns (id, x, y, z), found %d", COLUMNS,
                                  columns);
    if (number[0] < 0 || number[0] != floor(number[0]))
        return v2s_text_lines_bad(lines, "id: expected a whole number, found %g", number[0]);
    *place = (struct v2s_place){(int64_t)number[0], {number[1], number[2], number[3]}};
    return V2S_OK;
}

static v2s_status read_row(v2s_text_lines *lines, v2s_places *places, size_t *room) {
    char *line;
    V2S_TRY(v2s_text_lines_next(lines, &line));
    line += strspn(line, " \t\r");
    if (*line == '\0' || *line == '#')
        return V2S_OK;
    if (places->count == MAX_PLACES)
        return v2s_text_lines_bad(lines, "more than %d places", MAX_PLACES);
    void *grown = v2s_array_grow(places->items, places->count, room, sizeof *places->items);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    places->items = grown;
    V2S_TRY(parse(lines, line, &places->items[places->count]));
    places->count++;
    return V2S_OK;
}

static v2s_status check_ids(const char *path, v2s_places *places) {
    if (places->count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no place in it", path);
    qsort(places->items, places->count, sizeof *places->items, by_id);
    for (size_t i = 1; i < places->count; i++)
        if (places->items[i].id == places->items[i - 1].id)
            return V2S_FAIL(V2S_FORMAT, "%s: two places have the id %lld", path,
                            (long long)places->items[i].id);
    return V2S_OK;
}

v2s_status v2s_places_read(const char *path, v2s_places *places) {
    char text[LINE_MAX_BYTES];
    v2s_text_lines lines = {path, "a table of places", fopen(path, "rb"), text, sizeof text, 0};
    v2s_places made = {0};
    size_t room = 0;
    if (lines.file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status;
    do
        status = read_row(&lines, &made, &room);
    while (status == V2S_OK);
    fclose(lines.file);
    if (status == V2S_END)
        status = check_ids(path, &made);
    if (status != V2S_OK) {
        v2s_places_free(&made);
        return status;
    }
    *places = made;
    return V2S_OK;
}
