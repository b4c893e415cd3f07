// SPDX-License-Identifier: MIT
// What names of files say.
#ifndef V2S_INFER_FILE_NAME_H
#define V2S_INFER_FILE_NAME_H

#include <stdbool.h>

// Whether the path ends with `suffix` (".csv"; in any case) and is not it alone.
bool v2s_ends_with(const char *path, const char *suffix);

// What a checkpoint is called in tables, of --against [NAME=]FILE: the file of "NAME=FILE" or of
// "FILE" (part of `text`), and the name it goes by: NAME, or the file's own without suffix; best
// and last are named after their folder. A text that is a file is that file.
const char *v2s_name_of_file(const char *text, char name[64]);

#endif
