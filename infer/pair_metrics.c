// SPDX-License-Identifier: MIT
#include "infer/pair_metrics.h"

#include <math.h>
#include <string.h>
#include <strings.h>

// The metrics of one word, which ends at its comma or at the end.
static v2s_metric_set of_word(const v2s_metric *metrics, int count, const char *word, size_t n) {
    v2s_metric_set set = 0;
    for (int i = 0; i < count; i++)
        if ((strlen(metrics[i].name) == n && strncasecmp(word, metrics[i].name, n) == 0) ||
            (strlen(metrics[i].formula) == n && strncasecmp(word, metrics[i].formula, n) == 0))
            set |= V2S_METRIC_BIT(i);
    return set;
}

// The next word of *list, NULL after the last; *n is its length.
static const char *next_word(const char **list, size_t *n) {
    const char *word = *list;
    if (word == NULL)
        return NULL;
    *n = strcspn(word, ",");
    *list = word[*n] == ',' ? word + *n + 1 : NULL;
    return word;
}

bool v2s_pair_metrics_named(const v2s_metric *metrics, int count, const char *list) {
    const char *word;
    size_t n = 0;
    while ((word = next_word(&list, &n)) != NULL)
        if (of_word(metrics, count, word, n) != 0)
            return true;
    return false;
}

v2s_status v2s_pair_metrics_choose(const v2s_metric *metrics, int count, const char *list,
                                   const char *of, v2s_metric_set *set) {
    v2s_metric_set found = 0;
    const char *word;
    size_t n = 0;
    if (list == NULL || strcasecmp(list, "all") == 0) {
        *set = V2S_METRICS_BETWEEN(0, count - 1);
        return V2S_OK;
    }
    while ((word = next_word(&list, &n)) != NULL) {
        v2s_metric_set one = of_word(metrics, count, word, n);
        if (one == 0)
            return V2S_FAIL(V2S_USAGE, "--metrics: '%.*s' is not a metric of %s",
                            n < 40 ? (int)n : 40, word, of);
        found |= one;
    }
    *set = found;
    return V2S_OK;
}

void v2s_pair_number(cJSON *object, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}
