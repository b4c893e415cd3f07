// SPDX-License-Identifier: MIT
// Golden files of lines "name input input ... | number number ...".
#ifndef V2S_TESTS_SUPPORT_GOLDEN_NUMBERS_H
#define V2S_TESTS_SUPPORT_GOLDEN_NUMBERS_H

#include <stddef.h>

enum { GOLDEN_NUMBERS_MAX = 160 };

typedef struct golden_numbers {
    int line;
    double in[GOLDEN_NUMBERS_MAX], out[GOLDEN_NUMBERS_MAX]; // "nan" is one
    size_t in_count, out_count;
} golden_numbers;

// Calls `check` for every line of golden/<file> with this name, in their order; asserts that there
// is one.
void golden_numbers_each(const char *file, const char *name,
                         void (*check)(const golden_numbers *line, void *context), void *context);

// Expects `value` within `relative` of max(|number|, 1e-3), or both not numbers.
void golden_numbers_expect(const golden_numbers *line, size_t index, double value, double relative);

#endif
