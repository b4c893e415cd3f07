// SPDX-License-Identifier: MIT
// Fields of one line of a CSV file.
#ifndef V2S_DATA_CSV_FIELD_H
#define V2S_DATA_CSV_FIELD_H

// The text without blanks and line ends around it, cut in place.
char *v2s_csv_trim(char *s);

// Cuts one field off *rest, which is NULL after the last one. Blanks around it do not count; within
// "quotation marks" commas and blanks do, and two marks stand for one. NULL for a mark without its
// partner.
char *v2s_csv_cut(char **rest);

#endif
