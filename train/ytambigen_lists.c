// SPDX-License-Identifier: MIT
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_field.h"
#include "data/text_lines.h"
#include "kernels/base/array.h"
#include "spatial/conventions.h"
#include "train/ytambigen.h"

enum { LINE_MAX_BYTES = 4096, ID_MAX_BYTES = 128, MAX_ITEMS = 1 << 22, JSON_MAX_BYTES = 1 << 28 };

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

void v2s_ytambigen_lists_free(v2s_ytambigen_lists *lists) {
    free(lists->items);
    free(lists->labels);
    cJSON_Delete(lists->json);
    *lists = (v2s_ytambigen_lists){0};
}

// ---- rows -------------------------------------------------------------------------------------

// "<video>_<second>" with or without .npy, of letters, digits, - and _.
static bool is_id(const char *text, size_t n) {
    static const char *const letters =
        "0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t digits = 0;
    while (digits < n && text[n - 1 - digits] >= '0' && text[n - 1 - digits] <= '9')
        digits++;
    return digits > 0 && digits + 2 <= n && n < ID_MAX_BYTES && text[n - 1 - digits] == '_' &&
           strspn(text, letters) >= n;
}

static size_t without_suffix(const char *text) {
    size_t n = strlen(text);
    return n > 4 && strcmp(text + n - 4, ".npy") == 0 ? n - 4 : n;
}

static v2s_status keep(v2s_prepare *p, v2s_ytambigen_lists *lists, const char *id, size_t n,
                       v2s_split split) {
    v2s_ytambigen_item *grown =
        v2s_array_grow(lists->items, lists->count, &lists->room, sizeof *grown);
    if (grown == NULL)
        return no_memory();
    lists->items = grown;
    v2s_ytambigen_item item = {.split = split};
    V2S_TRY(v2s_prepare_text(p, &item.id, "%.*s", (int)n, id));
    lists->items[lists->count++] = item;
    lists->listed[split]++;
    return V2S_OK;
}

// The first column counts; the first row is the header.
static v2s_status take_row(v2s_prepare *p, v2s_ytambigen_lists *lists, const v2s_text_lines *lines,
                           char *row, bool header, v2s_split split) {
    char *rest = row, *id = v2s_csv_cut(&rest);
    size_t n = id == NULL ? 0 : without_suffix(id);
    if (header) {
        if (id == NULL || !is_id(id, n))
            return V2S_OK;
        V2S_TRY(v2s_prepare_problem(p, "%s: no header row: its first row, %.80s, is a recording",
                                    lines->path, id));
    }
    if (lists->count == MAX_ITEMS)
        return V2S_FAIL(V2S_FORMAT, "%s: more than %d rows", lines->path, MAX_ITEMS);
    if (rest != NULL)
        return v2s_prepare_skip(p, lines->path, "unusable row: line %d: expected one column",
                                lines->line);
    if (id == NULL || !is_id(id, n))
        return v2s_prepare_skip(
            p, lines->path, "unusable row: line %d: expected <video>_<second>.npy", lines->line);
    return keep(p, lists, id, n, split);
}

static v2s_status read_row(v2s_prepare *p, v2s_ytambigen_lists *lists, v2s_text_lines *lines,
                           bool *header, v2s_split split) {
    char *line;
    v2s_status status = v2s_csv_next(lines, &line);
    if (status == V2S_FORMAT)
        return v2s_prepare_skip(p, lines->path, "unusable row: %s",
                                v2s_without_path(v2s_error_text(), lines->path));
    V2S_TRY(status);
    bool first = *header;
    *header = false;
    return take_row(p, lists, lines, line, first, split);
}

static v2s_status read_list(v2s_prepare *p, v2s_ytambigen_lists *lists, const char *path,
                            v2s_split split) {
    char text[LINE_MAX_BYTES];
    v2s_text_lines lines = {path, "a list of recordings", fopen(path, "rb"), text, sizeof text, 0};
    bool header = true;
    size_t before = lists->count;
    if (lines.file == NULL)
        return v2s_prepare_skip(p, path, "cannot open: %s", strerror(errno));
    v2s_status status;
    do
        status = read_row(p, lists, &lines, &header, split);
    while (status == V2S_OK);
    fclose(lines.file);
    if (status != V2S_END)
        return status;
    return lists->count > before ? V2S_OK
                                 : v2s_prepare_skip(p, path, "empty: it names no recording");
}

// ---- directions -------------------------------------------------------------------------------

static int by_id(const void *a, const void *b) {
    return strcmp(((const v2s_ytambigen_label *)a)->id, ((const v2s_ytambigen_label *)b)->id);
}

