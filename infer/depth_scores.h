// SPDX-License-Identifier: MIT
// The numbers of M7 by name, as tables, JSON and pages show them.
#ifndef V2S_INFER_DEPTH_SCORES_H
#define V2S_INFER_DEPTH_SCORES_H

#include <cjson/cJSON.h>

#include "data/depth_map.h"

enum { V2S_DEPTH_METRICS = 7 };

typedef struct v2s_depth_metric {
    const char *name, *unit, *meaning;
    int decimals;
    bool higher_is_better;
} v2s_depth_metric;

// mae (the L1 of a picture) first.
extern const v2s_depth_metric v2s_depth_metrics[V2S_DEPTH_METRICS];

// In the order of the table.
void v2s_depth_scores_list(const v2s_depth_scores *scores, double list[V2S_DEPTH_METRICS]);

// A number of a JSON object; null where it is not finite.
void v2s_depth_json_number(cJSON *object, const char *key, double value);

// "M7": {...} under `object`.
void v2s_depth_json_scores(cJSON *object, const double list[V2S_DEPTH_METRICS]);

#endif
