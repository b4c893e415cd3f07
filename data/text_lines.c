// SPDX-License-Identifier: MIT
#include "data/text_lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

v2s_status v2s_text_lines_bad(const v2s_text_lines *lines, const char *fmt, ...) {
    char what[V2S_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    for (char *c = what; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return V2S_FAIL(V2S_FORMAT, "%s: line %d: %s", lines->path, lines->line, what);
}

v2s_status v2s_text_lines_next(v2s_text_lines *l, char **line) {
    size_t n = 0;
    bool zero = false, any = false;
    int c;
    l->line++;
    while ((c = getc_unlocked(l->file)) != EOF && c != '\n') {
        any = true;
        zero |= c == '\0';
        if (n < l->size)
            l->text[n++] = (char)c;
    }
    if (ferror(l->file))
        return V2S_FAIL(V2S_IO, "%s: cannot read: %s", l->path, strerror(errno));
    if (c == EOF && !any)
        return V2S_END;
    if (n == l->size)
        return v2s_text_lines_bad(l, "longer than %zu bytes: not %s", l->size - 1, l->kind);
    l->text[n] = '\0';
    if (zero)
        return v2s_text_lines_bad(l, "a zero byte: not a text file");
    *line = l->text + (l->line == 1 && strncmp(l->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
    return V2S_OK;
}
