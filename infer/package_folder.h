// SPDX-License-Identifier: MIT
// A folder of files that appears under its name only when all of it is there.
//
// Files go to "<folder>.partial-XXXXXX" beside it; commit renames that one, close without commit
// removes it with all that is in it. An existing folder is refused unless it is empty.
// One thread at a time per handle.
#ifndef V2S_INFER_PACKAGE_FOLDER_H
#define V2S_INFER_PACKAGE_FOLDER_H

#include <limits.h>

#include "kernels/base/status.h"

typedef struct v2s_package_folder v2s_package_folder;

// IO: the folder exists and is not empty, is a file, or cannot be made here. `path` is copied.
V2S_MUST_USE v2s_status v2s_package_folder_open(const char *path, v2s_package_folder **folder);

// The name of a file inside, as it is before commit.
void v2s_package_folder_path(const v2s_package_folder *folder, const char *name,
                             char path[PATH_MAX]);

// Makes "a/b/c" inside and what leads there. IO.
V2S_MUST_USE v2s_status v2s_package_folder_make(const v2s_package_folder *folder, const char *name);

// Waits for the disk and renames. IO.
V2S_MUST_USE v2s_status v2s_package_folder_commit(v2s_package_folder *folder);

// Frees, and removes what was not committed. Sets *folder to NULL; accepts NULL inside.
void v2s_package_folder_close(v2s_package_folder **folder);

#endif
