// SPDX-License-Identifier: MIT
// Scores of four channels.
#include <stdlib.h>

#include "infer/judge_internal.h"
#include "spatial/foa_distance.h"
#include "spatial/map_agreement.h"

static const v2s_metric_set published_maps =
    V2S_METRICS_BETWEEN(V2S_METRIC_M6_CC, V2S_METRIC_M6_AUC_5FPS);
static const v2s_metric_set sn3d_maps =
    V2S_METRICS_BETWEEN(V2S_METRIC_M6_CC_SN3D, V2S_METRIC_M6_AUC_5FPS_SN3D);
static const v2s_metric_set intensities =
    V2S_METRICS_BETWEEN(V2S_METRIC_M9_AZIMUTH, V2S_METRIC_M9_ANGLE);

static const v2s_metric_set statistics =
    V2S_METRICS_BETWEEN(V2S_METRIC_DIFFUSENESS, V2S_METRIC_COVARIANCE);
static const v2s_metric_set distances =
    V2S_METRICS_BETWEEN(V2S_METRIC_M10_STFT_Y, V2S_METRIC_M10_EMD_NORM);
static const v2s_metric_set earth_movers =
    V2S_METRICS_BETWEEN(V2S_METRIC_M10_EMD, V2S_METRIC_M10_EMD_NORM);

static v2s_status judge_statistics(v2s_judge_tools *t, size_t frames, const float *truth,
                                   const float *const *predictions, size_t count,
                                   double (*scores)[V2S_METRIC_COUNT]) {
    v2s_foa_scores *s = calloc(count, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_foa_stats_compare(t->stats, frames, truth, predictions, count, s);
    for (size_t i = 0; status == V2S_OK && i < count; i++) {
        scores[i][V2S_METRIC_DIFFUSENESS] = s[i].diffuseness;
        scores[i][V2S_METRIC_LEVEL] = s[i].level;
        scores[i][V2S_METRIC_LSD] = s[i].lsd;
        scores[i][V2S_METRIC_DIRECTION] = s[i].direction;
        scores[i][V2S_METRIC_DIFFUSENESS_BLOCK] = s[i].diffuseness_block;
        scores[i][V2S_METRIC_LEVEL_BLOCK] = s[i].level_block;
        scores[i][V2S_METRIC_COVARIANCE] = s[i].covariance;
    }
    free(s);
    return status;
}

static void put_maps(const v2s_map_scores *m, v2s_metric_id first, double *scores) {
    const double value[] = {m->cc, m->auc, m->cc_1fps, m->auc_1fps, m->cc_5fps, m->auc_5fps};
    for (int i = 0; i < 6; i++)
        scores[first + i] = value[i];
}

static v2s_status judge_maps(const v2s_judge_options *options, v2s_judge_tools *t, size_t frames,
                             const float *truth, const float *prediction, double *scores) {
    bool published = v2s_judge_wants(options, published_maps);
    bool sn3d = v2s_judge_wants(options, sn3d_maps);
    v2s_map_scores m[2];
    if (!published && !sn3d)
        return V2S_OK;
    V2S_TRY(v2s_map_agreement(t->rate_hz, frames, truth, prediction, published ? &m[0] : NULL,
                              sn3d ? &m[1] : NULL));
    if (published)
        put_maps(&m[0], V2S_METRIC_M6_CC, scores);
    if (sn3d)
        put_maps(&m[1], V2S_METRIC_M6_CC_SN3D, scores);
    return V2S_OK;
}

static void judge_angles(const v2s_judge_options *options, double rate_hz, size_t frames,
                         const float *truth, const float *prediction, double *scores) {
    if (v2s_judge_wants(options, V2S_METRIC_BIT(V2S_METRIC_M8)))
        scores[V2S_METRIC_M8] = v2s_direction_error_deg(rate_hz, frames, truth, prediction);
    if (!v2s_judge_wants(options, intensities))
        return;
    v2s_intensity_error e = v2s_intensity_error_of(frames, truth, prediction);
    scores[V2S_METRIC_M9_AZIMUTH] = e.azimuth_rad;
    scores[V2S_METRIC_M9_ELEVATION] = e.elevation_rad;
    scores[V2S_METRIC_M9_ANGLE] = e.angle_rad;
}

static v2s_status judge_distances(const v2s_judge_options *options, double rate_hz, size_t frames,
                                  const float *truth, const float *prediction, double *scores) {
    v2s_foa_distance d;
    if (!v2s_judge_wants(options, distances))
        return V2S_OK;
    v2s_status status = v2s_foa_distance_measure(rate_hz, frames, truth, prediction,
                                                 v2s_judge_wants(options, earth_movers), &d);
    if (status == V2S_FORMAT && options->lenient)
        return V2S_OK;
    V2S_TRY(status);
    for (int i = 0; i < 3; i++) {
        scores[V2S_METRIC_M10_STFT_Y + i] = d.stft[i];
        scores[V2S_METRIC_M10_ENV_Y + i] = d.env[i];
    }
    scores[V2S_METRIC_M10_LSD] = d.lsd_db;
    scores[V2S_METRIC_M10_MSE] = d.mse;
    scores[V2S_METRIC_M10_SNR] = d.snr_db;
    scores[V2S_METRIC_M10_EMD] = d.emd;
    scores[V2S_METRIC_M10_EMD_NORM] = d.emd_norm;
    return V2S_OK;
}

v2s_status v2s_judge_field(const v2s_judge_options *options, v2s_judge_tools *tools, size_t frames,
                           const float *truth, const float *const *predictions, size_t count,
                           double (*scores)[V2S_METRIC_COUNT]) {
    double rate_hz = tools->rate_hz;
    if (v2s_judge_wants(options, statistics)) {
        v2s_status status = judge_statistics(tools, frames, truth, predictions, count, scores);
        if (status != V2S_OK && !(status == V2S_FORMAT && options->lenient))
            return status;
    }
    for (size_t i = 0; i < count; i++) {
        const float *p = predictions[i];
        V2S_TRY(judge_maps(options, tools, frames, truth, p, scores[i]));
        judge_angles(options, rate_hz, frames, truth, p, scores[i]);
        V2S_TRY(judge_distances(options, rate_hz, frames, truth, p, scores[i]));
    }
    return V2S_OK;
}
