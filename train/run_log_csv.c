// SPDX-License-Identifier: MIT
#include "train/run_log_csv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/base/file_out.h"

enum { LINE_MAX_BYTES = 2048 };

struct v2s_run_log_csv {
    char *path;
    int fd;
    int columns;
    int64_t last_step;
};

// The first line; the number of columns after the step.
static int header_line(const char *const *columns, char line[LINE_MAX_BYTES]) {
    size_t at = (size_t)snprintf(line, LINE_MAX_BYTES, "step");
    int count = 0;
    for (; columns[count] != NULL; count++) {
        at += (size_t)snprintf(line + at, LINE_MAX_BYTES - at, ",%s", columns[count]);
        V2S_ASSERT(at + 2 < LINE_MAX_BYTES);
    }
    strcpy(line + at, "\n");
    return count;
}

// Copies the lines of steps up to last_step. What follows the first line that is torn or of a later
// step is left out: lines are in order.
static v2s_status keep_lines(FILE *in, const char *path, const char *header, int64_t last_step,
                             v2s_file_out *out) {
    char line[LINE_MAX_BYTES];
    if (fgets(line, sizeof line, in) == NULL)
        return ferror(in) ? V2S_FAIL(V2S_IO, "%s: cannot read: %s", path, strerror(errno)) : V2S_OK;
    if (strcmp(line, header) != 0 && strchr(line, '\n') != NULL)
        return V2S_FAIL(V2S_FORMAT, "%s: first line: expected the columns %.*s", path,
                        (int)strlen(header) - 1, header);
    while (fgets(line, sizeof line, in) != NULL) {
        char *end;
        errno = 0;
        long long step = strtoll(line, &end, 10);
        if (end == line || *end != ',' || errno != 0 || strchr(end, '\n') == NULL ||
            step > last_step)
            break;
        V2S_TRY(v2s_file_out_write(out, line, strlen(line)));
    }
    return ferror(in) ? V2S_FAIL(V2S_IO, "%s: cannot read: %s", path, strerror(errno)) : V2S_OK;
}

// Replaces the file by its header and the lines of steps up to last_step.
static v2s_status rewrite(const char *path, const char *header, int64_t last_step) {
    v2s_file_out *out = NULL;
    V2S_TRY(v2s_file_out_open(path, &out));
    FILE *in = last_step > 0 ? fopen(path, "r") : NULL;
    v2s_status status = v2s_file_out_write(out, header, strlen(header));
    if (status == V2S_OK && in != NULL)
        status = keep_lines(in, path, header, last_step, out);
    else if (status == V2S_OK && last_step > 0 && errno != ENOENT)
        status = V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    if (in != NULL)
        fclose(in);
    if (status == V2S_OK)
        status = v2s_file_out_commit(out);
    v2s_file_out_close(&out);
    return status;
}

v2s_status v2s_run_log_csv_open(const char *path, const char *const *columns, int64_t last_step,
                                v2s_run_log_csv **out) {
    char header[LINE_MAX_BYTES];
    v2s_run_log_csv *log = calloc(1, sizeof *log);
    if (log == NULL || (log->path = strdup(path)) == NULL) {
        free(log);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    log->fd = -1;
    log->last_step = last_step;
    log->columns = header_line(columns, header);
    v2s_status status = rewrite(path, header, last_step);
    if (status == V2S_OK && (log->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0)
        status = V2S_FAIL(V2S_IO, "%s: cannot open for writing: %s", path, strerror(errno));
    if (status != V2S_OK) {
        v2s_run_log_csv_close(&log);
        return status;
    }
    *out = log;
    return V2S_OK;
}

v2s_status v2s_run_log_csv_write(v2s_run_log_csv *log, int64_t step, const double *values) {
    V2S_ASSERT(step > log->last_step);
    log->last_step = step;
    char line[LINE_MAX_BYTES];
    int at = snprintf(line, sizeof line, "%" PRId64, step);
    for (int i = 0; i < log->columns; i++) {
        V2S_ASSERT(at + 32 < LINE_MAX_BYTES);
        if (isnan(values[i]))
            at += snprintf(line + at, 32, ",");
        else
            at += snprintf(line + at, 32, ",%.17g", values[i]);
    }
    line[at++] = '\n';
    ssize_t n;
    do
        n = write(log->fd, line, (size_t)at);
    while (n < 0 && errno == EINTR);
    if (n != at)
        return V2S_FAIL(V2S_IO, "%s: cannot write: %s", log->path,
                        n < 0 ? strerror(errno) : "no space left");
    return V2S_OK;
}

v2s_status v2s_run_log_csv_sync(v2s_run_log_csv *log) {
    if (fsync(log->fd) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot write: %s", log->path, strerror(errno));
    return V2S_OK;
}

void v2s_run_log_csv_close(v2s_run_log_csv **out) {
    v2s_run_log_csv *log = *out;
    if (log == NULL)
        return;
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log);
    *out = NULL;
}
