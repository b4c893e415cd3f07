// SPDX-License-Identifier: MIT
#include "train/pairs_folder.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/csv_field.h"
#include "data/text_lines.h"
#include "kernels/base/array.h"
#include "kernels/base/rng.h"

enum { DEPTH_MAX = 6, KEY_MAX = 180, LINE_MAX_BYTES = 4096 };

static const char *const WORDS[] = {"foa",          "ambix",      "truth", "mono", "dry", "traj",
                                    "trajectories", "trajectory", "paths", "path", NULL};
static const char *const SUFFIXES[] = {"wav", "flac", "ogg", "opus", "caf",
                                       "w64", "rf64", "aif", "aiff", NULL};

// A file on its way into its recording.
typedef struct item {
    const char *key, *path;
    bool csv;
} item;

typedef struct finder {
    v2s_prepare *p;
    size_t count, room;
    item *items;
} finder;

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

void v2s_pairs_folder_free(v2s_pairs_folder *folder) {
    free(folder->sounds);
    free(folder->owner);
    free(folder->recordings);
    *folder = (v2s_pairs_folder){0};
}

// ---- keys -------------------------------------------------------------------------------------

static bool is_word(const char *text, size_t n) {
    for (int i = 0; WORDS[i] != NULL; i++)
        if (strlen(WORDS[i]) == n && strncasecmp(WORDS[i], text, n) == 0)
            return true;
    return false;
}

// The name without its suffix and a word at its end: its length.
static size_t stem_length(const char *name) {
    const char *dot = strrchr(name, '.');
    size_t n = dot != NULL ? (size_t)(dot - name) : strlen(name), cut = n;
    while (cut > 0 && strchr("-_.", name[cut - 1]) == NULL)
        cut--;
    return cut > 1 && is_word(name + cut, n - cut) ? cut - 1 : n;
}

// `below` is the path below ROOT. False: too long.
static bool make_key(const char *below, char key[KEY_MAX + 1]) {
    size_t used = 0;
    for (const char *part = below; *part != '\0';) {
        const char *slash = strchr(part, '/');
        size_t n = slash != NULL ? (size_t)(slash - part) : stem_length(part);
        bool left_out = slash != NULL && is_word(part, n);
        if (!left_out) {
            if (used + n + 1 > KEY_MAX)
                return false;
            if (used > 0)
                key[used++] = '/';
            memcpy(key + used, part, n);
            used += n;
        }
        part = slash != NULL ? slash + 1 : part + strlen(part);
    }
    key[used] = '\0';
    return used > 0;
}

// ---- search -----------------------------------------------------------------------------------

static bool has_suffix(const char *name, const char *const *suffixes) {
    const char *dot = strrchr(name, '.');
    for (int i = 0; dot != NULL && suffixes[i] != NULL; i++)
        if (strcasecmp(dot + 1, suffixes[i]) == 0)
            return true;
    return false;
}

static v2s_status take_file(finder *f, const char *below, bool csv) {
    char key[KEY_MAX + 1];
    item one = {.csv = csv};
    V2S_TRY(v2s_prepare_path(f->p, &one.path, "%s", below));
    if (!make_key(below, key))
        return v2s_prepare_skip(f->p, one.path,
                                "name: longer than %d bytes, or nothing but words "
                                "for kinds of files",
                                KEY_MAX);
    V2S_TRY(v2s_prepare_text(f->p, &one.key, "%s", key));
    item *grown = v2s_array_grow(f->items, f->count, &f->room, sizeof *grown);
    if (grown == NULL)
        return no_memory();
    f->items = grown;
    f->items[f->count++] = one;
    return V2S_OK;
}

static v2s_status search(finder *f, const char *below, int depth);

