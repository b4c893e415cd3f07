// SPDX-License-Identifier: MIT
#include "train/folder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

v2s_status v2s_folder_make(const char *folder, const char *below) {
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", folder, below[0] != '\0' ? "/" : "", below) < 0)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    struct stat info;
    bool made = mkdir(path, 0777) == 0;
    int reason = errno;
    if (!made && !(stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        status = V2S_FAIL(V2S_IO, "%s: cannot make the folder: %s", path, strerror(reason));
    free(path);
    return status;
}

void v2s_folder_remove(const char *folder, const char *below, int (*away)(const char *)) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, below) >= 0)
        away(path);
    free(path);
}
