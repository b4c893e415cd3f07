// SPDX-License-Identifier: MIT
// Without the device that is asked for, no test of a program runs: before Criterion starts, the
// reason is printed and the exit code says "skipped" to ctest.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/device/tested_device.h"

enum { SKIPPED = 77 };

static void try_device(void) {
    v2s_device *dev = NULL;
    v2s_status status = v2s_device_open(tested_device_spec(), 2, &dev);
    if (status == V2S_UNSUPPORTED)
        printf("skipped: no CUDA device (%s)\n", v2s_error_text());
    v2s_device_close(&dev);
    fflush(stdout);
    _exit(status == V2S_UNSUPPORTED ? SKIPPED : 0);
}

// In a process of its own, because a GPU that was opened does not survive a fork; Criterion's
// workers (the same program, started with BXFI_MAP) come after it.
__attribute__((constructor)) static void skip_without_device(void) {
    if (getenv("BXFI_MAP") != NULL)
        return;
    pid_t child = fork();
    if (child == 0)
        try_device();
    int status = 0;
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) == SKIPPED)
        _exit(SKIPPED);
}
