// SPDX-License-Identifier: MIT
#include "infer/run_log.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/file_out.h"

v2s_status v2s_run_log_open(v2s_run_log *log, bool quiet, const char *json_path) {
    *log = (v2s_run_log){.quiet = quiet, .json_path = json_path, .json = cJSON_CreateObject()};
    if (log->json == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return V2S_OK;
}

static char *format_text(const char *fmt, va_list args) {
    char *text = NULL;
    return vasprintf(&text, fmt, args) < 0 ? NULL : text;
}

// The log is best effort: a row that finds no memory is left out, the run goes on.
void v2s_run_log_warn(v2s_run_log *log, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = format_text(fmt, args);
    va_end(args);
    const char **grown =
        text == NULL ? NULL : realloc(log->warnings, (log->warning_count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(text);
        return;
    }
    log->warnings = grown;
    log->warnings[log->warning_count++] = text;
    fprintf(stderr, "warning: %s\n", text);
}

void v2s_run_log_row(v2s_run_log *log, const char *label, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *value = format_text(fmt, args);
    va_end(args);
    char *name = strdup(label);
    v2s_report_row *grown = value == NULL || name == NULL
                                ? NULL
                                : realloc(log->rows, (log->row_count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(value);
        free(name);
        return;
    }
    log->rows = grown;
    log->rows[log->row_count++] = (v2s_report_row){name, value};
}

void v2s_run_log_number(v2s_run_log *log, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(log->json, key, value);
    else
        cJSON_AddNullToObject(log->json, key);
}

void v2s_run_log_text(v2s_run_log *log, const char *key, const char *value) {
    if (value != NULL)
        cJSON_AddStringToObject(log->json, key, value);
    else
        cJSON_AddNullToObject(log->json, key);
}

void v2s_run_log_array(v2s_run_log *log, const char *key, size_t count,
                       cJSON *(*item)(const void *ctx, size_t index), const void *ctx) {
    V2S_ASSERT(log->array_count < V2S_RUN_LOG_ARRAYS);
    log->arrays[log->array_count++] = (v2s_run_log_list){key, count, item, ctx};
}

// `file` NULL: standard output.
static v2s_status put(v2s_file_out *file, const char *text) {
    if (file != NULL)
        return v2s_file_out_write(file, text, strlen(text));
    return fputs(text, stdout) < 0 ? V2S_FAIL(V2S_IO, "standard output: cannot write") : V2S_OK;
}

static v2s_status put_object(v2s_file_out *file, cJSON *object) {
    char *text = object != NULL ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    if (text == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = put(file, text);
    cJSON_free(text);
    return status;
}

static v2s_status put_array(v2s_file_out *file, const v2s_run_log_list *array) {
    V2S_TRY(put(file, ",\n\t\""));
    V2S_TRY(put(file, array->key));
    V2S_TRY(put(file, "\":\t["));
    for (size_t i = 0; i < array->count; i++) {
        V2S_TRY(put(file, i > 0 ? ",\n\t\t" : "\n\t\t"));
        V2S_TRY(put_object(file, array->item(array->ctx, i)));
    }
    return put(file, "]");
}

// The object that `text` is, with the arrays as its last keys.
static v2s_status put_json(const v2s_run_log *log, v2s_file_out *file, char *text) {
    size_t length = strlen(text);
    V2S_ASSERT(length > 2 && strcmp(text + length - 2, "\n}") == 0);
    text[length - 2] = '\0';
    V2S_TRY(put(file, text));
    for (size_t i = 0; i < log->array_count; i++)
        V2S_TRY(put_array(file, &log->arrays[i]));
    return put(file, "\n}\n");
}

static v2s_status write_json(v2s_run_log *log) {
    cJSON *warnings = cJSON_AddArrayToObject(log->json, "warnings");
    for (size_t i = 0; i < log->warning_count; i++)
        cJSON_AddItemToArray(warnings, cJSON_CreateString(log->warnings[i]));
    char *text = cJSON_Print(log->json);
    v2s_file_out *file = NULL;
    v2s_status status = text != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    bool on_stdout = strcmp(log->json_path, "-") == 0;
    if (status == V2S_OK && !on_stdout)
        status = v2s_file_out_open(log->json_path, &file);
    if (status == V2S_OK)
        status = put_json(log, file, text);
    if (status == V2S_OK && on_stdout && fflush(stdout) != 0)
        status = V2S_FAIL(V2S_IO, "standard output: cannot write");
    if (status == V2S_OK && !on_stdout)
        status = v2s_file_out_commit(file);
    v2s_file_out_close(&file);
    cJSON_free(text);
    return status;
}

v2s_status v2s_run_log_finish(v2s_run_log *log) {
    bool json_on_stdout = log->json_path != NULL && strcmp(log->json_path, "-") == 0;
    if (!log->quiet && !json_on_stdout) {
        for (size_t i = 0; i < log->row_count; i++)
            printf("%-18s %s\n", log->rows[i].label, log->rows[i].value);
        if (fflush(stdout) != 0)
            return V2S_FAIL(V2S_IO, "standard output: cannot write");
    }
    return log->json_path != NULL ? write_json(log) : V2S_OK;
}

void v2s_run_log_close(v2s_run_log *log) {
    for (size_t i = 0; i < log->row_count; i++) {
        free((char *)log->rows[i].label);
        free((char *)log->rows[i].value);
    }
    for (size_t i = 0; i < log->warning_count; i++)
        free((char *)log->warnings[i]);
    free(log->rows);
    free(log->warnings);
    cJSON_Delete(log->json);
    *log = (v2s_run_log){0};
}
