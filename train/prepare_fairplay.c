// SPDX-License-Identifier: MIT
// FAIR-Play: 1871 binaural recordings of 10 s, in ten published splits and five others.
//
//   ROOT/binaural_audios/NNNNNN.wav     two channels, left ear first
//   ROOT/splits/split{1..10}/{train,val,test}.h5      dataset `audio`: paths on the authors'
//       machine, of which the file name counts (--splits old)
//   ROOT/new_splits/split{1..5}/{train,val,test}.txt, or ROOT/five_splits/..  lines
//       "001325.mp3", of which the name without suffix counts (--splits new; of PseudoBinaural,
//       no scene in two parts)
//
// There are no directions: lines have `layout` and `pairing` binaural and no trajectory.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/h5_strings.h"
#include "data/text_lines.h"
#include "kernels/base/array.h"
#include "train/prepare.h"
#include "train/usual_rate.h"

enum { EARS = 2, MAX_NAMES = 1 << 20, LINE_MAX_BYTES = 4096, OLD_FOLDS = 10, NEW_FOLDS = 5 };

typedef struct entry {
    const char *name, *path; // "001325", ROOT/binaural_audios/001325.wav
    const char *list;        // file that names it
    v2s_split split;
    bool usable;
} entry;

typedef struct job {
    v2s_prepare *p;
    int64_t fold;
    const char *folder; // below ROOT, of the chosen split
    const char *suffix; // of its lists
    double rate_hz;     // that most recordings have
    size_t count, room;
    entry *entries;
    size_t named[V2S_SPLIT_COUNT]; // by the lists
} job;

// ---- lists ------------------------------------------------------------------------------------

