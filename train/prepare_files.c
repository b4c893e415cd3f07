// SPDX-License-Identifier: MIT
// Texts, listings and paths of v2s-train prepare.
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/trajectory_csv.h"
#include "kernels/base/array.h"
#include "train/folder.h"
#include "train/prepare_internal.h"

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

// ---- texts ------------------------------------------------------------------------------------

// Keeps `text`, which was malloc'ed, to the end of the run; frees it where that fails.
static v2s_status keep(v2s_prepare *p, char *text, const char **out) {
    v2s_prepare_state *s = p->state;
    char **grown =
        text == NULL ? NULL : v2s_array_grow(s->texts, s->text_count, &s->text_room, sizeof *grown);
    if (grown == NULL) {
        free(text);
        return no_memory();
    }
    s->texts = grown;
    s->texts[s->text_count++] = text;
    *out = text;
    return V2S_OK;
}

static char *print(const char *fmt, va_list args) {
    char *text = NULL;
    return vasprintf(&text, fmt, args) < 0 ? NULL : text;
}

v2s_status v2s_prepare_text(v2s_prepare *p, const char **text, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *made = print(fmt, args);
    va_end(args);
    return keep(p, made, text);
}

v2s_status v2s_prepare_path(v2s_prepare *p, const char **path, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *below = print(fmt, args), *made = NULL;
    va_end(args);
    if (below == NULL || asprintf(&made, "%s/%s", p->root, below) < 0)
        made = NULL;
    free(below);
    return keep(p, made, path);
}

// ---- listings ---------------------------------------------------------------------------------

void v2s_names_free(v2s_names *names) {
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (v2s_names){0};
}

bool v2s_names_have(const v2s_names *names, const char *name) {
    return names->count > 0 && bsearch(&name, names->items, names->count, sizeof *names->items,
                                       v2s_compare_texts) != NULL;
}

static bool ends_with(const char *name, const char *suffix) {
    size_t n = strlen(name), m = suffix == NULL ? 0 : strlen(suffix);
    return n > m && (m == 0 || strcmp(name + n - m, suffix) == 0);
}

static v2s_status read_names(DIR *list, const char *path, const char *suffix, v2s_names *names) {
    size_t room = 0;
    const struct dirent *entry;
    for (errno = 0; (entry = readdir(list)) != NULL; errno = 0) {
        if (entry->d_name[0] == '.' || !ends_with(entry->d_name, suffix))
            continue;
        char **grown = v2s_array_grow(names->items, names->count, &room, sizeof *grown);
        if (grown == NULL)
            return no_memory();
        names->items = grown;
        if ((names->items[names->count] = strdup(entry->d_name)) == NULL)
            return no_memory();
        names->count++;
    }
    return errno == 0 ? V2S_OK : V2S_FAIL(V2S_IO, "%s: cannot list: %s", path, strerror(errno));
}

