// SPDX-License-Identifier: MIT
#include "train/sounds.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "kernels/base/array.h"

enum { MAX_DEPTH = 16 };

static const char *const SUFFIXES[] = {".wav", ".flac", ".ogg",  ".oga", ".opus", ".mp3", ".w64",
                                       ".caf", ".aif",  ".aiff", ".au",  ".m4a",  ".g722"};

typedef struct scan {
    v2s_sounds *sounds;
    size_t capacity;
    const char *root;
    size_t first; // file of this root
} scan;

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

static bool is_sound(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++)
        if (strcasecmp(dot, SUFFIXES[i]) == 0)
            return true;
    return false;
}

// ---- searching --------------------------------------------------------------------------------

static v2s_status add_file(scan *s, const char *path, const char *name, int64_t bytes) {
    v2s_sounds *sounds = s->sounds;
    v2s_sound_file *grown =
        v2s_array_grow(sounds->files, sounds->count, &s->capacity, sizeof *grown);
    if (grown == NULL)
        return no_memory();
    sounds->files = grown;
    v2s_sound_file *file = &sounds->files[sounds->count++];
    *file = (v2s_sound_file){.path = strdup(path), .name = strdup(name), .bytes = bytes};
    return file->path != NULL && file->name != NULL ? V2S_OK : no_memory();
}

static v2s_status search(scan *s, const char *folder, int depth) {
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot read the folder: %s", folder, strerror(errno));
    v2s_status status = V2S_OK;
    const struct dirent *entry;
    while (status == V2S_OK && (entry = readdir(dir)) != NULL) {
        char *path = NULL;
        struct stat info;
        if (entry->d_name[0] == '.')
            continue;
        if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
            status = no_memory();
            break;
        }
        if (stat(path, &info) == 0) {
            if (S_ISDIR(info.st_mode) && depth < MAX_DEPTH)
                status = search(s, path, depth + 1);
            else if (S_ISREG(info.st_mode) && is_sound(path))
                status = add_file(s, path, path + strlen(s->root) + 1, (int64_t)info.st_size);
        }
        free(path);
    }
    closedir(dir);
    return status;
}

// Length of the first folder of a name: its kind within a root.
static size_t kind_length(const char *name) {
    const char *slash = strchr(name, '/');
    return slash != NULL ? (size_t)(slash - name) : 0;
}

static int compare_files(const void *a, const void *b) {
    const v2s_sound_file *x = a, *y = b;
    size_t nx = kind_length(x->name), ny = kind_length(y->name);
    int order = strncmp(x->name, y->name, nx < ny ? nx : ny);
    if (order == 0 && nx != ny)
        order = nx < ny ? -1 : 1;
    return order != 0 ? order : strcmp(x->name, y->name);
}

static void number_kinds(const scan *s) {
    v2s_sounds *sounds = s->sounds;
    for (size_t i = s->first; i < sounds->count; i++) {
        const char *name = sounds->files[i].name;
        const char *last = i > s->first ? sounds->files[i - 1].name : NULL;
        size_t n = kind_length(name);
        if (last == NULL || kind_length(last) != n || strncmp(last, name, n) != 0)
            sounds->kind_count++;
        sounds->files[i].kind = sounds->kind_count - 1;
    }
}

// ---- licences ---------------------------------------------------------------------------------

static int compare_name(const void *key, const void *item) {
    return strcmp(((const v2s_sound_file *)key)->name, ((const v2s_sound_file *)item)->name);
}

static int compare_by_name(const void *a, const void *b) {
    return compare_name(a, b);
}