static v2s_status take_name(finder *f, const char *below, const char *name, int depth) {
    static const char *const CSV[] = {"csv", NULL};
    const char *inside, *path;
    size_t n = strlen(name);
    V2S_TRY(v2s_prepare_text(f->p, &inside, "%s%s%s", below, below[0] != '\0' ? "/" : "", name));
    V2S_TRY(v2s_prepare_path(f->p, &path, "%s", inside));
    if (v2s_is_folder(path))
        return depth < DEPTH_MAX && !(n > 6 && strcmp(name + n - 6, ".files") == 0)
                   ? search(f, inside, depth + 1)
                   : V2S_OK;
    if (strcmp(inside, "splits.csv") == 0)
        return V2S_OK;
    bool csv = has_suffix(name, CSV);
    return csv || has_suffix(name, SUFFIXES) ? take_file(f, inside, csv) : V2S_OK;
}

static v2s_status search(finder *f, const char *below, int depth) {
    v2s_names names = {0};
    V2S_TRY(v2s_prepare_list(f->p, below, NULL, &names));
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < names.count && status == V2S_OK; i++)
        status = take_name(f, below, names.items[i], depth);
    v2s_names_free(&names);
    return status;
}

// ---- recordings -------------------------------------------------------------------------------

static int compare_items(const void *a, const void *b) {
    const item *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : strcmp(x->path, y->path);
}

static v2s_status take_item(v2s_prepare *p, v2s_pairs_folder *folder, const item *one) {
    v2s_pairs_recording *r = &folder->recordings[folder->count - 1];
    bool usable;
    V2S_TRY(v2s_prepare_usable(p, one->path, &usable));
    r->bad |= !usable;
    if (!usable)
        return V2S_OK;
    if (one->csv && r->csv != NULL) {
        r->bad = true;
        return v2s_prepare_skip(p, one->path, "named twice: %s is a trajectory of %s too", r->csv,
                                r->key);
    }
    if (one->csv) {
        r->csv = one->path;
        return V2S_OK;
    }
    folder->sounds[folder->sound_count] = one->path;
    folder->owner[folder->sound_count++] = folder->count - 1;
    r->count++;
    return V2S_OK;
}

static v2s_status open_recording(v2s_prepare *p, v2s_pairs_folder *folder, const char *key) {
    const char *id;
    V2S_TRY(v2s_prepare_text(p, &id, "%s", key));
    for (char *c = (char *)id; (c = strchr(c, '/')) != NULL;)
        *c = '_';
    folder->recordings[folder->count++] =
        (v2s_pairs_recording){.key = key, .id = id, .first = folder->sound_count, .room = key};
    return V2S_OK;
}

static v2s_status gather(v2s_prepare *p, const finder *f, v2s_pairs_folder *folder) {
    folder->sounds = calloc(f->count + 1, sizeof *folder->sounds);
    folder->owner = calloc(f->count + 1, sizeof *folder->owner);
    folder->recordings = calloc(f->count + 1, sizeof *folder->recordings);
    if (folder->sounds == NULL || folder->owner == NULL || folder->recordings == NULL)
        return no_memory();
    if (f->count > 0)
        qsort(f->items, f->count, sizeof *f->items, compare_items);
    for (size_t i = 0; i < f->count; i++) {
        if (i == 0 || strcmp(f->items[i].key, f->items[i - 1].key) != 0)
            V2S_TRY(open_recording(p, folder, f->items[i].key));
        V2S_TRY(take_item(p, folder, &f->items[i]));
    }
    for (size_t i = 0; i < folder->count; i++)
        if (folder->recordings[i].count == 0 && folder->recordings[i].csv != NULL)
            V2S_TRY(v2s_prepare_skip(p, folder->recordings[i].csv,
                                     "no sound: no sound file has the name %s",
                                     folder->recordings[i].key));
    return V2S_OK;
}

// ---- splits -----------------------------------------------------------------------------------

static int compare_key(const void *key, const void *recording) {
    return strcmp(key, ((const v2s_pairs_recording *)recording)->key);
}

