// SPDX-License-Identifier: MIT
// Folders with one .csv of labels a recording, in any subfolders, as DCASE publishes them.
#ifndef V2S_INFER_LABEL_FOLDER_H
#define V2S_INFER_LABEL_FOLDER_H

#include <stddef.h>

#include "infer/pair_labels.h"

typedef struct v2s_label_folder {
    const char *path; // borrowed
    size_t count;
    char **files; // [count] paths sorted by the files' own names, owned
} v2s_label_folder;

// Links are not followed. IO; FORMAT: no .csv, or two of one name; NOMEM. Free in any case.
V2S_MUST_USE v2s_status v2s_label_folder_read(const char *path, v2s_label_folder *folder);

// A pair for every file of `truth`, with the prediction of that name or NULL, which is a warning,
// as are predictions without a truth. *pairs is the caller's (free), the paths are the folders'.
// FORMAT: no name in both; NOMEM.
V2S_MUST_USE v2s_status v2s_label_folder_match(const v2s_label_folder *prediction,
                                               const v2s_label_folder *truth,
                                               v2s_labels_pair **pairs, size_t *count,
                                               v2s_run_log *log);

void v2s_label_folder_free(v2s_label_folder *folder);

#endif
