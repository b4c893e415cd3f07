// SPDX-License-Identifier: MIT
#include "tests/support/golden_numbers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Numbers from *text on, up to what is none.
static size_t read_numbers(char **text, double *numbers) {
    size_t n = 0;
    for (char *end; n < GOLDEN_NUMBERS_MAX; n++, *text = end) {
        numbers[n] = strtod(*text, &end);
        if (end == *text)
            break;
    }
    return n;
}

void golden_numbers_each(const char *file, const char *name,
                         void (*check)(const golden_numbers *line, void *context), void *context) {
    char path[512], text[4096];
    snprintf(path, sizeof path, "%s/golden/%s", V2S_TEST_DATA, file);
    FILE *f = fopen(path, "r");
    size_t length = strlen(name);
    int found = 0;
    golden_numbers line = {0};
    cr_assert(f != NULL, "%s", path);
    while (fgets(text, sizeof text, f) != NULL) {
        line.line++;
        if (strncmp(text, name, length) != 0 || text[length] != ' ')
            continue;
        char *rest = text + length;
        line.in_count = read_numbers(&rest, line.in);
        rest += strspn(rest, " ");
        cr_assert_eq(*rest, '|', "%s: line %d", path, line.line);
        rest++;
        line.out_count = read_numbers(&rest, line.out);
        check(&line, context);
        found++;
    }
    fclose(f);
    cr_assert_gt(found, 0, "no line '%s' in %s", name, path);
}

void golden_numbers_expect(const golden_numbers *line, size_t index, double value,
                           double relative) {
    cr_assert_lt(index, line->out_count);
    double expected = line->out[index];
    if (isnan(expected))
        cr_expect(isnan(value), "line %d, number %zu: %.9g, expected none", line->line, index,
                  value);
    else
        cr_expect(fabs(value - expected) <= relative * fmax(fabs(expected), 1e-3),
                  "line %d, number %zu: %.12g, expected %.12g", line->line, index, value, expected);
}
