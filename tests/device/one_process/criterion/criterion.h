// SPDX-License-Identifier: MIT
// As much of Criterion's macros as the tests of devices use, for a program that runs its tests one
// after another in one process (tests/device/one_process/main.c).
//
// On a GPU a process of its own for each test costs a second and more, and the checkers of CUDA
// (compute-sanitizer) many; and this program needs none of Criterion's libraries. The folder stands
// before the system's on the include path of that program alone. A failed cr_assert ends its test,
// a failed cr_expect is counted.
#ifndef V2S_TESTS_DEVICE_ONE_PROCESS_CRITERION_H
#define V2S_TESTS_DEVICE_ONE_PROCESS_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct one_process_options {
    int none; // so that a list of options may be empty
    void (*init)(void);
    void (*fini)(void); // after a failure, too
    double timeout;     // s; not kept
    bool disabled;
} one_process_options;

typedef struct one_process_test {
    const char *suite, *name; // name NULL: what all tests of the suite share
    void (*run)(void);
    one_process_options options;
    struct one_process_test *next;
} one_process_test;

void one_process_add(one_process_test *test);
void one_process_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void one_process_failed(bool end, const char *file, int line, const char *what, const char *format,
                        ...) __attribute__((format(printf, 5, 6)));

#define ONE_PROCESS_ADD(id, suite, name, run, ...)                                                 \
    __attribute__((constructor)) static void id##_add(void) {                                      \
        static one_process_test test = {suite, name, run, {.none = 0, ##__VA_ARGS__}, NULL};       \
        one_process_add(&test);                                                                    \
    }

#define TestSuite(suite_, ...) ONE_PROCESS_ADD(suite_##_suite, #suite_, NULL, NULL, ##__VA_ARGS__)

#define Test(suite_, name_, ...)                                                                   \
    static void suite_##_##name_(void);                                                            \
    ONE_PROCESS_ADD(suite_##_##name_, #suite_, #name_, suite_##_##name_, ##__VA_ARGS__)            \
    static void suite_##_##name_(void)

#define cr_skip_test(...) one_process_skip(" " __VA_ARGS__)

// The format of a message may be missing: a space keeps it from being empty.
#define ONE_PROCESS_CHECK(end, condition, what, ...)                                               \
    ((condition) ? (void)0 : one_process_failed(end, __FILE__, __LINE__, what, " " __VA_ARGS__))

#define cr_assert(condition, ...) ONE_PROCESS_CHECK(true, condition, #condition, __VA_ARGS__)
#define cr_assert_not(a, ...) ONE_PROCESS_CHECK(true, !(a), "!(" #a ")", __VA_ARGS__)
#define cr_assert_null(a, ...) ONE_PROCESS_CHECK(true, (a) == NULL, #a " == NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) ONE_PROCESS_CHECK(true, (a) != NULL, #a " != NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...) ONE_PROCESS_CHECK(true, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) ONE_PROCESS_CHECK(true, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) ONE_PROCESS_CHECK(true, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) ONE_PROCESS_CHECK(true, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) ONE_PROCESS_CHECK(true, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) ONE_PROCESS_CHECK(true, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, gap, ...)                                                         \
    ONE_PROCESS_CHECK(true, fabs((double)(a) - (double)(b)) <= (gap), #a " == " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                                                \
    ONE_PROCESS_CHECK(true, __builtin_strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_fail(...) ONE_PROCESS_CHECK(true, false, "failed", __VA_ARGS__)

#define cr_expect(condition, ...) ONE_PROCESS_CHECK(false, condition, #condition, __VA_ARGS__)
#define cr_expect_not(a, ...) ONE_PROCESS_CHECK(false, !(a), "!(" #a ")", __VA_ARGS__)
#define cr_expect_null(a, ...) ONE_PROCESS_CHECK(false, (a) == NULL, #a " == NULL", __VA_ARGS__)
#define cr_expect_not_null(a, ...) ONE_PROCESS_CHECK(false, (a) != NULL, #a " != NULL", __VA_ARGS__)
#define cr_expect_eq(a, b, ...) ONE_PROCESS_CHECK(false, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) ONE_PROCESS_CHECK(false, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) ONE_PROCESS_CHECK(false, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) ONE_PROCESS_CHECK(false, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) ONE_PROCESS_CHECK(false, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) ONE_PROCESS_CHECK(false, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, gap, ...)                                                         \
    ONE_PROCESS_CHECK(false, fabs((double)(a) - (double)(b)) <= (gap), #a " == " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)                                                                \
    ONE_PROCESS_CHECK(false, __builtin_strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect_fail(...) ONE_PROCESS_CHECK(false, false, "failed", __VA_ARGS__)

#endif