static v2s_status read_licences(const scan *s) {
    v2s_sound_file *files = s->sounds->files + s->first;
    size_t count = s->sounds->count - s->first;
    char *path = NULL, *line = NULL;
    size_t capacity = 0;
    if (asprintf(&path, "%s/licences.tsv", s->root) < 0)
        return no_memory();
    FILE *table = fopen(path, "r");
    free(path);
    if (table == NULL)
        return V2S_OK; // the table is optional
    qsort(files, count, sizeof *files, compare_by_name);
    v2s_status status = V2S_OK;
    while (status == V2S_OK && getline(&line, &capacity, table) > 0) {
        char *rest = line;
        const v2s_sound_file key = {.name = strsep(&rest, "\t\n")};
        const char *licence = rest != NULL ? strsep(&rest, "\t\n") : NULL;
        v2s_sound_file *file = bsearch(&key, files, count, sizeof *files, compare_name);
        if (file == NULL || licence == NULL || licence[0] == '\0' || file->licence != NULL)
            continue;
        file->licence = strdup(licence);
        status = file->licence != NULL ? V2S_OK : no_memory();
    }
    free(line);
    fclose(table);
    return status;
}

// ---- duplicates -------------------------------------------------------------------------------

static bool same_bytes(const char *a, const char *b) {
    char x[4096], y[4096];
    FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
    bool same = f != NULL && g != NULL;
    while (same) {
        size_t n = fread(x, 1, sizeof x, f), m = fread(y, 1, sizeof y, g);
        same = n == m && memcmp(x, y, n) == 0;
        if (n < sizeof x)
            break;
    }
    if (f != NULL)
        fclose(f);
    if (g != NULL)
        fclose(g);
    return same;
}

static void free_file(v2s_sound_file *file) {
    free(file->path);
    free(file->name);
    free(file->licence);
}

typedef struct sized {
    int64_t bytes;
    size_t index;
} sized;

static int compare_sizes(const void *a, const void *b) {
    const sized *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

// The same recording under two names could otherwise be trained on and tested with.
static v2s_status drop_duplicates(v2s_sounds *sounds) {
    sized *order = malloc(sounds->count * sizeof *order);
    bool *drop = calloc(sounds->count, sizeof *drop);
    if (order == NULL || drop == NULL) {
        free(order);
        free(drop);
        return no_memory();
    }
    for (size_t i = 0; i < sounds->count; i++)
        order[i] = (sized){sounds->files[i].bytes, i};
    qsort(order, sounds->count, sizeof *order, compare_sizes);
    for (size_t i = 1; i < sounds->count; i++)
        for (size_t j = i; j > 0 && order[j - 1].bytes == order[i].bytes; j--) {
            size_t a = order[i].index, b = order[j - 1].index;
            if (!drop[b] && same_bytes(sounds->files[a].path, sounds->files[b].path)) {
                drop[a] = true;
                break;
            }
        }
    size_t kept = 0;
    for (size_t i = 0; i < sounds->count; i++) {
        if (drop[i])
            free_file(&sounds->files[i]);
        else
            sounds->files[kept++] = sounds->files[i];
    }
    sounds->duplicates = sounds->count - kept;
    sounds->count = kept;
    free(order);
    free(drop);
    return V2S_OK;
}

// ---- names ------------------------------------------------------------------------------------

static int compare_names(const void *a, const void *b) {
    const v2s_sound_file *x = *(v2s_sound_file *const *)a, *y = *(v2s_sound_file *const *)b;
    return strcmp(x->name, y->name);
}

// Several folders may hold files of one name: such files are called by their paths.
static v2s_status tell_names_apart(v2s_sounds *sounds) {
    v2s_sound_file **order = malloc(sounds->count * sizeof(v2s_sound_file *));
    if (order == NULL)
        return no_memory();
    for (size_t i = 0; i < sounds->count; i++)
        order[i] = &sounds->files[i];
    qsort(order, sounds->count, sizeof(v2s_sound_file *), compare_names);
    v2s_status status = V2S_OK;
    for (size_t i = 0, end; i < sounds->count && status == V2S_OK; i = end) {
        for (end = i + 1; end < sounds->count && compare_names(&order[i], &order[end]) == 0;)
            end++;
        // The first one's name is what the others were compared with: it goes last.
        for (size_t k = end; end - i > 1 && k-- > i && status == V2S_OK;) {
            char *path = strdup(order[k]->path);
            status = path != NULL ? V2S_OK : no_memory();
            if (path != NULL) {
                free(order[k]->name);
                order[k]->name = path;
            }
        }
    }
    free(order);
    return status;
}

// ---- the list ---------------------------------------------------------------------------------

static v2s_status scan_root(scan *s, const char *root) {
    struct stat info;
    s->root = root;
    s->first = s->sounds->count;
    if (stat(root, &info) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot read: %s", root, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        const char *slash = strrchr(root, '/');
        V2S_TRY(add_file(s, root, slash != NULL ? slash + 1 : root, (int64_t)info.st_size));
    } else {
        V2S_TRY(search(s, root, 0));
        V2S_TRY(read_licences(s));
    }
    if (s->sounds->count == s->first)
        return V2S_FAIL(V2S_FORMAT, "%s: no sound file (.wav .flac .ogg .mp3 ...) in this folder",
                        root);
    qsort(s->sounds->files + s->first, s->sounds->count - s->first, sizeof *s->sounds->files,
          compare_files);
    number_kinds(s);
    return V2S_OK;
}

v2s_status v2s_sounds_scan(const v2s_text_list *folders, const char *licence, v2s_sounds *sounds) {
    v2s_sounds made = {0};
    scan s = {.sounds = &made};
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < folders->count && status == V2S_OK; i++) {
        // A slash at the end would count twice in the names.
        char *root = strdup(folders->items[i]);
        size_t n = root != NULL ? strlen(root) : 0;
        while (n > 1 && root[n - 1] == '/')
            root[--n] = '\0';
        status = root != NULL ? scan_root(&s, root) : no_memory();
        free(root);
    }
    for (size_t i = 0; licence != NULL && status == V2S_OK && i < made.count; i++) {
        free(made.files[i].licence);
        made.files[i].licence = strdup(licence);
        status = made.files[i].licence != NULL ? V2S_OK : no_memory();
    }
    if (status == V2S_OK)
        status = drop_duplicates(&made);
    if (status == V2S_OK)
        status = tell_names_apart(&made);
    if (status == V2S_OK)
        *sounds = made;
    else
        v2s_sounds_free(&made);
    return status;
}

