// SPDX-License-Identifier: MIT
// Two folders with a file a recording each, in any subfolders (as DCASE publishes labels): files of
// one name belong together.
#ifndef V2S_INFER_PAIR_FOLDER_H
#define V2S_INFER_PAIR_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "infer/run_log.h"
#include "kernels/base/status.h"

// `prediction` may be NULL: there is none.
typedef struct v2s_file_pair {
    const char *prediction, *truth;
} v2s_file_pair;

typedef struct v2s_pair_folder {
    const char *path, *suffix; // borrowed
    size_t count;
    char **files; // [count] paths sorted by the files' own names, owned
} v2s_pair_folder;

typedef struct v2s_pair_folders {
    v2s_pair_folder prediction, truth;
    size_t count;
    v2s_file_pair *pairs; // [count] one for every file of `truth`, owned; paths are the folders'
} v2s_pair_folders;

// Files with this suffix (".csv"; case does not matter) of both folders. Links are not followed.
// What has no prediction is a warning that says that it is `lost`; predictions without a truth are
// a warning, too. IO; FORMAT: no such file, two of one name in a folder, no name in both; NOMEM.
// Free with v2s_pair_folders_close, whatever came of it.
V2S_MUST_USE v2s_status v2s_pair_folders_open(const char *prediction, const char *truth,
                                              const char *suffix, const char *lost,
                                              v2s_run_log *log, v2s_pair_folders *folders);
void v2s_pair_folders_close(v2s_pair_folders *folders);

// Whether the path is a folder.
bool v2s_pair_is_folder(const char *path);

#endif
