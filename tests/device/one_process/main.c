// SPDX-License-Identifier: MIT
// All tests of this folder in one program and one process, for machines with a GPU:
//
//   device_checks                runs everything
//   device_checks SUITE...       runs these suites
//   device_checks --list         names the suites
//
// The device and the module are chosen as for the tests that ctest runs (V2S_TEST_DEVICE,
// V2S_CUDA_MODULE). Exit codes: 0 all passed, 1 some failed, 2 there is no such suite, 77 there is
// no such device.
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/device/tested_device.h"

enum { SKIPPED = 77 };

// What constructors add before main, in the order of the sources.
static struct {
    one_process_test *first, *last;
    sigjmp_buf out; // of the test under way
    int failures;   // of it
    bool skipped;
} tests;

void one_process_add(one_process_test *test) {
    if (tests.last != NULL)
        tests.last->next = test;
    else
        tests.first = test;
    tests.last = test;
}

void one_process_failed(bool end, const char *file, int line, const char *what, const char *format,
                        ...) {
    va_list args;
    printf("  %s:%d: %s:", file, line, what);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    tests.failures++;
    if (end)
        siglongjmp(tests.out, 1);
}

void one_process_skip(const char *format, ...) {
    va_list args;
    printf("  skipped:");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    tests.skipped = true;
    siglongjmp(tests.out, 1);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// What the tests of its suite share; NULL: nothing.
static const one_process_test *suite_of(const one_process_test *test) {
    for (const one_process_test *t = tests.first; t != NULL; t = t->next)
        if (t->name == NULL && strcmp(t->suite, test->suite) == 0)
            return t;
    return NULL;
}

static void call(void (*function)(void)) {
    if (function != NULL && sigsetjmp(tests.out, 0) == 0)
        function();
}

typedef enum outcome { PASSED, FAILED, LEFT, OUTCOMES } outcome;

static outcome outcome_of(const one_process_test *test) {
    static const char *const words[] = {"passed", "FAILED", "skipped"};
    double start = seconds();
    tests.failures = 0;
    tests.skipped = false;
    printf("%s/%s\n", test->suite, test->name);
    fflush(stdout);
    const one_process_test *suite = suite_of(test);
    call(suite != NULL ? suite->options.init : NULL);
    call(test->options.init);
    if (tests.failures == 0)
        call(test->run);
    call(test->options.fini);
    call(suite != NULL ? suite->options.fini : NULL);
    outcome out = tests.failures > 0 ? FAILED : tests.skipped ? LEFT : PASSED;
    printf("  %s, %.2f s\n", words[out], seconds() - start);
    fflush(stdout);
    return out;
}

static void list(void) {
    const char *last = "";
    for (const one_process_test *t = tests.first; t != NULL; t = t->next) {
        if (strcmp(t->suite, last) != 0)
            puts(t->suite);
        last = t->suite;
    }
}

static bool wanted(const one_process_test *test, int count, char **suites) {
    for (int i = 0; i < count; i++)
        if (strcmp(test->suite, suites[i]) == 0)
            return true;
    return count == 0;
}

static bool there_is_a_device(void) {
    v2s_device *dev = NULL;
    v2s_status status = v2s_device_open(tested_device_spec(), 2, &dev);
    if (status == V2S_UNSUPPORTED)
        printf("skipped: no CUDA device (%s)\n", v2s_error_text());
    v2s_device_close(&dev);
    return status != V2S_UNSUPPORTED;
}

int main(int argc, char **argv) {
    int count[OUTCOMES] = {0};
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    if (!there_is_a_device())
        return SKIPPED;
    for (const one_process_test *t = tests.first; t != NULL; t = t->next) {
        if (t->name != NULL && !t->options.disabled && wanted(t, argc - 1, argv + 1))
            count[outcome_of(t)]++;
    }
    printf("%d passed, %d failed, %d skipped\n", count[PASSED], count[FAILED], count[LEFT]);
    return count[PASSED] + count[FAILED] + count[LEFT] == 0 ? 2 : count[FAILED] > 0 ? 1 : 0;
}
