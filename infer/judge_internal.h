// SPDX-License-Identifier: MIT
// What the files that judge a pair of sounds share: compare_judge.c holds the tools of each sample
// rate, judge_ears.c knows two channels, judge_field.c four.
#ifndef V2S_INFER_JUDGE_INTERNAL_H
#define V2S_INFER_JUDGE_INTERNAL_H

#include "infer/compare.h"
#include "infer/ear_decoder.h"
#include "spatial/erb_stft.h"
#include "spatial/foa_stats.h"

// What depends on the rate, made when a rate is first met.
typedef struct v2s_judge_tools {
    double rate_hz;
    v2s_foa_stats *stats;
    v2s_erb_stft *stft;
    v2s_ear_decoder *ears; // NULL where no metric or no head asks for it
} v2s_judge_tools;

static inline bool v2s_judge_wants(const v2s_judge_options *options, v2s_metric_set set) {
    return (options->metrics & set) != 0;
}

// ---- two channels (judge_ears.c) --------------------------------------------------------------

// Scores of predictions [frames][channels] against a truth [frames][true_channels]: two channels as
// they are, four decoded by tools->ears (in time with them); what is asked for of IACC .. M5_ENV.
// FORMAT: too short. NOMEM.
V2S_MUST_USE v2s_status v2s_judge_ears(const v2s_judge_options *options, v2s_judge_tools *tools,
                                       int true_channels, int channels, size_t frames,
                                       const float *truth, const float *const *predictions,
                                       size_t count, double (*scores)[V2S_METRIC_COUNT]);

// ---- four channels (judge_field.c) ------------------------------------------------------------

// Scores of sounds [frames][4] AmbiX: what is asked for of the metrics that are not of ears.
// FORMAT: too short, or a silent truth, unless lenient. NOMEM.
V2S_MUST_USE v2s_status v2s_judge_field(const v2s_judge_options *options, v2s_judge_tools *tools,
                                        size_t frames, const float *truth,
                                        const float *const *predictions, size_t count,
                                        double (*scores)[V2S_METRIC_COUNT]);

#endif
