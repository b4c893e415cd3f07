// SPDX-License-Identifier: MIT
#include "infer/depth_source.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infer/file_name.h"

enum { NAMED_MAX = 10 };

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// ---- which kind -------------------------------------------------------------------------------

static bool has_split_file(const char *folder) {
    for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof path, "%s/%s.csv", folder, v2s_split_name((v2s_split)s));
        if (n < PATH_MAX && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

// In the folder itself (BatVision V1) or in one of its folders (V2).
static v2s_status is_data_set(const char *folder, bool *yes) {
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", folder, strerror(errno));
    *yes = has_split_file(folder);
    const struct dirent *entry;
    while (!*yes && (entry = readdir(dir)) != NULL) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && n < PATH_MAX && is_folder(path))
            *yes = has_split_file(path);
    }
    closedir(dir);
    return V2S_OK;
}

v2s_status v2s_depth_source_kind_of(const char *path, v2s_depth_source_kind *kind) {
    struct stat info;
    bool set = false;
    if (stat(path, &info) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        *kind = v2s_ends_with(path, ".jsonl") ? V2S_DEPTH_SET : V2S_DEPTH_SOUND;
        return V2S_OK;
    }
    V2S_TRY(is_data_set(path, &set));
    *kind = set ? V2S_DEPTH_SET : V2S_DEPTH_FOLDER;
    return V2S_OK;
}

// ---- sounds -----------------------------------------------------------------------------------

// "cow" of "sounds/cow.wav", malloc'ed.
static char *stem_of(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name ? strndup(name, (size_t)(dot - name)) : strdup(name);
}

