// SPDX-License-Identifier: MIT
// Whether bytes that came from outside are text (UTF-8, RFC 3629).
#ifndef V2S_KERNELS_BASE_UTF8_H
#define V2S_KERNELS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

// Length of the UTF-8 character at s (which ends with a zero byte), 0 if it is none: no overlong
// forms, no surrogates, nothing above U+10FFFF.
size_t v2s_utf8_length(const unsigned char *s);

// Whether all of it is UTF-8 without control characters.
bool v2s_utf8_is_line(const char *text);

#endif
