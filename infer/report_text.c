// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/report_internal.h"
#include "kernels/base/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD" // U+FFFD

static bool is_control(unsigned char c) {
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
}

static const char *html_entity(unsigned char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void v2s_page_put(v2s_page *page, const char *html) {
    v2s_file_out_write(page->out, html, strlen(html));
}

void v2s_page_text(v2s_page *page, const char *text) {
    const unsigned char *s = (const unsigned char *)(text ? text : "");
    while (*s) {
        size_t length = v2s_utf8_length(s);
        const char *entity = html_entity(*s);
        if (length == 0 || is_control(*s))
            entity = REPLACEMENT;
        if (entity)
            v2s_file_out_write(page->out, entity, strlen(entity));
        else
            v2s_file_out_write(page->out, s, length);
        s += length ? length : 1;
    }
}

void v2s_page_json_text(v2s_page *page, const char *text) {
    const unsigned char *s = (const unsigned char *)(text ? text : "");
    v2s_file_out_write(page->out, "\"", 1);
    while (*s) {
        size_t length = v2s_utf8_length(s);
        if (length == 0)
            v2s_file_out_write(page->out, REPLACEMENT, strlen(REPLACEMENT));
        else if (length == 1 && (*s < 0x20 || *s == 0x7F || strchr("\"\\<>&", *s)))
            v2s_file_out_printf(page->out, "\\u%04x", *s);
        else
            v2s_file_out_write(page->out, s, length);
        s += length ? length : 1;
    }
    v2s_file_out_write(page->out, "\"", 1);
}

void v2s_page_json_number(v2s_page *page, double value, int decimals) {
    if (!isfinite(value) || fabs(value) > 1e12)
        v2s_page_put(page, "null");
    else
        v2s_file_out_printf(page->out, "%.*f", decimals, value);
}

void v2s_page_number(v2s_page *page, double value, int decimals, bool has_sign) {
    char digits[32];
    if (!isfinite(value) || fabs(value) > 1e12) {
        v2s_page_put(page, "–");
        return;
    }
    snprintf(digits, sizeof digits, "%.*f", decimals, fabs(value));
    bool is_zero = strspn(digits, "0.") == strlen(digits);
    v2s_page_put(page, is_zero ? "" : value < 0.0 ? "−" : has_sign ? "+" : "");
    v2s_page_put(page, digits);
}

void v2s_page_data_uri(v2s_page *page, const char *mime, const unsigned char *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char four[4];
    v2s_page_put(page, "data:");
    v2s_page_text(page, mime);
    v2s_page_put(page, ";base64,");
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t word = (uint32_t)bytes[i] << 16;
        word |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        word |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
        four[0] = digits[word >> 18];
        four[1] = digits[word >> 12 & 63];
        four[2] = left > 1 ? digits[word >> 6 & 63] : '=';
        four[3] = left > 2 ? digits[word & 63] : '=';
        v2s_file_out_write(page->out, four, 4);
    }
}

void v2s_page_time(char text[V2S_PAGE_TIME_MAX], double time_s) {
    if (!isfinite(time_s) || fabs(time_s) > 1e9) {
        snprintf(text, V2S_PAGE_TIME_MAX, "unknown");
        return;
    }
    if (fabs(time_s) < 59.995) {
        snprintf(text, V2S_PAGE_TIME_MAX, "%.2f s", time_s);
        return;
    }
    int64_t tenths = llround(fabs(time_s) * 10.0);
    int64_t seconds = tenths / 10;
    const char *sign = time_s < 0.0 ? "-" : "";
    if (seconds < 3600) {
        snprintf(text, V2S_PAGE_TIME_MAX, "%s%d:%02d.%d", sign, (int)(seconds / 60),
                 (int)(seconds % 60), (int)(tenths % 10));
    } else {
        snprintf(text, V2S_PAGE_TIME_MAX, "%s%" PRId64 ":%02d:%02d", sign, seconds / 3600,
                 (int)(seconds / 60 % 60), (int)(seconds % 60));
    }
}

double v2s_page_time_mille(const v2s_page *page, double time_s) {
    double mille = 1000.0 * (time_s - page->start_s) / (page->end_s - page->start_s);
    return isfinite(mille) ? fmin(fmax(mille, 0.0), 1000.0) : 0.0;
}

void v2s_page_object_name(const v2s_page *page, size_t object, char name[96]) {
    const v2s_trajectory *trajectory = page->report->objects[object].trajectory;
    int length = trajectory ? (int)strnlen(trajectory->name, sizeof trajectory->name) : 0;
    if (length == 0)
        snprintf(name, 96, "object %zu", object + 1);
    else if ((int)strspn(trajectory->name, "0123456789") == length) // a number is no name
        snprintf(name, 96, "object %.*s", length, trajectory->name);
    else
        snprintf(name, 96, "%.*s", length, trajectory->name);
}

void v2s_page_object_class(v2s_page *page, size_t object) {
    v2s_file_out_printf(page->out, "c%d d%d", (int)(object % V2S_PAGE_COLOURS),
                        (int)(object / V2S_PAGE_COLOURS % 3));
}
