// SPDX-License-Identifier: MIT
#include "infer/depth_scores.h"

#include <math.h>

const v2s_depth_metric v2s_depth_metrics[V2S_DEPTH_METRICS] = {
    {"mae", "m", "mean absolute error (L1)", 3, false},
    {"rmse", "m", "root of the mean square error", 3, false},
    {"abs_rel", "", "mean of error over truth", 3, false},
    {"log10", "", "mean difference of the decimal logarithms", 3, false},
    {"delta1", "", "share of pixels within a factor of 1.25", 3, true},
    {"delta2", "", "within a factor of 1.5625", 3, true},
    {"delta3", "", "within a factor of 1.953", 3, true},
};

void v2s_depth_scores_list(const v2s_depth_scores *s, double list[V2S_DEPTH_METRICS]) {
    const double in_order[V2S_DEPTH_METRICS] = {s->mae,    s->rmse,   s->abs_rel, s->log10,
                                                s->delta1, s->delta2, s->delta3};
    for (int m = 0; m < V2S_DEPTH_METRICS; m++)
        list[m] = in_order[m];
}

void v2s_depth_json_number(cJSON *object, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}

void v2s_depth_json_scores(cJSON *object, const double list[V2S_DEPTH_METRICS]) {
    cJSON *m7 = cJSON_AddObjectToObject(object, "M7");
    for (int m = 0; m < V2S_DEPTH_METRICS; m++)
        v2s_depth_json_number(m7, v2s_depth_metrics[m].name, list[m]);
}
