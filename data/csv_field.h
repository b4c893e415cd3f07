// SPDX-License-Identifier: MIT
// Lines of a CSV file and their fields.
#ifndef V2S_DATA_CSV_FIELD_H
#define V2S_DATA_CSV_FIELD_H

#include "data/text_lines.h"
#include "kernels/base/status.h"

// The text without blanks and line ends around it, cut in place.
char *v2s_csv_trim(char *s);

// Cuts one field off *rest, which is NULL after the last one. Blanks around it do not count; within
// "quotation marks" commas and blanks do, and two marks stand for one. NULL for a mark without its
// partner.
char *v2s_csv_cut(char **rest);

// The next line that is not blank, trimmed: *text is valid until the next call. As
// v2s_text_lines_next.
V2S_MUST_USE v2s_status v2s_csv_next(v2s_text_lines *lines, char **text);

// Cuts the line that was read last, in place: field[most] are its first fields, *count says how
// many there are, which may be more than `most`. FORMAT: a mark without its partner.
V2S_MUST_USE v2s_status v2s_csv_split(const v2s_text_lines *lines, char *text, char **field,
                                      int most, int *count);

#endif
