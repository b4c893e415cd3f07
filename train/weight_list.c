// SPDX-License-Identifier: MIT
#include "train/weight_list.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/options.h"

enum { ITEM_MAX = 128, KNOWN_MAX = 384 };

// Index of the name, `count` where there is none.
static int index_of(const char *name, const char *const *names, int count) {
    int k = 0;
    while (k < count && strcmp(names[k], name) != 0)
        k++;
    return k;
}

static v2s_status unknown_name(const char *option, const char *name, const char *const *names,
                               int count) {
    char known[KNOWN_MAX] = "";
    for (int k = 0; k < count; k++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", k == 0 ? "" : ", ", names[k]);
    }
    return V2S_FAIL(V2S_USAGE, "%s: no loss is called '%.64s'; there are %s", option, name, known);
}

// One "name" or "name=weight"; cut in two in place.
static v2s_status parse_item(const char *option, char *item, const char *const *names, int count,
                             double *weights, bool *seen) {
    char *value = strchr(item, '=');
    if (value != NULL)
        *value++ = '\0';
    int k = index_of(item, names, count);
    if (k == count)
        return unknown_name(option, item, names, count);
    if (seen[k])
        return V2S_FAIL(V2S_USAGE, "%s: %s is given twice", option, item);
    seen[k] = true;
    weights[k] = 1.0;
    if (value != NULL && (!v2s_parse_number(value, &weights[k]) || weights[k] < 0.0))
        return V2S_FAIL(V2S_USAGE, "%s: weight of %s: need a number of 0 or more, found '%s'",
                        option, item, value);
    return V2S_OK;
}

v2s_status v2s_weight_list_parse(const char *option, const char *text, const char *const *names,
                                 int count, double *out) {
    V2S_ASSERT(count <= V2S_WEIGHT_LIST_MAX);
    char item[ITEM_MAX];
    double weights[V2S_WEIGHT_LIST_MAX] = {0}, sum = 0.0;
    bool seen[V2S_WEIGHT_LIST_MAX] = {false};
    for (const char *at = text, *end; at != NULL; at = *end == ',' ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        if ((size_t)(end - at) >= sizeof item)
            return V2S_FAIL(V2S_USAGE, "%s: need NAME=WEIGHT,..., found an item of %zu letters",
                            option, (size_t)(end - at));
        memcpy(item, at, (size_t)(end - at));
        item[end - at] = '\0';
        V2S_TRY(parse_item(option, item, names, count, weights, seen));
    }
    for (int k = 0; k < count; k++)
        sum += weights[k];
    if (!(sum > 0.0))
        return V2S_FAIL(V2S_USAGE, "%s: all weights are 0", option);
    memcpy(out, weights, (size_t)count * sizeof *out);
    return V2S_OK;
}

void v2s_weight_list_text(const double *weights, const char *const *names, int count, char *text,
                          size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < count && used < size; k++) {
        char number[32];
        if (weights[k] == 0.0)
            continue;
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, weights[k]);
            if (strtod(number, NULL) == weights[k])
                break;
        }
        used += (size_t)snprintf(text + used, size - used, "%s%s=%s", used > 0 ? "," : "", names[k],
                                 number);
    }
}
