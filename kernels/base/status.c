// SPDX-License-Identifier: MIT
#include "kernels/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char error_text[V2S_ERROR_TEXT_MAX];

v2s_status v2s_fail(v2s_status code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(error_text, sizeof error_text, fmt, args);
    va_end(args);
    return code;
}

v2s_status v2s_error_prefix(v2s_status code, const char *fmt, ...) {
    char old[V2S_ERROR_TEXT_MAX];
    memcpy(old, error_text, sizeof old);
    va_list args;
    va_start(args, fmt);
    vsnprintf(error_text, sizeof error_text, fmt, args);
    va_end(args);
    // What does not fit is cut at the end.
    strncat(error_text, ": ", sizeof error_text - 1 - strlen(error_text));
    strncat(error_text, old, sizeof error_text - 1 - strlen(error_text));
    return code;
}

const char *v2s_error_text(void) {
    return error_text;
}

void v2s_error_clear(void) {
    error_text[0] = '\0';
}

void v2s_error_save(char text[V2S_ERROR_TEXT_MAX]) {
    memcpy(text, error_text, sizeof error_text);
}

void v2s_error_restore(const char *text) {
    snprintf(error_text, sizeof error_text, "%s", text);
}

const char *v2s_status_text(v2s_status status) {
    switch (status) {
#define V2S_STATUS_CASE(name, value, text)                                                         \
    case V2S_##name:                                                                               \
        return text;
        V2S_STATUS_LIST(V2S_STATUS_CASE)
#undef V2S_STATUS_CASE
    }
    return "unknown status";
}

void v2s_assert_failed(const char *cond, const char *file, int line) {
    fprintf(stderr, "%s:%d: broken contract: %s\n", file, line, cond);
    abort();
}
