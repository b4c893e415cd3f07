// SPDX-License-Identifier: MIT
#include "tests/support/picture_blocks.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void move(void *data, size_t size, int N, int C, size_t pixels, int block, bool back) {
    size_t count = (size_t)N * C * pixels;
    if (block <= 1 || count == 0)
        return;
    cr_assert_eq(C % block, 0);
    unsigned char *to = data, *from = malloc(count * size);
    cr_assert_not_null(from);
    memcpy(from, data, count * size);
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t c = 0; c < (size_t)C; c++)
            for (size_t i = 0; i < pixels; i++) {
                size_t b = (size_t)block, plain = (n * C + c) * pixels + i;
                size_t blocked = ((n * (C / b) + c / b) * pixels + i) * b + c % b;
                memcpy(to + (back ? plain : blocked) * size, from + (back ? blocked : plain) * size,
                       size);
            }
    free(from);
}

void picture_to_blocks(void *data, size_t size, int N, int C, size_t pixels, int block) {
    move(data, size, N, C, pixels, block, false);
}

void picture_to_plain(void *data, size_t size, int N, int C, size_t pixels, int block) {
    move(data, size, N, C, pixels, block, true);
}
