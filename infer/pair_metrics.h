// SPDX-License-Identifier: MIT
// --metrics for comparisons that have a table of metrics of their own (responses, labels).
#ifndef V2S_INFER_PAIR_METRICS_H
#define V2S_INFER_PAIR_METRICS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "infer/compare.h"

// Whether one of the words of `list` (by commas) is a name or formula of the table.
bool v2s_pair_metrics_named(const v2s_metric *metrics, int count, const char *list);

// The metrics that `list` names; all of them where it is NULL or "all". USAGE for a word that is
// none of theirs, naming it and `of`: what the table is of.
V2S_MUST_USE v2s_status v2s_pair_metrics_choose(const v2s_metric *metrics, int count,
                                                const char *list, const char *of,
                                                v2s_metric_set *set);

// A number, or null where it is not finite.
void v2s_pair_number(cJSON *object, const char *key, double value);

#endif
