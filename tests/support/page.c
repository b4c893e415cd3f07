// SPDX-License-Identifier: MIT
#include "tests/support/page.h"

#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *v2s_test_page_read(const char *path) {
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    char *page = calloc(size + 1, 1);
    cr_assert_eq(fread(page, 1, size, f), size);
    cr_assert_eq(strlen(page), size, "a zero byte in the page");
    fclose(f);
    return page;
}

size_t v2s_test_page_count(const char *page, const char *text) {
    size_t count = 0;
    for (const char *p = page; (p = strstr(p, text)); p += strlen(text))
        count++;
    return count;
}

enum { DEPTH = 64, NAME = 32 };

static bool is_void(const char *name) {
    static const char *const names[] = {"meta", "link", "img", "input", "br"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

// The end of the tag that begins at p; attributes must be quoted, a name stands once per tag.
static const char *tag_end(const char *p, bool *closed) {
    *closed = false;
    for (; *p && *p != '>'; p++) {
        cr_assert_neq(*p, '<', "a tag in a tag: %.40s", p);
        *closed = *p == '/';
        if (*p == '"') {
            p = strchr(p + 1, '"');
            cr_assert_not_null(p, "an open quote");
            cr_assert(strchr(" \n>/", p[1]), "text after a quote: %.40s", p);
        }
    }
    cr_assert_eq(*p, '>', "an open tag");
    return p + 1;
}

// Every element is closed in order, every & begins an entity, nothing follows </html>.
void v2s_test_page_well_formed(const char *page) {
    char open[DEPTH][NAME];
    int depth = 0;
    cr_assert_eq(strncmp(page, "<!DOCTYPE html>\n", 16), 0);
    for (const char *p = page + 16; *p;) {
        if (*p == '&')
            cr_assert(strcspn(p, ";") < 8, "not an entity: %.20s", p);
        if (*p++ != '<')
            continue;
        bool ends = *p == '/', closed;
        char name[NAME] = "";
        sscanf(p + ends, "%31[a-zA-Z0-9]", name);
        cr_assert_neq(name[0], 0, "not a tag: %.40s", p);
        p = tag_end(p + ends, &closed);
        if (ends) {
            cr_assert(depth > 0 && strcmp(open[depth - 1], name) == 0, "</%s> closes <%s> at %.60s",
                      name, depth ? open[depth - 1] : "nothing", p);
            depth--;
        } else if (!closed && !is_void(name)) {
            cr_assert_lt(depth, DEPTH);
            strcpy(open[depth++], name);
        }
        if (!ends && (strcmp(name, "script") == 0 || strcmp(name, "style") == 0)) {
            p = strstr(p, "</");
            cr_assert(p && strncmp(p + 2, name, strlen(name)) == 0, "</ inside <%s>", name);
        }
    }
    cr_assert_eq(depth, 0, "<%s> is never closed", depth ? open[depth - 1] : "");
}