// The truth of sound `id`: --truth itself, or the file of that name in it; NULL without one.
static v2s_status find_truth(const v2s_settings *s, const char *id, char **truth) {
    static const char *const suffixes[] = {"npy", "png"};
    char *path = NULL;
    if (s->truth == NULL)
        return V2S_OK;
    if (!is_folder(s->truth)) {
        *truth = strdup(s->truth);
        return *truth != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (int i = 0; i < 2; i++) {
        if (asprintf(&path, "%s/%s.%s", s->truth, id, suffixes[i]) < 0)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        if (access(path, F_OK) == 0) {
            *truth = path;
            return V2S_OK;
        }
        free(path);
    }
    return V2S_OK;
}

// A sound of `folder` (NULL: `name` is the path).
static v2s_status fill_sound(const v2s_settings *s, const char *folder, const char *name,
                             v2s_depth_sample *sample) {
    if (folder == NULL)
        sample->audio[0] = strdup(name);
    else if (asprintf(&sample->audio[0], "%s/%s", folder, name) < 0)
        sample->audio[0] = NULL;
    sample->id = stem_of(name);
    sample->location = strdup("");
    if (sample->audio[0] == NULL || sample->id == NULL || sample->location == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return find_truth(s, sample->id, &sample->depth);
}

static int is_wav(const struct dirent *entry) {
    return entry->d_name[0] != '.' && v2s_ends_with(entry->d_name, ".wav");
}

static v2s_status check_names(const v2s_depth_source *src) {
    for (size_t i = 1; i < src->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(src->own[i].id, src->own[k].id) == 0)
                return V2S_FAIL(V2S_FORMAT, "%s and %s would have outputs of one name",
                                src->own[k].audio[0], src->own[i].audio[0]);
    return V2S_OK;
}

static v2s_status warn_missing(const v2s_settings *s, v2s_depth_source *src, v2s_run_log *log) {
    for (size_t i = 0; s->truth != NULL && i < src->count; i++) {
        const v2s_depth_sample *sample = &src->own[i];
        if (sample->depth != NULL)
            continue;
        if (s->strict || src->kind == V2S_DEPTH_SOUND)
            return V2S_FAIL(V2S_IO, "%s: no truth %s.npy or %s.png in %s", sample->audio[0],
                            sample->id, sample->id, s->truth);
        if (src->missing_truths++ < NAMED_MAX)
            v2s_run_log_warn(log, "%s: no truth %s.npy or %s.png in %s", sample->audio[0],
                             sample->id, sample->id, s->truth);
    }
    if (src->missing_truths > NAMED_MAX)
        v2s_run_log_warn(log, "%s: no truth for %zu more sounds", s->truth,
                         src->missing_truths - NAMED_MAX);
    return V2S_OK;
}

static v2s_status take_sounds(const v2s_settings *s, int count, struct dirent **names,
                              v2s_depth_source *src) {
    src->own = calloc((size_t)count + 1, sizeof *src->own);
    if (src->own == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int i = 0; i < count; i++) {
        src->count++;
        V2S_TRY(fill_sound(s, names != NULL ? src->path : NULL,
                           names != NULL ? names[i]->d_name : src->path, &src->own[i]));
    }
    return check_names(src);
}

static v2s_status list_folder(const v2s_settings *s, v2s_depth_source *src) {
    struct dirent **names = NULL;
    int count = scandir(src->path, &names, is_wav, alphasort);
    if (count < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", src->path, strerror(errno));
    v2s_status status =
        count == 0
            ? V2S_FAIL(V2S_FORMAT, "%s: the folder holds no .wav file and no csv of a data set",
                       src->path)
            : take_sounds(s, count, names, src);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return status;
}

// ---- data sets --------------------------------------------------------------------------------

static v2s_status open_set(const v2s_settings *s, v2s_run_log *log, v2s_depth_source *src) {
    V2S_TRY(v2s_depth_set_open(src->path, v2s_settings_rules(s), &src->set));
    for (size_t i = 0; i < src->set.skipped && i < NAMED_MAX; i++)
        v2s_run_log_warn(log, "%s", src->set.skip_reasons[i]);
    if (src->set.skipped > NAMED_MAX)
        v2s_run_log_warn(log, "%s: %zu more lines that cannot be used", src->path,
                         src->set.skipped - NAMED_MAX);
    if (src->set.flagged > 0)
        v2s_run_log_warn(log, "%s: %zu clips are flagged as doubtful: %s", src->path,
                         src->set.flagged, s->keep_flagged ? "kept" : "left out");
    src->samples = calloc(src->set.count + 1, sizeof(v2s_depth_sample *));
    if (src->samples == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < src->set.count; i++)
        if (s->split == V2S_SPLIT_COUNT || (int)src->set.samples[i].split == s->split)
            src->samples[src->count++] = &src->set.samples[i];
    if (src->count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: none of its %zu samples is in split %s", src->path,
                        src->set.count, v2s_split_name((v2s_split)s->split));
    return V2S_OK;
}

// -----------------------------------------------------------------------------------------------

static v2s_status open_parts(const v2s_settings *s, v2s_run_log *log, v2s_depth_source *src) {
    V2S_TRY(v2s_depth_source_kind_of(src->path, &src->kind));
    if (src->kind == V2S_DEPTH_SET)
        return open_set(s, log, src);
    V2S_TRY(src->kind == V2S_DEPTH_FOLDER ? list_folder(s, src) : take_sounds(s, 1, NULL, src));
    V2S_TRY(warn_missing(s, src, log));
    src->samples = calloc(src->count + 1, sizeof(v2s_depth_sample *));
    if (src->samples == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < src->count; i++)
        src->samples[i] = &src->own[i];
    return V2S_OK;
}

v2s_status v2s_depth_source_open(const v2s_settings *s, v2s_run_log *log,
                                 v2s_depth_source *source) {
    *source = (v2s_depth_source){.path = s->inputs.items[0]};
    return open_parts(s, log, source);
}

void v2s_depth_source_close(v2s_depth_source *src) {
    for (size_t i = 0; src->own != NULL && i < src->count; i++) {
        free(src->own[i].id);
        free(src->own[i].audio[0]);
        free(src->own[i].depth);
        free(src->own[i].location);
    }
    free(src->own);
    free(src->samples);
    v2s_depth_set_free(&src->set);
    *src = (v2s_depth_source){0};
}
