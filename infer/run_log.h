// SPDX-License-Identifier: MIT
// What a run says: warnings at once on standard error, a summary table at the end, every number
// as JSON. The HTML report shows the same rows and warnings.
#ifndef V2S_INFER_RUN_LOG_H
#define V2S_INFER_RUN_LOG_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "infer/report.h"
#include "kernels/base/status.h"

enum { V2S_RUN_LOG_ARRAYS = 4 };

typedef struct v2s_run_log_list {
    const char *key;
    size_t count;
    cJSON *(*item)(const void *ctx, size_t index);
    const void *ctx;
} v2s_run_log_list;

typedef struct v2s_run_log {
    bool quiet;
    const char *json_path; // NULL, a file, or "-"
    cJSON *json;           // object; keys are added by the calls below
    v2s_report_row *rows;  // [row_count], owned texts
    size_t row_count;
    const char **warnings; // [warning_count], owned texts
    size_t warning_count;
    size_t array_count;
    v2s_run_log_list arrays[V2S_RUN_LOG_ARRAYS]; // [array_count]
} v2s_run_log;

v2s_status v2s_run_log_open(v2s_run_log *log, bool quiet, const char *json_path);

// Prints "warning: ..." to standard error now and keeps the sentence. NULL is no warning.
void v2s_run_log_warn(v2s_run_log *log, const char *fmt, ...) V2S_PRINTF(2, 3);

// A row of the summary.
void v2s_run_log_row(v2s_run_log *log, const char *label, const char *fmt, ...) V2S_PRINTF(3, 4);

// A key of the JSON object. A number that is not finite becomes null.
void v2s_run_log_number(v2s_run_log *log, const char *key, double value);
void v2s_run_log_text(v2s_run_log *log, const char *key, const char *value);

// One array of the JSON object whose items are made while it is written, behind everything else:
// its memory is that of one item. item(ctx, i) gives an object that the log deletes; NULL: no
// memory. ctx is borrowed until finish. One array a log.
void v2s_run_log_array(v2s_run_log *log, const char *key, size_t count,
                       cJSON *(*item)(const void *ctx, size_t index), const void *ctx);

// Prints the rows (standard output; nothing there when the JSON goes there) and writes the JSON.
V2S_MUST_USE v2s_status v2s_run_log_finish(v2s_run_log *log);

void v2s_run_log_close(v2s_run_log *log);

#endif
