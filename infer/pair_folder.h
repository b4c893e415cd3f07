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

// Files with this suffix (".csv"; case does not matter). Links are not followed. IO; FORMAT: none,
// or two of one name; NOMEM. Free in any case.
V2S_MUST_USE v2s_status v2s_pair_folder_read(const char *path, const char *suffix,
                                             v2s_pair_folder *folder);

// A pair for every file of `truth`, with the prediction of that name or NULL, of which a warning
// says that it is `lost`; predictions without a truth are a warning, too. *pairs is the caller's
// (free), the paths are the folders'. FORMAT: no name in both; NOMEM.
V2S_MUST_USE v2s_status v2s_pair_folder_match(const v2s_pair_folder *prediction,
                                              const v2s_pair_folder *truth, const char *lost,
                                              v2s_file_pair **pairs, size_t *count,
                                              v2s_run_log *log);

// Whether the path is a folder.
bool v2s_pair_is_folder(const char *path);

void v2s_pair_folder_free(v2s_pair_folder *folder);

#endif
