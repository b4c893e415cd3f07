// SPDX-License-Identifier: MIT
// Scores of four channels.
#include "infer/judge_internal.h"
#include "spatial/map_agreement.h"

static v2s_status judge_statistics(v2s_judge_tools *t, size_t frames, const float *truth,
                                   const float *const *predictions, size_t count,
                                   double (*scores)[V2S_METRIC_COUNT]) {
    v2s_foa_scores s[V2S_SYSTEMS_MAX];
    V2S_ASSERT(count <= V2S_SYSTEMS_MAX);
    V2S_TRY(v2s_foa_stats_compare(t->stats, frames, truth, predictions, count, s));
    for (size_t i = 0; i < count; i++) {
        scores[i][V2S_METRIC_DIFFUSENESS] = s[i].diffuseness;
        scores[i][V2S_METRIC_LEVEL] = s[i].level;
        scores[i][V2S_METRIC_LSD] = s[i].lsd;
        scores[i][V2S_METRIC_DIRECTION] = s[i].direction;
        scores[i][V2S_METRIC_DIFFUSENESS_BLOCK] = s[i].diffuseness_block;
        scores[i][V2S_METRIC_LEVEL_BLOCK] = s[i].level_block;
        scores[i][V2S_METRIC_COVARIANCE] = s[i].covariance;
    }
    return V2S_OK;
}

static v2s_status judge_maps(v2s_judge_tools *t, size_t frames, const float *truth,
                             const float *const *predictions, size_t count,
                             double (*scores)[V2S_METRIC_COUNT]) {
    for (size_t i = 0; i < count; i++) {
        v2s_map_scores m;
        V2S_TRY(v2s_map_agreement(t->rate_hz, frames, truth, predictions[i], &m));
        scores[i][V2S_METRIC_M6_CC] = m.cc;
        scores[i][V2S_METRIC_M6_AUC] = m.auc;
        scores[i][V2S_METRIC_M6_CC_1FPS] = m.cc_1fps;
        scores[i][V2S_METRIC_M6_AUC_1FPS] = m.auc_1fps;
        scores[i][V2S_METRIC_M6_CC_5FPS] = m.cc_5fps;
        scores[i][V2S_METRIC_M6_AUC_5FPS] = m.auc_5fps;
    }
    return V2S_OK;
}

v2s_status v2s_judge_field(const v2s_judge_options *options, v2s_judge_tools *tools, size_t frames,
                           const float *truth, const float *const *predictions, size_t count,
                           double (*scores)[V2S_METRIC_COUNT]) {
    V2S_TRY(judge_statistics(tools, frames, truth, predictions, count, scores));
    if (v2s_judge_wants(options,
                        V2S_METRICS_BETWEEN(V2S_METRIC_M6_CC, V2S_METRIC_M6_AUC_5FPS_SN3D)))
        V2S_TRY(judge_maps(tools, frames, truth, predictions, count, scores));
    for (size_t i = 0; i < count; i++)
        if (v2s_judge_wants(options, V2S_METRIC_BIT(V2S_METRIC_M8)))
            scores[i][V2S_METRIC_M8] =
                v2s_direction_error_deg(tools->rate_hz, frames, truth, predictions[i]);
    return V2S_OK;
}
