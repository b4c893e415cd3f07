// SPDX-License-Identifier: MIT
#include "infer/pair_folder.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "infer/file_name.h"

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int by_name(const void *a, const void *b) {
    return strcmp(name_of(*(char *const *)a), name_of(*(char *const *)b));
}

static v2s_status keep(v2s_pair_folder *folder, const char *path) {
    char **grown = realloc(folder->files, (folder->count + 1) * sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", folder->path);
    folder->files = grown;
    folder->files[folder->count] = strdup(path);
    if (folder->files[folder->count] == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", folder->path);
    folder->count++;
    return V2S_OK;
}

static v2s_status walk(v2s_pair_folder *folder, FTS *tree) {
    for (FTSENT *e; (errno = 0, e = fts_read(tree)) != NULL;) {
        if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
            return V2S_FAIL(V2S_IO, "%s: cannot read: %s", e->fts_path, strerror(e->fts_errno));
        if (e->fts_info == FTS_F && v2s_ends_with(e->fts_name, folder->suffix))
            V2S_TRY(keep(folder, e->fts_path));
    }
    if (errno != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot read: %s", folder->path, strerror(errno));
    return V2S_OK;
}

static v2s_status read_folder(const char *path, const char *suffix, v2s_pair_folder *folder) {
    char *root = strdup(path);
    if (root == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    char *const roots[] = {root, NULL};
    *folder = (v2s_pair_folder){.path = path, .suffix = suffix};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
    v2s_status status = tree != NULL
                            ? walk(folder, tree)
                            : V2S_FAIL(V2S_IO, "%s: cannot read: %s", path, strerror(errno));
    if (tree != NULL)
        fts_close(tree);
    free(root);
    V2S_TRY(status);
    if (folder->count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no %s in this folder", path, suffix);
    qsort(folder->files, folder->count, sizeof *folder->files, by_name);
    for (size_t i = 1; i < folder->count; i++)
        if (by_name(&folder->files[i - 1], &folder->files[i]) == 0)
            return V2S_FAIL(V2S_FORMAT, "%s and %s have the same name", folder->files[i - 1],
                            folder->files[i]);
    return V2S_OK;
}

static v2s_status match(v2s_pair_folders *f, const char *lost, v2s_run_log *log) {
    const v2s_pair_folder *p = &f->prediction, *t = &f->truth;
    size_t found = 0, k = 0;
    f->pairs = calloc(t->count, sizeof *f->pairs);
    if (f->pairs == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu files", t->count);
    for (size_t i = 0; i < t->count; i++) {
        while (k < p->count && by_name(&p->files[k], &t->files[i]) < 0)
            k++;
        bool same = k < p->count && by_name(&p->files[k], &t->files[i]) == 0;
        f->pairs[i] = (v2s_file_pair){same ? p->files[k] : NULL, t->files[i]};
        found += same;
    }
    if (found == 0)
        return V2S_FAIL(V2S_FORMAT, "%s and %s have no %s of the same name", p->path, t->path,
                        p->suffix);
    if (found < t->count)
        v2s_run_log_warn(log, "%s has none of %zu of the %zu recordings: %s", p->path,
                         t->count - found, t->count, lost);
    if (found < p->count)
        v2s_run_log_warn(log, "%s: %zu files without a truth: left out", p->path, p->count - found);
    f->count = t->count;
    return V2S_OK;
}

v2s_status v2s_pair_folders_open(const char *prediction, const char *truth, const char *suffix,
                                 const char *lost, v2s_run_log *log, v2s_pair_folders *folders) {
    *folders = (v2s_pair_folders){0};
    V2S_TRY(read_folder(prediction, suffix, &folders->prediction));
    V2S_TRY(read_folder(truth, suffix, &folders->truth));
    return match(folders, lost, log);
}

bool v2s_pair_is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static void free_folder(v2s_pair_folder *folder) {
    for (size_t i = 0; i < folder->count; i++)
        free(folder->files[i]);
    free(folder->files);
}

void v2s_pair_folders_close(v2s_pair_folders *folders) {
    free(folders->pairs);
    free_folder(&folders->prediction);
    free_folder(&folders->truth);
    *folders = (v2s_pair_folders){0};
}
