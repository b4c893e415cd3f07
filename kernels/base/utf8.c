// SPDX-License-Identifier: MIT
#include "kernels/base/utf8.h"

size_t v2s_utf8_length(const unsigned char *s) {
    unsigned char lo = 0x80, hi = 0xBF;
    size_t more;
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        more = 1;
    } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        more = 2;
        lo = s[0] == 0xE0 ? 0xA0 : 0x80;
        hi = s[0] == 0xED ? 0x9F : 0xBF;
    } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        more = 3;
        lo = s[0] == 0xF0 ? 0x90 : 0x80;
        hi = s[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (s[1] < lo || s[1] > hi)
        return 0;
    for (size_t i = 2; i <= more; i++) {
        if (s[i] < 0x80 || s[i] > 0xBF)
            return 0;
    }
    return more + 1;
}

bool v2s_utf8_is_line(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    for (size_t length; *s != '\0'; s += length) {
        length = v2s_utf8_length(s);
        if (length == 0 || *s < 0x20 || *s == 0x7f)
            return false;
    }
    return true;
}
