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
