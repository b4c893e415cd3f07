// SPDX-License-Identifier: MIT
// Answers of a panel: who (assessor) said what of which item under which condition, as read from a
// table with a header, and their means.
//
// A table is CSV with a line of names first. Columns may stand in any order; fields may stand in
// "quotation marks" (two for one) and then go over several lines, as comments do in webMUSHRA's
// results. Blank lines, CRLF, a byte order mark and the header once more (of files put together)
// are passed over.
#ifndef V2S_INFER_PANEL_H
#define V2S_INFER_PANEL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "infer/paired_tests.h"
#include "infer/run_log.h"
#include "kernels/base/status.h"

// ---- names, each once, in the order in which they came ----------------------------------------

typedef struct v2s_word_list {
    size_t count;
    char **items; // owned
} v2s_word_list;

enum { V2S_WORD_LIST_MAX = 10000 };

// Index of `text`, added when new. FORMAT: too many; NOMEM.
V2S_MUST_USE v2s_status v2s_word_list_index(v2s_word_list *names, const char *text, size_t *index);
// V2S_NO_NAME where there is none.
size_t v2s_word_list_find(const v2s_word_list *names, const char *text);
void v2s_word_list_free(v2s_word_list *names);

#define V2S_NO_NAME ((size_t)-1)

// ---- answers ----------------------------------------------------------------------------------

enum { V2S_ANSWER_VALUES = 4 };

typedef struct v2s_answer {
    size_t assessor, item, condition;
    double value[V2S_ANSWER_VALUES]; // meaning is the caller's; not a number: none
    size_t before;                   // 1 + index of this assessor's answer before; 0: none
} v2s_answer;

typedef struct v2s_panel {
    v2s_word_list assessors, items, conditions;
    v2s_answer *answers; // [count], owned
    size_t count, room;
    size_t last[V2S_WORD_LIST_MAX]; // 1 + index of each assessor's last answer; 0: none
} v2s_panel;

// The names are indexed before; `before` is set here. NOMEM.
V2S_MUST_USE v2s_status v2s_panel_add(v2s_panel *panel, const v2s_answer *answer);
void v2s_panel_free(v2s_panel *panel);

// Mean value of every assessor [assessors] under a condition; of one item, or of all
// (V2S_NO_NAME). Not a number where there is none, or where kept[assessor] (may be NULL) is false.
// NOMEM.
V2S_MUST_USE v2s_status v2s_panel_means(const v2s_panel *panel, int value, size_t condition,
                                        size_t item, const bool *kept, double *means);

// What a study says of a condition, and of two whose difference it judges. `means` has room for all
// assessors twice.
typedef struct v2s_panel_study {
    const void *ctx;
    v2s_status (*condition)(const void *ctx, cJSON *conditions, size_t condition, double *means);
    v2s_status (*pair)(const void *ctx, cJSON *differences, size_t a, size_t b, double *means);
    bool (*is_judged)(const char *condition); // NULL: differences of all are
} v2s_panel_study;

// Has a study speak of all conditions, "refined" before the others, and of all pairs of those that
// are judged: into "conditions" and "differences" of the log's JSON. What the study fails with;
// NOMEM.
V2S_MUST_USE v2s_status v2s_panel_say(const v2s_panel *panel, const v2s_panel_study *study,
                                      v2s_run_log *log);

// Rows of the summary; "-" is what is not a number.
void v2s_panel_row(v2s_run_log *log, const char *label, const v2s_sample *sample, int decimals,
                   const char *unit);
void v2s_panel_row_paired(v2s_run_log *log, const char *label, const v2s_paired *paired,
                          int decimals, const char *unit);

// {"n","mean","lo","hi","median"}; null where not a number.
cJSON *v2s_sample_json(const v2s_sample *sample);
// The same of the difference, with "t","p_t","w","p_wilcoxon","win_rate".
cJSON *v2s_paired_json(const v2s_paired *paired);

// ---- tables -----------------------------------------------------------------------------------

enum { V2S_TABLE_FIELDS = 256 };

typedef struct v2s_table v2s_table;

// Reads the header. IO; FORMAT: empty, more than V2S_TABLE_FIELDS columns, a name twice.
V2S_MUST_USE v2s_status v2s_table_open(const char *path, const char *kind, v2s_table **table);

// Where a column stands; -1: there is none of this name.
int v2s_table_column(const v2s_table *table, const char *name);
size_t v2s_table_columns(const v2s_table *table);

// The next row; its fields are valid until the next call. END; FORMAT with path and line.
V2S_MUST_USE v2s_status v2s_table_next(v2s_table *table);
const char *v2s_table_field(const v2s_table *table, int column);

// A number from low to high. FORMAT with path, line and the column's name.
V2S_MUST_USE v2s_status v2s_table_number(const v2s_table *table, int column, double low,
                                         double high, double *value);

// FORMAT about this row, in one sentence.
v2s_status v2s_table_bad(const v2s_table *table, const char *fmt, ...) V2S_PRINTF(2, 3);

void v2s_table_close(v2s_table **table);

#endif
