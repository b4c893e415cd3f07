// SPDX-License-Identifier: MIT
// Status codes and the one-sentence error text that goes with them.
//
// A function that can fail returns v2s_status. The line that finds the fault writes one sentence
// (file, field, expected, found) with V2S_FAIL; callers may put what they were doing in front with
// v2s_error_prefix. The text is thread-local: a worker hands its text over by v2s_error_save /
// v2s_error_restore. Results go through out-pointers, which a failing call leaves untouched.
#ifndef V2S_KERNELS_BASE_STATUS_H
#define V2S_KERNELS_BASE_STATUS_H

#include <stddef.h>

#define V2S_STATUS_LIST(X)                                                                         \
    X(OK, 0, "no error")                                                                           \
    X(ARG, -1, "bad argument")                                                                     \
    X(IO, -2, "input or output failed")                                                            \
    X(FORMAT, -3, "bad format")                                                                    \
    X(UNSUPPORTED, -4, "not supported")                                                            \
    X(NOMEM, -5, "out of memory")                                                                  \
    X(CUDA, -6, "CUDA failed")                                                                     \
    X(NUMERIC, -7, "not a finite number")                                                          \
    X(CANCELLED, -8, "interrupted")                                                                \
    X(END, -9, "end of input")                                                                     \
    X(USAGE, -10, "wrong usage")

typedef enum v2s_status {
#define V2S_STATUS_ENUM(name, value, text) V2S_##name = (value),
    V2S_STATUS_LIST(V2S_STATUS_ENUM)
#undef V2S_STATUS_ENUM
} v2s_status;

#if defined(__GNUC__)
#define V2S_MUST_USE __attribute__((warn_unused_result))
#define V2S_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define V2S_MUST_USE
#define V2S_PRINTF(fmt, args)
#endif

enum { V2S_ERROR_TEXT_MAX = 512 };

// Keeps the text and returns the code: `return V2S_FAIL(V2S_FORMAT, "%s: ...", path);`
v2s_status v2s_fail(v2s_status code, const char *fmt, ...) V2S_PRINTF(2, 3);
#define V2S_FAIL(code, ...) v2s_fail((code), __VA_ARGS__)

// Puts "<prefix>: " in front of this thread's text and returns `code`.
v2s_status v2s_error_prefix(v2s_status code, const char *fmt, ...) V2S_PRINTF(2, 3);

// This thread's last text; never NULL, empty after v2s_error_clear.
const char *v2s_error_text(void);
void v2s_error_clear(void);

// Copies this thread's text out and back in (to carry it from a worker to its caller).
void v2s_error_save(char text[V2S_ERROR_TEXT_MAX]);
void v2s_error_restore(const char *text);

// The code's own words ("out of memory").
const char *v2s_status_text(v2s_status status);

// Returns the status of `call` from the enclosing function unless it is V2S_OK.
#define V2S_TRY(call)                                                                              \
    do {                                                                                           \
        v2s_status v2s_try_status_ = (call);                                                       \
        if (v2s_try_status_ != V2S_OK)                                                             \
            return v2s_try_status_;                                                                \
    } while (0)

// The same for functions that release something: jumps to `label` with the status in `var`.
#define V2S_TRY_GOTO(var, call, label)                                                             \
    do {                                                                                           \
        (var) = (call);                                                                            \
        if ((var) != V2S_OK)                                                                       \
            goto label;                                                                            \
    } while (0)

// A broken contract between our own functions (wrong shape, NULL): aborts, in every build.
#define V2S_ASSERT(cond) ((cond) ? (void)0 : v2s_assert_failed(#cond, __FILE__, __LINE__))
void v2s_assert_failed(const char *cond, const char *file, int line) __attribute__((noreturn));

#endif
