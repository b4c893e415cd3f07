// SPDX-License-Identifier: MIT
#include "data/depth_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/csv_field.h"
#include "data/text_lines.h"
#include "kernels/base/array.h"

enum { LINE_MAX_BYTES = 1 << 14, FIELDS_MAX = 64, COLUMNS_MAX = 4 };

// What the published tables call their columns.
typedef struct layout {
    const char *name;
    int columns;
    const char *column[COLUMNS_MAX];
} layout;

enum { V2_DEPTH_FOLDER, V2_DEPTH_NAME, V2_AUDIO_FOLDER, V2_AUDIO_NAME };
enum { V1_DEPTH, V1_LEFT, V1_RIGHT };

static const layout V2 = {
    "batvision2", 4, {"depth path", "depth file name", "audio path", "audio file name"}};
static const layout V1 = {"batvision1", 3, {"depth path", "audio path left", "audio path right"}};

typedef struct builder {
    const char *root;
    v2s_manifest_rules rules;
    v2s_depth_set set;
    size_t capacity, reason_capacity;
} builder;

typedef struct table {
    builder *b;
    const layout *layout;
    v2s_text_lines lines; // its text is `text`
    const char *location; // NULL: told by the depth map's path
    v2s_split split;
    char text[LINE_MAX_BYTES];
    char *field[FIELDS_MAX];
    int fields, header_fields;
    int column[COLUMNS_MAX]; // where in `field` each of the layout's stands
} table;

static void sample_free(v2s_depth_sample *s) {
    char *const texts[] = {s->id, s->audio[0], s->audio[1], s->depth, s->location};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
}

void v2s_depth_set_free(v2s_depth_set *set) {
    for (size_t i = 0; i < set->count; i++)
        sample_free(&set->samples[i]);
    for (size_t i = 0; i < set->skipped; i++)
        free(set->skip_reasons[i]);
    free(set->samples);
    free(set->skip_reasons);
    *set = (v2s_depth_set){0};
}

// ---- what is kept -----------------------------------------------------------------------------

static v2s_status no_memory(const builder *b) {
    return V2S_FAIL(V2S_NOMEM, "%s: out of memory", b->root);
}

// Takes over what the sample holds, also on failure.
static v2s_status keep_sample(builder *b, v2s_depth_sample *s) {
    v2s_depth_sample *grown =
        v2s_array_grow(b->set.samples, b->set.count, &b->capacity, sizeof *grown);
    if (grown == NULL) {
        sample_free(s);
        return no_memory(b);
    }
    b->set.samples = grown;
    b->set.samples[b->set.count++] = *s;
    return V2S_OK;
}

static v2s_status keep_reason(builder *b, const char *reason) {
    char **grown =
        v2s_array_grow(b->set.skip_reasons, b->set.skipped, &b->reason_capacity, sizeof *grown);
    if (grown == NULL)
        return no_memory(b);
    b->set.skip_reasons = grown;
    char *copy = strdup(reason);
    if (copy == NULL)
        return no_memory(b);
    b->set.skip_reasons[b->set.skipped++] = copy;
    return V2S_OK;
}

// ---- a table ----------------------------------------------------------------------------------

// The fields of the next line; none for a blank one.
static v2s_status next_fields(table *t) {
    t->fields = 0;
    char *line;
    V2S_TRY(v2s_text_lines_next(&t->lines, &line));
    char *rest = v2s_csv_trim(line);
    if (*rest == '\0')
        return V2S_OK;
    int count = 0;
    V2S_TRY(v2s_csv_split(&t->lines, rest, t->field, FIELDS_MAX, &count));
    if (count > FIELDS_MAX)
        return v2s_text_lines_bad(&t->lines, "more than %d columns", FIELDS_MAX);
    t->fields = count;
    return V2S_OK;
}

