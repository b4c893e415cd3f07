// SPDX-License-Identifier: MIT
#include "train/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernels/base/cancel.h"

enum { LOCK_TRIES = 50, DEFAULT_EPOCHS = 20 };

static v2s_status join_path(const char *folder, const char *name, char **path) {
    if (asprintf(path, "%s/%s", folder, name) >= 0)
        return V2S_OK;
    *path = NULL;
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

v2s_status v2s_run_folder_open(const char *path, v2s_run_folder *folder) {
    *folder = (v2s_run_folder){.path = path, .lock = -1};
    V2S_TRY(join_path(path, "config.json", &folder->config));
    V2S_TRY(join_path(path, "last.safetensors", &folder->last));
    V2S_TRY(join_path(path, "best.safetensors", &folder->best));
    return join_path(path, "log.csv", &folder->csv);
}

void v2s_run_folder_close(v2s_run_folder *folder) {
    v2s_run_config_free(&folder->was);
    if (folder->lock >= 0)
        close(folder->lock);
    free(folder->config);
    free(folder->last);
    free(folder->best);
    free(folder->csv);
    free(folder->command);
    *folder = (v2s_run_folder){.lock = -1};
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

// The folder and those it lies in.
static v2s_status make_folders(const char *path) {
    char *copy = strdup(path);
    if (copy == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (char *at = copy + 1; *at != '\0'; at++)
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(copy, 0777); // the last one below says what is wrong
            *at = '/';
        }
    int failed = mkdir(copy, 0777) != 0 ? errno : 0;
    free(copy);
    struct stat info;
    if (failed != 0 && failed != EEXIST)
        return V2S_FAIL(V2S_IO, "%s: cannot make the folder: %s", path, strerror(failed));
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return V2S_FAIL(V2S_IO, "%s: expected a folder", path);
    return V2S_OK;
}

// What a killed run left half written.
static void remove_leftovers(const char *folder) {
    char *pattern = NULL;
    glob_t found = {0};
    if (asprintf(&pattern, "%s/*.partial-*", folder) < 0)
        return;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    free(pattern);
}

// A killed run holds nothing once the system has taken its memory back, which takes a moment.
v2s_status v2s_run_folder_lock(v2s_run_folder *folder) {
    V2S_TRY(make_folders(folder->path));
    folder->lock = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->lock < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", folder->path, strerror(errno));
    const struct timespec pause = {0, 100000000};
    bool held = false;
    for (int i = 0; i < LOCK_TRIES && !held; i++) {
        V2S_TRY(v2s_cancel_check());
        held = flock(folder->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
        if (!held)
            nanosleep(&pause, NULL);
    }
    if (!held)
        return V2S_FAIL(V2S_IO, "%s: another run works in this folder", folder->path);
    remove_leftovers(folder->path);
    return V2S_OK;
}

v2s_status v2s_run_folder_look(v2s_run_folder *folder, const v2s_run_kind *kind, bool resume,
                               int argc, char **argv, void *settings, bool *merged) {
    folder->has_last = exists(folder->last);
    if (!resume) {
        if (folder->has_last)
            return V2S_FAIL(V2S_IO,
                            "%s: holds a run already: --resume continues it; for a new one choose "
                            "another folder",
                            folder->path);
        return V2S_OK;
    }
    if (!exists(folder->config)) {
        if (folder->has_last)
            return V2S_FAIL(V2S_IO, "%s: cannot resume: config.json is missing", folder->path);
        return V2S_OK;
    }
    V2S_TRY(v2s_run_config_read(kind, folder->config, &folder->was));
    V2S_TRY(v2s_run_config_merge(&folder->was, argc - 2, argv + 2, settings));
    *merged = true;
    return V2S_OK;
}

v2s_status v2s_run_folder_find_command(v2s_run_folder *folder, int argc, char **argv) {
    const cJSON *began =
        folder->has_last ? cJSON_GetObjectItemCaseSensitive(folder->was.json, "command") : NULL;
    int count = cJSON_GetArraySize(began);
    char **words = calloc((size_t)count + 1, sizeof *words);
    if (words == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    int known = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, began) {
        if (cJSON_IsString(item))
            words[known++] = item->valuestring;
    }
    folder->command = known > 0 ? v2s_command_text(known, words) : v2s_command_text(argc, argv);
    free(words);
    return folder->command != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

v2s_status v2s_run_folder_check_ends(const v2s_run_folder *folder, const v2s_run_kind *kind,
                                     bool resume, const v2s_train_common *common, int64_t steps,
                                     double minutes, int64_t *epochs) {
    if (common->inputs.count == 0 && folder->was.json == NULL && resume)
        return V2S_FAIL(V2S_USAGE, "no %s, and %s has no config.json to resume", kind->input,
                        folder->path);
    if (common->inputs.count == 0)
        return V2S_FAIL(V2S_USAGE, "no %s", kind->input);
    int ends = (*epochs > 0) + (steps > 0) + (minutes > 0);
    if (ends > 1)
        return V2S_FAIL(V2S_USAGE, "only one of --epochs, --steps and --minutes ends a run");
    if (ends == 0)
        *epochs = DEFAULT_EPOCHS;
    return V2S_OK;
}
