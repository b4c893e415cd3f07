// SPDX-License-Identifier: MIT
// A text file line by line, and sentences about the line that was read last.
//
// A line may end with LF or the end of the file (a CR before it stays); a byte order mark before
// the first one is passed over. A line that is too long, or has a zero byte, is read to its end and
// refused, so that the next call goes on behind it.
#ifndef V2S_DATA_TEXT_LINES_H
#define V2S_DATA_TEXT_LINES_H

#include <stdio.h>

#include "kernels/base/status.h"

// All borrowed.
typedef struct v2s_text_lines {
    const char *path;
    const char *kind; // what the file should be, for the sentence: "a table"
    FILE *file;
    char *text; // [size]
    size_t size;
    int line; // number of the last one read, from 1; 0 before the first
} v2s_text_lines;

// *line, in `text`, is valid until the next call. END at the end of the file; FORMAT: the line is
// unusable; IO.
V2S_MUST_USE v2s_status v2s_text_lines_next(v2s_text_lines *lines, char **line);

// FORMAT: "path: line N: ..."; control characters become question marks, because what stands in a
// line may end in a terminal.
v2s_status v2s_text_lines_bad(const v2s_text_lines *lines, const char *fmt, ...) V2S_PRINTF(2, 3);

#endif