static int find_column(const table *t, const char *name, int *count) {
    int at = -1;
    *count = 0;
    for (int i = t->fields - 1; i >= 0; i--)
        if (strcmp(t->field[i], name) == 0) {
            at = i;
            ++*count;
        }
    return at;
}

static v2s_status read_header(table *t) {
    v2s_status status;
    do
        status = next_fields(t);
    while (status == V2S_OK && t->fields == 0);
    if (status == V2S_END)
        return V2S_FAIL(V2S_FORMAT, "%s: expected a header with the column `%s`, found nothing",
                        t->lines.path, t->layout->column[0]);
    V2S_TRY(status);
    if (strncmp(t->field[0], "version https://git-lfs", 23) == 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: Git LFS pointer: the file holds only the address of its content (git "
                        "lfs pull fetches it)",
                        t->lines.path);
    int count;
    if (t->layout == &V1 && find_column(t, V2.column[V2_AUDIO_NAME], &count) >= 0)
        return v2s_text_lines_bad(&t->lines,
                                  "this is one location of BatVision V2: give the folder above it");
    for (int c = 0; c < t->layout->columns; c++) {
        t->column[c] = find_column(t, t->layout->column[c], &count);
        if (count != 1)
            return v2s_text_lines_bad(&t->lines,
                                      "expected one column `%s`, found %d of this name among %d",
                                      t->layout->column[c], count, t->fields);
    }
    t->header_fields = t->fields;
    return V2S_OK;
}

static const char *value_of(const table *t, int column) {
    return t->field[t->column[column]];
}

// A path below the root, without a way out of it.
static v2s_status check_value(const table *t, int column) {
    const char *value = value_of(t, column), *name = t->layout->column[column];
    if (*value == '\0')
        return v2s_text_lines_bad(&t->lines, "`%s` is empty", name);
    if (*value == '/')
        return v2s_text_lines_bad(&t->lines, "`%s`: expected a path relative to %s, found %.80s",
                                  name, t->b->root, value);
    for (const char *part = value; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return v2s_text_lines_bad(&t->lines, "`%s`: expected a path inside %s, found %.80s",
                                      name, t->b->root, value);
    }
    return V2S_OK;
}

// ROOT/folder/name, or ROOT/name where `folder` is -1; the file must be there.
static v2s_status get_path(const table *t, int folder, int name, char **path) {
    if (folder >= 0)
        V2S_TRY(check_value(t, folder));
    V2S_TRY(check_value(t, name));
    int n = folder >= 0
                ? asprintf(path, "%s/%s/%s", t->b->root, value_of(t, folder), value_of(t, name))
                : asprintf(path, "%s/%s", t->b->root, value_of(t, name));
    if (n < 0) {
        *path = NULL;
        return no_memory(t->b);
    }
    struct stat info;
    if (stat(*path, &info) != 0)
        return v2s_text_lines_bad(&t->lines, "`%s`: %s: %s", t->layout->column[name], *path,
                                  strerror(errno));
    if (!S_ISREG(info.st_mode))
        return v2s_text_lines_bad(&t->lines, "`%s`: %s: not a file", t->layout->column[name],
                                  *path);
    return V2S_OK;
}

// "hall" of "hall/depth/7.npy"; "." where there is no folder.
static char *first_folder(const char *path) {
    path += strspn(path, "./");
    const char *slash = strchr(path, '/');
    return slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path));
}