v2s_status v2s_prepare_list(v2s_prepare *p, const char *below, const char *suffix,
                            v2s_names *names) {
    const char *path;
    v2s_names made = {0};
    V2S_TRY(below[0] != '\0' ? v2s_prepare_path(p, &path, "%s", below)
                             : v2s_prepare_text(p, &path, "%s", p->root));
    DIR *list = opendir(path);
    if (list == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot list the folder: %s", path, strerror(errno));
    v2s_status status = read_names(list, path, suffix, &made);
    closedir(list);
    if (status != V2S_OK) {
        v2s_names_free(&made);
        return status;
    }
    if (made.count > 1)
        qsort(made.items, made.count, sizeof *made.items, v2s_compare_texts);
    *names = made;
    return V2S_OK;
}

bool v2s_is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool v2s_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

v2s_status v2s_prepare_usable(v2s_prepare *p, const char *path, bool *usable) {
    struct stat info;
    *usable = false;
    if (stat(path, &info) != 0)
        return v2s_prepare_skip(p, path, "not there: %s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return v2s_prepare_skip(p, path, "not a file: %s",
                                S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
    if (info.st_size == 0)
        return v2s_prepare_skip(p, path, "empty: the file has 0 bytes");
    if (v2s_lfs_pointer(path))
        return v2s_prepare_skip(p, path, "%s", V2S_LFS_REASON);
    *usable = true;
    return V2S_OK;
}

// ---- paths of the run -------------------------------------------------------------------------

// The folder part of a path: "." where it has none. malloc; NULL without memory.
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static v2s_status real_path(const char *path, char **out) {
    *out = realpath(path, NULL);
    if (*out != NULL)
        return V2S_OK;
    return errno == ENOMEM ? no_memory()
                           : V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
}

static v2s_status check_writable(const char *path) {
    v2s_file_out *probe = NULL;
    V2S_TRY(v2s_file_out_open(path, &probe));
    v2s_file_out_close(&probe);
    return V2S_OK;
}

// A file that is in the data set already is one of its own, unless its name is that of an output.
static v2s_status check_not_of_set(const char *root, const char *option, const char *path,
                                   const char *suffix) {
    size_t n = strlen(path), end = strlen(suffix), top = strlen(root);
    char *real = NULL;
    if (!v2s_is_file(path) || (n > end && strcmp(path + n - end, suffix) == 0))
        return V2S_OK;
    V2S_TRY(real_path(path, &real));
    bool inside = strncmp(real, root, top) == 0 && (real[top] == '/' || strcmp(root, "/") == 0);
    free(real);
    return inside
               ? V2S_FAIL(V2S_USAGE, "%s %s would overwrite a file of the data set", option, path)
               : V2S_OK;
}

v2s_status v2s_prepare_open_paths(v2s_prepare *p) {
    v2s_prepare_state *s = p->state;
    const char *slash = strrchr(s->manifest, '/');
    size_t stem = strlen(s->manifest);
    if (!v2s_is_folder(p->root))
        return v2s_is_file(p->root)
                   ? V2S_FAIL(V2S_IO, "%s: a file, expected the data set's folder", p->root)
                   : V2S_FAIL(V2S_IO, "%s: no such folder", p->root);
    V2S_TRY(real_path(p->root, &s->real_root));
    char *folder = folder_of(s->manifest);
    v2s_status status = folder == NULL ? no_memory() : real_path(folder, &s->folder);
    free(folder);
    if (status == V2S_IO)
        return V2S_FAIL(V2S_IO, "%s: its folder is not there", s->manifest);
    V2S_TRY(status);
    if (stem > 6 && strcmp(s->manifest + stem - 6, ".jsonl") == 0)
        stem -= 6;
    if (asprintf(&s->files, "%.*s.files", (int)stem, s->manifest) < 0) {
        s->files = NULL;
        return no_memory();
    }
    s->files_name = slash == NULL ? s->files : s->files + (slash - s->manifest) + 1;
    const char *json = p->settings->common.json;
    json = json == NULL || strcmp(json, "-") == 0 ? NULL : json;
    V2S_TRY(check_not_of_set(s->real_root, "-o", s->manifest, ".jsonl"));
    V2S_TRY(check_writable(s->manifest));
    if (json == NULL)
        return V2S_OK;
    V2S_TRY(check_not_of_set(s->real_root, "--json", json, ".json"));
    return check_writable(json);
}

// to, an absolute path, seen from the folder `from`: ../ for every part of `from` that it leaves.
static v2s_status relate(v2s_prepare *p, const char *from, const char *to, const char **out) {
    size_t common = 0, n = strlen(from);
    if (strcmp(from, "/") == 0)
        return v2s_prepare_text(p, out, "%s", to + 1);
    for (size_t i = 0; i <= n && (from[i] == to[i] || (from[i] == '\0' && to[i] == '/')); i++) {
        if (from[i] == '/' || from[i] == '\0')
            common = i;
        if (from[i] == '\0')
            return v2s_prepare_text(p, out, "%s", to + n + 1);
    }
    char ups[PATH_MAX] = "";
    size_t used = 0;
    for (size_t i = common; i < n && used + 4 < sizeof ups; i++)
        if (from[i] == '/') {
            memcpy(ups + used, "../", 4);
            used += 3;
        }
    return v2s_prepare_text(p, out, "%s%s", ups, to + common + 1);
}

// Whether path is folder/...; *below is what follows.
static bool starts_with_folder(const char *path, const char *folder, const char **below) {
    size_t n = strlen(folder);
    if (strncmp(path, folder, n) != 0 || (path[n] != '/' && strcmp(folder, "/") != 0))
        return false;
    for (*below = path + n; **below == '/';)
        (*below)++;
    return true;
}

// Links below ROOT are kept as they stand, those above it are resolved: a data set of which one
// folder lies on another disk is still inside.
v2s_status v2s_prepare_relative(v2s_prepare *p, const char *path, const char **out) {
    v2s_prepare_state *s = p->state;
    const char *below, *full = NULL, *name = strrchr(path, '/');
    if (s->work != NULL && starts_with_folder(path, s->work, &below))
        return v2s_prepare_text(p, out, "%s/%s", s->files_name, below);
    if (starts_with_folder(path, p->root, &below)) {
        V2S_TRY(v2s_prepare_text(p, &full, "%s/%s",
                                 strcmp(s->real_root, "/") == 0 ? "" : s->real_root, below));
    } else {
        char *folder = folder_of(path), *real = NULL;
        v2s_status status = folder == NULL ? no_memory() : real_path(folder, &real);
        if (status == V2S_OK)
            status = v2s_prepare_text(p, &full, "%s/%s", strcmp(real, "/") == 0 ? "" : real,
                                      name == NULL ? path : name + 1);
        free(folder);
        free(real);
        V2S_TRY(status);
    }
    V2S_TRY(relate(p, s->folder, full, out));
    s->outside |= strncmp(*out, "../", 3) == 0;
    return V2S_OK;
}

// ---- files of the run -------------------------------------------------------------------------

// Files are made in a folder of this run alone: what an earlier manifest names stays as it is until
// everything is there.
static v2s_status make_work(v2s_prepare_state *s) {
    if (s->work != NULL)
        return V2S_OK;
    char *path = NULL;
    if (asprintf(&path, "%.*s.%s.XXXXXX", (int)(s->files_name - s->files), s->files,
                 s->files_name) < 0)
        return no_memory();
    if (mkdtemp(path) == NULL) {
        v2s_status status =
            V2S_FAIL(V2S_IO, "%s: cannot make the folder: %s", path, strerror(errno));
        free(path);
        return status;
    }
    s->work = path;
    return V2S_OK;
}

static v2s_status make_kind(v2s_prepare *p, const char *kind) {
    v2s_prepare_state *s = p->state;
    for (size_t i = 0; i < s->kind_count; i++)
        if (strcmp(s->kinds[i], kind) == 0)
            return V2S_OK;
    V2S_ASSERT(s->kind_count < sizeof s->kinds / sizeof *s->kinds);
    V2S_TRY(v2s_folder_make(s->work, kind));
    V2S_TRY(v2s_prepare_text(p, &s->kinds[s->kind_count], "%s", kind));
    s->kind_count++;
    return V2S_OK;
}

v2s_status v2s_prepare_file(v2s_prepare *p, const char *kind, const char *id, const char *suffix,
                            const char **path) {
    v2s_prepare_state *s = p->state;
    if (strchr(id, '/') != NULL || id[0] == '.' || id[0] == '\0')
        return V2S_FAIL(V2S_ARG, "%s: cannot name a file", id);
    V2S_TRY(make_work(s));
    V2S_TRY(make_kind(p, kind));
    const char *made;
    V2S_TRY(v2s_prepare_text(p, &made, "%s/%s/%s.%s", s->work, kind, id, suffix));
    const char **grown = v2s_array_grow(s->made, s->made_count, &s->made_room, sizeof *grown);
    if (grown == NULL)
        return no_memory();
    s->made = grown;
    s->made[s->made_count++] = made;
    *path = made;
    return V2S_OK;
}

v2s_status v2s_prepare_trajectory(v2s_prepare *p, const char *id, const v2s_trajectory *trajectory,
                                  const char **path) {
    v2s_file_out *f = NULL;
    v2s_trajectory copy = *trajectory;
    const v2s_trajectory_set set = {1, &copy};
    if (copy.name[0] == '\0')
        memcpy(copy.name, "1", 2);
    V2S_TRY(v2s_prepare_file(p, "traj", id, "csv", path));
    v2s_status status = v2s_file_out_open(*path, &f);
    if (status == V2S_OK) {
        v2s_file_out_defer_sync(f);
        status = v2s_trajectory_csv_write(f, &set);
    }
    if (status == V2S_OK)
        status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    return status;
}

v2s_status v2s_prepare_publish_files(v2s_prepare *p) {
    v2s_prepare_state *s = p->state;
    if (s->work == NULL)
        return V2S_OK;
    V2S_TRY(v2s_file_out_sync_folder(s->work)); // what is named is on the disk
    V2S_TRY(v2s_folder_make(s->files, ""));
    for (size_t i = 0; i < s->kind_count; i++)
        V2S_TRY(v2s_folder_make(s->files, s->kinds[i]));
    size_t n = strlen(s->work);
    for (size_t i = 0; i < s->made_count; i++) {
        const char *final;
        if (!v2s_is_file(s->made[i]))
            continue; // its clip was skipped before it was written
        V2S_TRY(v2s_prepare_text(p, &final, "%s%s", s->files, s->made[i] + n));
        if (rename(s->made[i], final) != 0)
            return V2S_FAIL(V2S_IO, "%s: cannot write: %s", final, strerror(errno));
    }
    return v2s_file_out_sync_folder(s->files);
}

void v2s_prepare_remove_files(v2s_prepare *p) {
    v2s_prepare_state *s = p->state;
    if (s->work == NULL)
        return;
    for (size_t i = 0; i < s->made_count; i++)
        unlink(s->made[i]);
    for (size_t i = 0; i < s->kind_count; i++)
        v2s_folder_remove(s->work, s->kinds[i], rmdir);
    rmdir(s->work);
}
