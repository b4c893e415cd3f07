// SPDX-License-Identifier: MIT
// An allocation of our own that fails, for tests of what happens then: tests/CMakeLists.txt wraps
// the allocators of programs named test_*_alloc, and only they may use this.
#ifndef V2S_TESTS_SUPPORT_FAILING_ALLOC_H
#define V2S_TESTS_SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>

typedef struct v2s_test_failing {
    int countdown;     // allocations until one fails; -1: none does
    bool spare_strdup; // copies of texts neither count nor fail
} v2s_test_failing;

extern v2s_test_failing v2s_test_alloc;

#endif
