// SPDX-License-Identifier: MIT
#include "infer/quote.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

char *v2s_quote_command(int argc, char **argv) {
    size_t room = 1;
    for (int i = 0; i < argc; i++)
        room += 4 * strlen(argv[i]) + 3;
    char *text = malloc(room), *at = text;
    if (text == NULL)
        return NULL;
    for (int i = 0; i < argc; i++) {
        const char *safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                           "_-./,:=@%+";
        bool plain = argv[i][0] != '\0' && strspn(argv[i], safe) == strlen(argv[i]);
        if (i > 0)
            *at++ = ' ';
        if (!plain)
            *at++ = '\'';
        for (const char *c = argv[i]; *c != '\0'; c++) {
            if (*c == '\'') {
                memcpy(at, "'\\''", 4);
                at += 4;
            } else {
                *at++ = *c;
            }
        }
        if (!plain)
            *at++ = '\'';
    }
    *at = '\0';
    return text;
}