static v2s_ytambigen_label label_of(const cJSON *item) {
    const cJSON *elevation = cJSON_GetArrayItem(item, 0), *azimuth = cJSON_GetArrayItem(item, 1);
    v2s_ytambigen_label label = {.id = item->string};
    label.pair = cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2 &&
                 cJSON_IsNumber(elevation) && cJSON_IsNumber(azimuth);
    if (label.pair) {
        label.elevation = elevation->valuedouble;
        label.azimuth = azimuth->valuedouble;
    }
    return label;
}

static v2s_status take_labels(const char *path, const cJSON *json, v2s_ytambigen_lists *lists) {
    if (!cJSON_IsObject(json) || cJSON_GetArraySize(json) == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: expected a JSON object of directions", path);
    lists->labels = calloc((size_t)cJSON_GetArraySize(json), sizeof *lists->labels);
    if (lists->labels == NULL)
        return no_memory();
    const cJSON *one;
    cJSON_ArrayForEach(one, json) {
        lists->labels[lists->label_count++] = label_of(one);
    }
    qsort(lists->labels, lists->label_count, sizeof *lists->labels, by_id);
    return V2S_OK;
}

static v2s_status read_text(const char *path, char **text, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status = V2S_OK;
    long length = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (length < 0 || length > JSON_MAX_BYTES)
        status = V2S_FAIL(V2S_FORMAT, "%s: expected a file of at most 256 MiB", path);
    else if ((*text = malloc((size_t)length + 1)) == NULL)
        status = no_memory();
    rewind(f);
    if (status == V2S_OK) {
        *size = fread(*text, 1, (size_t)length, f);
        (*text)[*size] = '\0';
        if (*size != (size_t)length)
            status = V2S_FAIL(V2S_IO, "%s: cannot read", path);
    }
    fclose(f);
    return status;
}

static v2s_status read_labels(const char *path, v2s_ytambigen_lists *lists) {
    char *text = NULL;
    size_t size = 0;
    if (v2s_lfs_pointer(path))
        return V2S_FAIL(V2S_FORMAT, "%s: %s", path, V2S_LFS_REASON);
    v2s_status status = read_text(path, &text, &size);
    if (status == V2S_OK && (lists->json = cJSON_ParseWithLength(text, size)) == NULL)
        status = V2S_FAIL(V2S_FORMAT, "%s: not JSON; is it truncated?", path);
    if (status == V2S_OK)
        status = take_labels(path, lists->json, lists);
    free(text);
    return status;
}

v2s_status v2s_ytambigen_direction(const v2s_ytambigen_lists *lists, const char *id,
                                   v2s_vec3 *unit) {
    const v2s_ytambigen_label key = {.id = id};
    const v2s_ytambigen_label *l =
        bsearch(&key, lists->labels, lists->label_count, sizeof *lists->labels, by_id);
    if (l == NULL)
        return V2S_FAIL(V2S_FORMAT, "no direction: it is not in ambi.json");
    if (!l->pair)
        return V2S_FAIL(V2S_FORMAT,
                        "unusable direction: expected [elevation, azimuth] in ambi.json");
    if (!(l->elevation >= 0 && l->elevation <= 90 && l->azimuth >= 0 && l->azimuth <= 180))
        return V2S_FAIL(V2S_FORMAT,
                        "label out of range: [%g, %g] in ambi.json, expected elevation 0 to 90 and "
                        "azimuth 0 to "
                        "180 in units of 2 deg",
                        l->elevation, l->azimuth);
    *unit = v2s_unit_from_angles(v2s_rad(2 * l->azimuth - 179),
                                 v2s_rad(fmax(-90, 89 - 2 * l->elevation)));
    return V2S_OK;
}

// ---- all of it --------------------------------------------------------------------------------

v2s_status v2s_ytambigen_lists_read(v2s_prepare *p, v2s_ytambigen_lists *lists) {
    static const char *const folders[] = {"", "csv/yt_ambigen/"};
    static const char *const names[V2S_SPLIT_COUNT] = {"train", "valid", "test"};
    const char *path, *folder = NULL;
    bool there = false, usable;
    for (int f = 0; f < 2 && !there; f++)
        for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
            V2S_TRY(v2s_prepare_path(p, &path, "%s%s.csv", folders[f], names[s]));
            there |= v2s_is_file(path);
            folder = folders[f];
        }
    if (!there)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected train.csv, valid.csv and test.csv in it or in csv/yt_ambigen",
                        p->root);
    V2S_TRY(v2s_prepare_path(p, &path, "%sambi.json", folder));
    V2S_TRY(read_labels(path, lists));
    for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
        V2S_TRY(v2s_prepare_path(p, &path, "%s%s.csv", folder, names[s]));
        V2S_TRY(v2s_prepare_usable(p, path, &usable));
        if (usable)
            V2S_TRY(read_list(p, lists, path, (v2s_split)s));
    }
    return V2S_OK;
}
