// SPDX-License-Identifier: MIT
// Means, intervals and verdicts over the scored samples of a depth run.
//
// A number of a system is the mean over pictures of the picture's number (M7, metrics.md); its
// interval is that of infer/bootstrap.h over locations. Differences are the model's number minus
// the other system's, paired by picture.
#ifndef V2S_INFER_DEPTH_SUMMARY_H
#define V2S_INFER_DEPTH_SUMMARY_H

#include "infer/bootstrap.h"
#include "infer/depth_pass.h"

typedef struct v2s_depth_versus {
    v2s_interval interval;
    double win_rate; // share of pictures in which the model is better
} v2s_depth_versus;

typedef struct v2s_depth_summary {
    const v2s_depth_pass *pass; // names of the systems; borrowed
    size_t clips, locations, failed;
    int draws;
    uint64_t seed;
    size_t systems;
    v2s_interval (*system)[V2S_DEPTH_METRICS];     // [systems], owned
    v2s_depth_versus (*versus)[V2S_DEPTH_METRICS]; // [systems], owned; [0] is not used
    double *pooled_l1;                             // [systems], owned: over all valid pixels, m
} v2s_depth_summary;

// Of the results with a truth, at least one. NOMEM; `summary` is untouched on failure.
V2S_MUST_USE v2s_status v2s_depth_summarise(const v2s_depth_pass *pass,
                                            const v2s_depth_result *results, size_t count,
                                            int draws, uint64_t seed, v2s_depth_summary *summary);
void v2s_depth_summary_free(v2s_depth_summary *summary); // accepts a zeroed one

// 1 the model is better, -1 worse, 0 not different; *known is false with too few locations.
int v2s_depth_verdict(int metric, const v2s_depth_versus *versus, bool *known);

// "better than", "worse than", "not different from", or that there are too few locations.
const char *v2s_depth_verdict_words(int metric, const v2s_depth_versus *versus);

// The model's mean absolute error over that of `system`; not a number where one is missing.
double v2s_depth_ratio(const v2s_depth_summary *summary, size_t system);

// Tables on standard output; `clips`, `locations`, `systems`, `difference`, `ratio` of a JSON
// object.
void v2s_depth_summary_print(const v2s_depth_summary *summary);
void v2s_depth_summary_json(const v2s_depth_summary *summary, cJSON *json);

#endif
