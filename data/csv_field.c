// SPDX-License-Identifier: MIT
#include "data/csv_field.h"

#include <string.h>

char *v2s_csv_trim(char *s) {
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
        s[--n] = '\0';
    return s;
}

char *v2s_csv_cut(char **rest) {
    char *s = *rest + strspn(*rest, " \t");
    if (*s != '"') {
        char *comma = strchr(s, ',');
        *rest = comma == NULL ? NULL : comma + 1;
        if (comma != NULL)
            *comma = '\0';
        return v2s_csv_trim(s);
    }
    char *from = s + 1, *to = s;
    while (*from != '\0' && !(from[0] == '"' && from[1] != '"')) {
        from += *from == '"';
        *to++ = *from++;
    }
    if (*from == '\0')
        return NULL;
    from++;
    from += strspn(from, " \t");
    if (*from != '\0' && *from != ',')
        return NULL;
    *rest = *from == ',' ? from + 1 : NULL;
    *to = '\0';
    return s;
}

v2s_status v2s_csv_next(v2s_text_lines *lines, char **text) {
    do {
        V2S_TRY(v2s_text_lines_next(lines, text));
        *text = v2s_csv_trim(*text);
    } while (**text == '\0');
    return V2S_OK;
}

v2s_status v2s_csv_split(const v2s_text_lines *lines, char *text, char **field, int most,
                         int *count) {
    int n = 0;
    for (char *rest = text; rest != NULL; n++) {
        char *one = v2s_csv_cut(&rest);
        if (one == NULL)
            return v2s_text_lines_bad(lines, "column %d: a quotation mark without its partner",
                                      n + 1);
        if (n < most)
            field[n] = one;
    }
    *count = n;
    return V2S_OK;
}