void v2s_sounds_free(v2s_sounds *sounds) {
    for (size_t i = 0; i < sounds->count; i++)
        free_file(&sounds->files[i]);
    free(sounds->files);
    *sounds = (v2s_sounds){0};
}

// ---- split ------------------------------------------------------------------------------------

static size_t share(size_t n, double of_all) {
    size_t rounded = (size_t)(of_all * (double)n + 0.5);
    return rounded > 0 ? rounded : 1;
}

void v2s_splits_fill(size_t n, v2s_split *splits) {
    size_t test = n >= 2 ? share(n, 0.12) : 0, val = n >= 3 ? share(n, 0.08) : 0;
    size_t others = n - test, test_due = n / 2, val_due = others / 2;
    for (size_t i = 0; i < n; i++) {
        splits[i] = V2S_SPLIT_TRAIN;
        test_due += test;
        if (test_due >= n) {
            test_due -= n;
            splits[i] = V2S_SPLIT_TEST;
            continue;
        }
        val_due += val;
        if (val_due >= others) {
            val_due -= others;
            splits[i] = V2S_SPLIT_VAL;
        }
    }
}

v2s_status v2s_sounds_split(v2s_sounds *sounds) {
    size_t n = sounds->count;
    size_t *order = malloc(n * sizeof *order);
    v2s_split *splits = malloc(n * sizeof *splits);
    if (order == NULL || splits == NULL) {
        free(order);
        free(splits);
        return no_memory();
    }
    v2s_rng rng = v2s_rng_open(0, 0);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && sounds->files[end].kind == sounds->files[first].kind;)
            end++;
        v2s_rng_shuffle(&rng, order + first, end - first);
    }
    v2s_splits_fill(n, splits);
    for (size_t i = 0; i < n; i++)
        sounds->files[order[i]].split = splits[i];
    free(order);
    free(splits);
    return V2S_OK;
}
