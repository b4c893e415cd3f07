// SPDX-License-Identifier: MIT
// HTML pages that programs have written.
#ifndef V2S_TESTS_SUPPORT_PAGE_H
#define V2S_TESTS_SUPPORT_PAGE_H

#include <stddef.h>

// All of a page: malloc. Aborts the test if it cannot be read or holds a zero byte.
char *v2s_test_page_read(const char *path);

// How often a text stands in it.
size_t v2s_test_page_count(const char *page, const char *text);

// Aborts the test unless every element is closed in order, every attribute is quoted, every &
// begins an entity, no script or style is ended by its content, and nothing follows </html>.
void v2s_test_page_well_formed(const char *page);

#endif
