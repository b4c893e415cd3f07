// SPDX-License-Identifier: MIT
#include "infer/file_name.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool v2s_ends_with(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

const char *v2s_name_of_file(const char *text, char name[64]) {
    const char *equals = strchr(text, '=');
    if (equals != NULL && equals != text && access(text, F_OK) != 0) {
        snprintf(name, 64, "%.*s", (int)(equals - text), text);
        return equals + 1;
    }
    const char *end = strrchr(text, '/'), *start = end != NULL ? end + 1 : text;
    const char *dot = strrchr(start, '.');
    int length = (int)(dot != NULL ? dot - start : (ptrdiff_t)strlen(start));
    bool generic =
        length == 4 && (strncmp(start, "best", 4) == 0 || strncmp(start, "last", 4) == 0);
    if (generic && end != NULL && end > text) {
        for (start = end; start > text && start[-1] != '/';)
            start--;
        length = (int)(end - start);
    }
    snprintf(name, 64, "%.*s", length, start);
    return text;
}
