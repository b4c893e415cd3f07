// SPDX-License-Identifier: MIT
// One way through all samples of a run: load, predict with every model, score, hand over.
//
// Systems  0 the model, 1 and 2 its floors (mean depth map and best constant of its training
//          split), 3 .. the other models. All of them answer for the same pixels.
#ifndef V2S_INFER_DEPTH_PASS_H
#define V2S_INFER_DEPTH_PASS_H

#include "infer/depth_model.h"
#include "infer/depth_scores.h"
#include "infer/depth_source.h"

enum { V2S_DEPTH_MEAN_MAP = 1, V2S_DEPTH_CONSTANT = 2, V2S_DEPTH_OTHERS = 3 };

// What became of one sample.
typedef struct v2s_depth_result {
    const v2s_depth_sample *sample;
    char *reason;      // why it was not used, owned; NULL: it was
    v2s_status status; // with the reason
    v2s_echo_notes notes;
    bool has_truth;
    double least_m, mean_m, most_m;     // of the model's depth
    size_t valid;                       // pixels of the truth
    double (*score)[V2S_DEPTH_METRICS]; // [systems], owned; not numbers without truth
    double *absolute_m;                 // [systems], owned: sum of |p - t| over valid pixels
} v2s_depth_result;

// Samples that went through together; row i belongs to results[i].
typedef struct v2s_depth_batch {
    int count;
    v2s_depth_result **results; // [count]
    const float *x;             // [count,2,size,size]
    const float *depth;         // [count,size,size] of the model
    const float *truth;         // [count,size,size], zeros without one
} v2s_depth_batch;

typedef struct v2s_depth_pass {
    v2s_depth_model *models; // [model_count], the first is the model; borrowed
    size_t model_count;
    const v2s_echo *echo;
    v2s_depth_map_options map;
    bool need_truth; // a sample without a usable one is not used (data sets)
    bool strict;     // the first sample that is not used ends the run
    bool quiet;
    v2s_run_log *log;
    // Called for every batch, right after its prediction; may be NULL.
    v2s_status (*each)(void *ctx, const v2s_depth_batch *batch);
    void *ctx;
} v2s_depth_pass;

size_t v2s_depth_pass_systems(const v2s_depth_pass *pass);
bool v2s_depth_pass_has(const v2s_depth_pass *pass, size_t system);
const char *v2s_depth_pass_name(const v2s_depth_pass *pass, size_t system); // "mean_map"

// Fills results [count] (zeroed, `sample` set). What is wrong with a sample is its own result and a
// warning, with `strict` an error. FORMAT where none can be used; what the models, `each` and
// memory report; CANCELLED.
V2S_MUST_USE v2s_status v2s_depth_pass_run(const v2s_depth_pass *pass, v2s_depth_result *results,
                                           size_t count);
void v2s_depth_results_free(v2s_depth_result *results, size_t count);

#endif