static v2s_status deal_line(v2s_prepare *p, const v2s_text_lines *lines, char *text,
                            v2s_pairs_folder *folder) {
    char *field[3] = {NULL, NULL, NULL};
    int n = 0, split = 0;
    V2S_TRY(v2s_csv_split(lines, text, field, 3, &n));
    if (n < 2 || n > 3)
        return v2s_text_lines_bad(lines, "expected name,split or name,split,room");
    while (split < V2S_SPLIT_COUNT && strcmp(field[1], v2s_split_name((v2s_split)split)) != 0)
        split++;
    if (split == V2S_SPLIT_COUNT)
        return v2s_text_lines_bad(lines, "column 2 (split): expected train|val|test, found '%.40s'",
                                  field[1]);
    v2s_pairs_recording *r = bsearch(field[0], folder->recordings, folder->count,
                                     sizeof *folder->recordings, compare_key);
    if (r == NULL)
        return v2s_prepare_skip(p, field[0], "no sound: splits.csv names it, no file has it");
    if (r->dealt)
        return v2s_text_lines_bad(lines, "%s stands in an earlier line too", r->key);
    r->dealt = true;
    r->split = (v2s_split)split;
    return n == 3 && field[2][0] != '\0' ? v2s_prepare_text(p, &r->room, "%s", field[2]) : V2S_OK;
}

static v2s_status read_splits(v2s_prepare *p, v2s_text_lines *lines, v2s_pairs_folder *folder) {
    bool header = false;
    char *text;
    for (v2s_status status; (status = v2s_csv_next(lines, &text)) != V2S_END;) {
        V2S_TRY(status);
        if (header)
            V2S_TRY(deal_line(p, lines, text, folder));
        else if (strcmp(text, "name,split") != 0 && strcmp(text, "name,split,room") != 0)
            return v2s_text_lines_bad(
                lines, "expected the header name,split or name,split,room, found '%.40s'", text);
        header = true;
    }
    return header ? V2S_OK : V2S_FAIL(V2S_FORMAT, "%s: empty", lines->path);
}

static v2s_status find_splits(v2s_prepare *p, v2s_pairs_folder *folder) {
    char text[LINE_MAX_BYTES];
    v2s_text_lines lines = {.kind = "splits", .text = text, .size = sizeof text};
    V2S_TRY(v2s_prepare_path(p, &lines.path, "splits.csv"));
    lines.file = fopen(lines.path, "rbe");
    if (lines.file == NULL)
        return errno == ENOENT
                   ? V2S_OK
                   : V2S_FAIL(V2S_IO, "%s: cannot open: %s", lines.path, strerror(errno));
    folder->has_splits = true;
    v2s_status status = read_splits(p, &lines, folder);
    fclose(lines.file);
    for (size_t i = 0; i < folder->count && status == V2S_OK; i++) {
        v2s_pairs_recording *r = &folder->recordings[i];
        if (r->dealt || r->count == 0)
            continue;
        r->bad = true;
        status = v2s_prepare_skip(p, folder->sounds[r->first],
                                  "no split: splits.csv does not name %s", r->key);
    }
    return status;
}

v2s_status v2s_pairs_folder_read(v2s_prepare *p, v2s_pairs_folder *folder) {
    finder f = {.p = p};
    v2s_pairs_folder made = {0};
    v2s_status status = search(&f, "", 0);
    if (status == V2S_OK)
        status = gather(p, &f, &made);
    free(f.items);
    if (status == V2S_OK)
        status = find_splits(p, &made);
    if (status != V2S_OK) {
        v2s_pairs_folder_free(&made);
        return status;
    }
    *folder = made;
    return V2S_OK;
}

v2s_status v2s_pairs_deal(v2s_pairs_folder *folder, const bool *used, uint64_t seed) {
    size_t *order = calloc(folder->count + 1, sizeof *order), n = 0;
    if (order == NULL)
        return no_memory();
    for (size_t i = 0; i < folder->count; i++)
        if (used[i] && !folder->recordings[i].dealt)
            order[n++] = i;
    v2s_rng rng = v2s_rng_open(seed, 0);
    v2s_rng_shuffle(&rng, order, n);
    size_t share = (size_t)llround(0.15 * (double)n);
    share = share == 0 && n >= 3 ? 1 : share;
    size_t test = n == 2 ? 1 : share, val = n == 2 ? 0 : share;
    for (size_t k = 0; k < n; k++)
        folder->recordings[order[k]].split = k < test         ? V2S_SPLIT_TEST
                                             : k < test + val ? V2S_SPLIT_VAL
                                                              : V2S_SPLIT_TRAIN;
    free(order);
    return V2S_OK;
}
