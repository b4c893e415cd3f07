// SPDX-License-Identifier: MIT
// Folders that a command fills and, if it fails, empties again.
#ifndef V2S_TRAIN_FOLDER_H
#define V2S_TRAIN_FOLDER_H

#include "kernels/base/status.h"

// Makes folder/below ("" : the folder itself) unless it is there. IO, NOMEM.
V2S_MUST_USE v2s_status v2s_folder_make(const char *folder, const char *below);

// Calls away (unlink or rmdir) on folder/below; what is not there, or not empty, is left alone.
void v2s_folder_remove(const char *folder, const char *below, int (*away)(const char *));

#endif