static v2s_status fill_sample(const table *t, v2s_depth_sample *s) {
    if (t->fields != t->header_fields)
        return v2s_text_lines_bad(&t->lines, "expected %d columns as in the header, found %d",
                                  t->header_fields, t->fields);
    s->split = t->split;
    if (t->layout == &V2) {
        V2S_TRY(get_path(t, V2_DEPTH_FOLDER, V2_DEPTH_NAME, &s->depth));
        V2S_TRY(get_path(t, V2_AUDIO_FOLDER, V2_AUDIO_NAME, &s->audio[0]));
        s->location = strdup(t->location);
        if (asprintf(&s->id, "%s/%s", t->location, value_of(t, V2_AUDIO_NAME)) < 0)
            s->id = NULL;
    } else {
        V2S_TRY(get_path(t, -1, V1_DEPTH, &s->depth));
        V2S_TRY(get_path(t, -1, V1_LEFT, &s->audio[0]));
        V2S_TRY(get_path(t, -1, V1_RIGHT, &s->audio[1]));
        s->location = first_folder(value_of(t, V1_DEPTH));
        s->id = strdup(value_of(t, V1_DEPTH));
        s->millimetres = true;
    }
    return s->location == NULL || s->id == NULL ? no_memory(t->b) : V2S_OK;
}

static v2s_status read_row(table *t) {
    v2s_depth_sample s = {0};
    v2s_status status = next_fields(t);
    if (status == V2S_OK && t->fields == 0)
        return V2S_OK;
    if (status == V2S_OK)
        status = fill_sample(t, &s);
    if (status == V2S_OK)
        return keep_sample(t->b, &s);
    sample_free(&s);
    return status == V2S_FORMAT && !t->b->rules.strict ? keep_reason(t->b, v2s_error_text())
                                                       : status;
}

static v2s_status read_rows(table *t) {
    v2s_status status = read_header(t);
    if (status == V2S_FORMAT && !t->b->rules.strict)
        return keep_reason(t->b, v2s_error_text());
    while (status == V2S_OK)
        status = read_row(t);
    return status == V2S_END ? V2S_OK : status;
}

// ---- the tables of a folder -------------------------------------------------------------------

// `found` tells whether the table is there at all.
static v2s_status read_table(builder *b, const layout *kind, const char *folder,
                             const char *location, v2s_split split, bool *found) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s.csv", folder, v2s_split_name(split)) < 0)
        return no_memory(b);
    table *t = malloc(sizeof *t);
    v2s_status status = V2S_OK;
    if (t == NULL) {
        status = no_memory(b);
    } else {
        *t = (table){.b = b, .layout = kind, .location = location, .split = split};
        t->lines = (v2s_text_lines){path, "a table", fopen(path, "rb"), t->text, LINE_MAX_BYTES, 0};
        *found = t->lines.file != NULL || errno != ENOENT;
        if (t->lines.file != NULL)
            status = read_rows(t);
        else if (*found)
            status = V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
        if (t->lines.file != NULL)
            fclose(t->lines.file);
    }
    free(t);
    free(path);
    return status;
}

// Adds what the three tables of a folder list; *found counts them.
static v2s_status read_tables(builder *b, const layout *kind, const char *folder,
                              const char *location, int *found) {
    for (int split = 0; split < V2S_SPLIT_COUNT; split++) {
        bool there = false;
        V2S_TRY(read_table(b, kind, folder, location, (v2s_split)split, &there));
        *found += there;
    }
    return V2S_OK;
}

