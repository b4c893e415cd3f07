// SPDX-License-Identifier: MIT
#define _XOPEN_SOURCE 700 // nftw
#include "infer/package_folder.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/file_out.h"

#define SUFFIX ".partial-XXXXXX"

struct v2s_package_folder {
    char path[PATH_MAX]; // without slashes at its end
    char made[PATH_MAX]; // where files go
    bool done;
};

static v2s_status check_free(const char *path) {
    DIR *d = opendir(path);
    const struct dirent *entry;
    size_t files = 0;
    if (d == NULL)
        return errno == ENOENT ? V2S_OK : V2S_FAIL(V2S_IO, "%s: %s", path, strerror(errno));
    while ((entry = readdir(d)) != NULL)
        files += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(d);
    return files == 0
               ? V2S_OK
               : V2S_FAIL(V2S_IO, "%s: there are %zu files in it; give a new folder", path, files);
}

v2s_status v2s_package_folder_open(const char *path, v2s_package_folder **folder) {
    v2s_package_folder *f = calloc(1, sizeof *f);
    if (f == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    v2s_status status = V2S_OK;
    if (length == 0 || length + sizeof SUFFIX > PATH_MAX - NAME_MAX) {
        status = V2S_FAIL(V2S_IO, "'%s' cannot be the name of a folder", path);
    } else {
        snprintf(f->path, sizeof f->path, "%.*s", (int)length, path);
        status = check_free(f->path);
    }
    if (status == V2S_OK) {
        snprintf(f->made, sizeof f->made, "%.*s" SUFFIX, (int)length, path);
        // Readable to others, as a folder that mkdir makes.
        if (mkdtemp(f->made) == NULL || chmod(f->made, 0755) != 0)
            status = V2S_FAIL(V2S_IO, "%s: cannot be made: %s", f->path, strerror(errno));
    }
    if (status != V2S_OK) {
        free(f);
        return status;
    }
    *folder = f;
    return V2S_OK;
}

void v2s_package_folder_path(const v2s_package_folder *f, const char *name, char path[PATH_MAX]) {
    int length = snprintf(path, PATH_MAX, "%s/%s", f->made, name);
    V2S_ASSERT(length > 0 && length < PATH_MAX);
}

v2s_status v2s_package_folder_make(const v2s_package_folder *f, const char *name) {
    char path[PATH_MAX];
    v2s_package_folder_path(f, name, path);
    for (char *slash = path + strlen(f->made) + 1; slash != NULL;) {
        slash = strchr(slash, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return V2S_FAIL(V2S_IO, "%s: cannot be made: %s", path, strerror(errno));
        if (slash != NULL)
            *slash++ = '/';
    }
    return V2S_OK;
}

v2s_status v2s_package_folder_commit(v2s_package_folder *f) {
    V2S_TRY(v2s_file_out_sync_folder(f->made));
    // An empty folder is replaced; one that was filled meanwhile is not.
    if (rename(f->made, f->path) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot get its name: %s", f->path, strerror(errno));
    f->done = true;
    return V2S_OK;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *level) {
    (void)info;
    (void)type;
    (void)level;
    return remove(path);
}

void v2s_package_folder_close(v2s_package_folder **folder) {
    if (*folder == NULL)
        return;
    if (!(*folder)->done)
        nftw((*folder)->made, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*folder);
    *folder = NULL;
}