// "/authors/binaural_audios/001325.wav" -> "001325"; false where nothing is left.
static bool name_of(const char *text, char name[256]) {
    const char *slash = strrchr(text, '/'), *start = slash == NULL ? text : slash + 1;
    const char *dot = strrchr(start, '.');
    size_t n = dot == NULL || dot == start ? strlen(start) : (size_t)(dot - start);
    while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\r' || start[n - 1] == '\t'))
        n--;
    if (n == 0 || n >= 256 || start[0] == '.')
        return false;
    memcpy(name, start, n);
    name[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return true;
}

// `where` (from 1) is the line or the item.
static v2s_status take(job *j, const char *list, size_t where, const char *text, v2s_split split) {
    char name[256];
    if (!name_of(text, name))
        return v2s_prepare_skip(j->p, list, "unusable line: number %zu names no recording", where);
    entry *grown = v2s_array_grow(j->entries, j->count, &j->room, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    j->entries = grown;
    entry e = {.list = list, .split = split};
    V2S_TRY(v2s_prepare_text(j->p, &e.name, "%s", name));
    V2S_TRY(v2s_prepare_path(j->p, &e.path, "binaural_audios/%s.wav", name));
    j->entries[j->count++] = e;
    j->named[split]++;
    return V2S_OK;
}

static v2s_status read_h5(job *j, const char *path, v2s_split split) {
    v2s_h5_strings list = {0};
    v2s_status status = v2s_h5_strings_read(path, "audio", MAX_NAMES, &list);
    if (status == V2S_UNSUPPORTED) {
        char why[V2S_ERROR_TEXT_MAX];
        v2s_error_save(why);
        return V2S_FAIL(V2S_UNSUPPORTED, "%s (--splits new are text and need no HDF5)", why);
    }
    V2S_TRY(status);
    for (size_t i = 0; i < list.count && status == V2S_OK; i++)
        status = take(j, path, i + 1, list.items[i], split);
    v2s_h5_strings_free(&list);
    return status;
}

static v2s_status read_line(job *j, v2s_text_lines *lines, v2s_split split) {
    char *line;
    v2s_status status = v2s_text_lines_next(lines, &line);
    if (status == V2S_FORMAT)
        return v2s_prepare_skip(j->p, lines->path, "unusable line: %s",
                                v2s_without_path(v2s_error_text(), lines->path));
    V2S_TRY(status);
    line += strspn(line, " \t\r");
    return *line == '\0' ? V2S_OK : take(j, lines->path, (size_t)lines->line, line, split);
}

static v2s_status read_text(job *j, const char *path, v2s_split split) {
    char text[LINE_MAX_BYTES];
    v2s_text_lines lines = {path, "a list of recordings", fopen(path, "rb"), text, sizeof text, 0};
    if (lines.file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    v2s_status status;
    do
        status = j->count < MAX_NAMES
                     ? read_line(j, &lines, split)
                     : V2S_FAIL(V2S_FORMAT, "%s: more than %d lines", path, MAX_NAMES);
    while (status == V2S_OK);
    fclose(lines.file);
    return status == V2S_END ? V2S_OK : status;
}

// A list that cannot be read is skipped like any file: the other parts are of use without it.
static v2s_status read_list(job *j, v2s_split split) {
    const char *path;
    bool usable;
    size_t before = j->count;
    V2S_TRY(v2s_prepare_path(j->p, &path, "%s/split%d/%s.%s", j->folder, (int)j->fold,
                             v2s_split_name(split), j->suffix));
    V2S_TRY(v2s_prepare_usable(j->p, path, &usable));
    if (!usable)
        return V2S_OK;
    v2s_status status =
        strcmp(j->suffix, "h5") == 0 ? read_h5(j, path, split) : read_text(j, path, split);
    if (status == V2S_FORMAT || status == V2S_IO)
        return v2s_prepare_skip_error(j->p, path, status);
    V2S_TRY(status);
    return j->count > before ? V2S_OK
                             : v2s_prepare_skip(j->p, path, "empty: it names no recording");
}

// ---- which split ------------------------------------------------------------------------------

static v2s_status choose(job *j) {
    const v2s_prepare_settings *s = j->p->settings;
    bool old = s->splits == V2S_PREPARE_SPLITS_OLD;
    int folds = old ? OLD_FOLDS : NEW_FOLDS;
    const char *path;
    j->fold = s->fold > 0 ? s->fold : 1;
    if (j->fold > folds)
        return V2S_FAIL(V2S_USAGE, "--fold: %d is above %d, the number of %s splits", (int)j->fold,
                        folds, old ? "old" : "new");
    j->suffix = old ? "h5" : "txt";
    const char *const names[] = {old ? "splits" : "new_splits", old ? NULL : "five_splits"};
    for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
        V2S_TRY(v2s_prepare_path(j->p, &path, "%s/split%d", names[i], (int)j->fold));
        j->folder = names[i];
        if (v2s_is_folder(path))
            return V2S_OK;
    }
    return V2S_FAIL(V2S_IO, "%s: no folder %s/split%d%s", j->p->root, names[0], (int)j->fold,
                    old ? "" : " or five_splits/split of that number");
}

// ---- recordings -------------------------------------------------------------------------------

static v2s_status survey(job *j) {
    const char **paths = malloc((j->count + 1) * sizeof *paths);
    size_t n = 0;
    if (paths == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < j->count && status == V2S_OK; i++) {
        status = v2s_prepare_usable(j->p, j->entries[i].path, &j->entries[i].usable);
        if (j->entries[i].usable)
            paths[n++] = j->entries[i].path;
    }
    if (status == V2S_OK)
        status = v2s_prepare_survey(j->p, n, paths, NULL);
    if (status == V2S_OK)
        status = v2s_prepare_usual_rate(j->p, n, paths, &j->rate_hz);
    free(paths);
    return status;
}

static v2s_status add(job *j, const entry *e) {
    bool usable;
    const char *source;
    V2S_TRY(v2s_prepare_check_sound(j->p, e->path, EARS, j->rate_hz, &usable));
    if (!usable)
        return V2S_OK;
    // Which recordings belong to one session is not published: each is a cluster.
    V2S_TRY(v2s_prepare_text(j->p, &source, "FAIR-Play %s", e->name));
    v2s_clip clip = {
        .id = (char *)e->name,
        .split = e->split,
        .pairing = V2S_PAIRING_BINAURAL,
        .truth = (char *)e->path,
        .layout = "binaural",
        .duration_s = v2s_prepare_sound(j->p, e->path)->duration_s,
        .source = (char *)source,
        .licence = "CC BY 4.0",
        .recorded = true,
        .drr_db = NAN,
    };
    return v2s_prepare_add(j->p, &clip);
}

static v2s_status read_all(job *j) {
    static const int64_t PUBLISHED[V2S_SPLIT_COUNT] = {1497, 187, 187}; // of old and new splits
    size_t found[V2S_SPLIT_COUNT];
    for (int s = 0; s < V2S_SPLIT_COUNT; s++)
        V2S_TRY(read_list(j, (v2s_split)s));
    V2S_TRY(survey(j));
    for (size_t i = 0; i < j->count; i++)
        if (j->entries[i].usable)
            V2S_TRY(add(j, &j->entries[i]));
    for (int s = 0; s < V2S_SPLIT_COUNT; s++)
        found[s] = v2s_prepare_clip_count(j->p, (v2s_split)s);
    v2s_run_log_row(j->p->log, "split", "%s/split%d: %zu train, %zu val, %zu test named", j->folder,
                    (int)j->fold, j->named[V2S_SPLIT_TRAIN], j->named[V2S_SPLIT_VAL],
                    j->named[V2S_SPLIT_TEST]);
    v2s_run_log_number(j->p->log, "fold", (double)j->fold);
    v2s_prepare_published(j->p, "recordings", found, PUBLISHED);
    return V2S_OK;
}

static v2s_status run(v2s_prepare *p) {
    job j = {.p = p};
    V2S_TRY(choose(&j));
    v2s_status status = read_all(&j);
    free(j.entries);
    return status;
}

const v2s_prepare_format v2s_prepare_fairplay = {"fairplay", V2S_PREPARE_SPLITS | V2S_PREPARE_FOLD,
                                                 run};
