// SPDX-License-Identifier: MIT
// Command lines from one table: the same rows parse the options, check their ranges, print --help
// and fill the record of a run.
//
// A row says where its value goes (offset into the command's config struct) and of which C type
// that field is:
//   FLAG bool   INT int64_t   NUMBER double   TEXT const char * (NULL when not given)
//   CHOICE int (index into the row's words)   LIST v2s_text_list (every use appends)
// Forms: --name VALUE, --name=VALUE, -s VALUE for rows with a short name; "--" ends the options.
// Texts in the config point into argv or the table; only the lists are owned (v2s_options_free).
#ifndef V2S_DATA_OPTIONS_H
#define V2S_DATA_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kernels/base/status.h"

typedef enum v2s_option_kind {
    V2S_OPTION_FLAG,
    V2S_OPTION_INT,
    V2S_OPTION_NUMBER,
    V2S_OPTION_TEXT,
    V2S_OPTION_CHOICE,
    V2S_OPTION_LIST,
} v2s_option_kind;

typedef struct v2s_text_list {
    size_t count;
    const char **items; // [count], owned; the texts are not
} v2s_text_list;

typedef struct v2s_option {
    const char *name; // without the dashes; NULL ends a table
    char short_name;  // or 0
    v2s_option_kind kind;
    const char *value_name;   // "DEG", or the words of a choice: "auto|cpu"; NULL for flags
    const char *default_text; // parsed like a given value; NULL: none
    double min, max;          // INT and NUMBER; equal means unlimited
    const char *help;         // one line, unit included
    size_t offset;            // into the config
} v2s_option;

typedef struct v2s_option_group {
    const char *title; // "Tracking"
    const v2s_option *rows;
} v2s_option_group;

typedef struct v2s_command {
    const char *program;            // "v2s-infer"
    const char *name;               // "render"
    const char *arguments;          // "[INPUT] -o FILE [options]"
    const char *summary;            // one line
    const v2s_option_group *groups; // ends with a NULL title
    size_t positional_offset;       // v2s_text_list in the config
    size_t positional_max;
    const char *const *examples; // ends with NULL; two or more
    v2s_status (*run)(const void *config, int argc, char **argv);
} v2s_command;

// Defaults, then the words of argv (without program and command name). USAGE with one sentence for
// unknown options (the nearest known one is named), missing or surplus values and ranges.
V2S_MUST_USE v2s_status v2s_options_parse(const v2s_command *command, int argc, char **argv,
                                          void *config);

// Whether an option (its long name) stands in words that v2s_options_parse accepted.
bool v2s_options_given(const v2s_command *command, int argc, char **argv, const char *name);

void v2s_options_free(const v2s_command *command, void *config);

// The --help text, made from the table.
void v2s_options_help(const v2s_command *command, FILE *to);

// Strict numbers, the whole text used, finite; false otherwise.
bool v2s_parse_number(const char *text, double *value);
bool v2s_parse_int(const char *text, int64_t *value);

#endif