static int not_hidden(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static v2s_status read_location(builder *b, const char *name, int *found) {
    char *folder = NULL;
    struct stat info;
    if (asprintf(&folder, "%s/%s", b->root, name) < 0)
        return no_memory(b);
    v2s_status status = V2S_OK;
    if (stat(folder, &info) == 0 && S_ISDIR(info.st_mode))
        status = read_tables(b, &V2, folder, name, found);
    free(folder);
    return status;
}

static v2s_status read_locations(builder *b, int *found) {
    struct dirent **entries = NULL;
    int count = scandir(b->root, &entries, not_hidden, by_name);
    if (count < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", b->root, strerror(errno));
    v2s_status status = V2S_OK;
    for (int i = 0; i < count; i++) {
        if (status == V2S_OK)
            status = read_location(b, entries[i]->d_name, found);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static v2s_status read_folder(builder *b) {
    int found = 0;
    b->set.layout = V1.name;
    V2S_TRY(read_tables(b, &V1, b->root, NULL, &found));
    if (found > 0)
        return V2S_OK;
    b->set.layout = V2.name;
    V2S_TRY(read_locations(b, &found));
    if (found == 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected <location>/{train,val,test}.csv (BatVision V2) or "
                        "{train,val,test}.csv (V1), found neither",
                        b->root);
    return V2S_OK;
}

// ---- a manifest -------------------------------------------------------------------------------

// Takes the clip's paths over.
static v2s_status take_clip(builder *b, v2s_clip *clip) {
    v2s_depth_sample s = {.id = clip->id,
                          .audio = {clip->audio[0], clip->audio[1]},
                          .depth = clip->depth,
                          .location = strdup(v2s_clip_cluster(clip)),
                          .split = clip->split,
                          .millimetres = clip->depth_mm};
    clip->id = clip->audio[0] = clip->audio[1] = clip->depth = NULL;
    if (s.location == NULL) {
        sample_free(&s);
        return no_memory(b);
    }
    return keep_sample(b, &s);
}

static v2s_status refuse_clip(builder *b, const v2s_clip *clip) {
    char reason[V2S_ERROR_TEXT_MAX];
    snprintf(reason, sizeof reason, "%s: line %d: pairing: expected depth, found %s", b->root,
             clip->line, v2s_pairing_name(clip->pairing));
    return b->rules.strict ? V2S_FAIL(V2S_FORMAT, "%s", reason) : keep_reason(b, reason);
}

static v2s_status read_manifest(builder *b) {
    v2s_manifest m = {0};
    b->set.layout = "manifest";
    V2S_TRY(v2s_manifest_read(b->root, b->rules, &m));
    v2s_status status = V2S_OK;
    b->set.flagged = m.flagged;
    for (size_t i = 0; status == V2S_OK && i < m.skipped; i++)
        status = keep_reason(b, m.skip_reasons[i]);
    for (size_t i = 0; status == V2S_OK && i < m.count; i++)
        status = m.clips[i].pairing == V2S_PAIRING_DEPTH ? take_clip(b, &m.clips[i])
                                                         : refuse_clip(b, &m.clips[i]);
    v2s_manifest_free(&m);
    return status;
}

static v2s_status check_any(const builder *b) {
    if (b->set.count > 0)
        return V2S_OK;
    if (b->set.skipped == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no sample is listed in it", b->root);
    return V2S_FAIL(V2S_FORMAT, "%s: none of its %zu lines can be used; the first: %s", b->root,
                    b->set.skipped, b->set.skip_reasons[0]);
}

v2s_status v2s_depth_set_open(const char *path, v2s_manifest_rules rules, v2s_depth_set *set) {
    builder b = {.root = path, .rules = rules};
    struct stat info;
    if (stat(path, &info) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status = S_ISDIR(info.st_mode) ? read_folder(&b) : read_manifest(&b);
    if (status == V2S_OK)
        status = check_any(&b);
    if (status != V2S_OK) {
        v2s_depth_set_free(&b.set);
        return status;
    }
    *set = b.set;
    return V2S_OK;
}

v2s_status v2s_depth_sample_load(const v2s_depth_sample *s, const v2s_echo *echo,
                                 const v2s_depth_map_options *options, float *x, float *depth,
                                 v2s_echo_notes *notes) {
    v2s_status status = V2S_OK;
    if (x != NULL)
        status = v2s_echo_read(echo, s->audio[0], s->audio[1], x, notes);
    if (status == V2S_OK && depth != NULL) {
        v2s_depth_map_options o = *options;
        o.millimetres = s->millimetres;
        status = s->depth != NULL ? v2s_depth_map_read(s->depth, &o, depth)
                                  : V2S_FAIL(V2S_FORMAT, "it has no depth map");
    }
    return status == V2S_OK ? V2S_OK : v2s_error_prefix(status, "sample %s", s->id);
}
