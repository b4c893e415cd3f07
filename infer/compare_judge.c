// SPDX-License-Identifier: MIT
// One truth, some predictions, all metrics.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/compare.h"
#include "kernels/convolver.h"
#include "kernels/resample.h"
#include "spatial/binaural_design.h"
#include "spatial/ear_stats.h"
#include "spatial/foa_stats.h"
#include "spatial/map_agreement.h"
#include "spatial/stereo_distance.h"

enum { RATES_MAX = 8 };

// What depends on the rate, made when a rate is first met.
typedef struct tools {
    double rate_hz;
    v2s_foa_stats *stats;
    v2s_erb_stft *stft;
    v2s_convolver *ears;
    size_t latency; // of `ears`, filters included
} tools;

struct v2s_judge {
    const v2s_judge_options *options;
    tools rates[RATES_MAX]; // latest use last
    int rate_count;
};

static bool wants(const v2s_judge *j, v2s_metric_set set) {
    return (j->options->metrics & set) != 0;
}

static void tools_close(tools *t) {
    v2s_foa_stats_close(&t->stats);
    v2s_erb_stft_close(&t->stft);
    v2s_convolver_close(&t->ears);
}

v2s_status v2s_judge_open(const v2s_judge_options *options, v2s_judge **judge) {
    v2s_judge *j = calloc(1, sizeof *j);
    if (j == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    j->options = options;
    *judge = j;
    return V2S_OK;
}

void v2s_judge_close(v2s_judge **judge) {
    v2s_judge *j = *judge;
    if (j == NULL)
        return;
    for (int i = 0; i < j->rate_count; i++)
        tools_close(&j->rates[i]);
    free(j);
    *judge = NULL;
}

static v2s_status open_ears(const v2s_judge *j, tools *t) {
    float *filters = NULL;
    size_t taps = 0, delay = 0;
    V2S_TRY(v2s_binaural_design(j->options->hrtf, 1, t->rate_hz, V2S_BINAURAL_MAGLS, &filters,
                                &taps, &delay));
    v2s_status status = v2s_convolver_open(V2S_FOA_CHANNELS, 2, taps, filters, &t->ears);
    free(filters);
    if (status == V2S_OK)
        t->latency = delay + v2s_convolver_latency_frames(t->ears);
    return status;
}

static v2s_status tools_of(v2s_judge *j, double rate_hz, tools **out) {
    for (int i = 0; i < j->rate_count; i++)
        if (j->rates[i].rate_hz == rate_hz) {
            *out = &j->rates[i];
            return V2S_OK;
        }
    tools made = {.rate_hz = rate_hz};
    v2s_status status = v2s_foa_stats_open(rate_hz, &made.stats);
    if (status == V2S_OK)
        status = v2s_erb_stft_open(rate_hz, &made.stft);
    if (status == V2S_OK && j->options->hrtf != NULL && wants(j, v2s_metrics_of_ears()))
        status = open_ears(j, &made);
    if (status != V2S_OK) {
        tools_close(&made);
        return status;
    }
    if (j->rate_count == RATES_MAX) {
        tools_close(&j->rates[0]);
        memmove(j->rates, j->rates + 1, (RATES_MAX - 1) * sizeof *j->rates);
        j->rate_count--;
    }
    j->rates[j->rate_count] = made;
    *out = &j->rates[j->rate_count++];
    return V2S_OK;
}

// ---- two ears ---------------------------------------------------------------------------------

// What the metrics of ears need of one signal.
typedef struct ears {
    float *stereo; // [frames][2]
    v2s_ear_bands bands;
    float *low; // [low_frames][2] at 16 kHz, normalised if asked for
    size_t low_frames;
} ears;

static void ears_free(ears *e) {
    free(e->stereo);
    free(e->low);
}

// e->stereo is given.
static v2s_status measure_ears(const v2s_judge *j, tools *t, size_t frames, ears *e) {
    if (wants(j, V2S_METRIC_BIT(V2S_METRIC_IACC) | V2S_METRIC_BIT(V2S_METRIC_ILD)))
        V2S_TRY(v2s_ear_bands_measure(t->stft, frames, e->stereo, &e->bands));
    if (wants(j, V2S_METRIC_BIT(V2S_METRIC_M1) | V2S_METRIC_BIT(V2S_METRIC_M2))) {
        V2S_TRY(v2s_resample(e->stereo, frames, 2, t->rate_hz, V2S_STEREO_DISTANCE_RATE_HZ, &e->low,
                             &e->low_frames));
        if (j->options->normalise)
            v2s_stereo_normalise(e->low, e->low_frames);
    }
    return V2S_OK;
}

// Decodes [frames][4], in time with it.
static v2s_status decode_ears(const v2s_judge *j, tools *t, size_t frames, const float *foa,
                              ears *e) {
    size_t total = frames + t->latency;
    float *late = malloc(total * 2 * sizeof *late);
    float *zeros = calloc(t->latency + 1, V2S_FOA_CHANNELS * sizeof *zeros);
    if (late == NULL || zeros == NULL) {
        free(late);
        free(zeros);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    v2s_convolver_reset(t->ears);
    v2s_convolver_process(t->ears, foa, frames, late);
    v2s_convolver_process(t->ears, zeros, t->latency, late + 2 * frames);
    memmove(late, late + 2 * t->latency, frames * 2 * sizeof *late);
    free(zeros);
    e->stereo = late;
    return measure_ears(j, t, frames, e);
}

static v2s_status score_ears(const v2s_judge *j, const ears *truth, const ears *prediction,
                             double *score) {
    if (wants(j, V2S_METRIC_BIT(V2S_METRIC_IACC) | V2S_METRIC_BIT(V2S_METRIC_ILD))) {
        v2s_ear_scores s = v2s_ear_bands_compare(&truth->bands, &prediction->bands);
        score[V2S_METRIC_IACC] = s.iacc;
        score[V2S_METRIC_ILD] = s.ild;
    }
    if (wants(j, V2S_METRIC_BIT(V2S_METRIC_M1)))
        V2S_TRY(v2s_stereo_stft_distance(truth->low, prediction->low, truth->low_frames,
                                         j->options->reflect, &score[V2S_METRIC_M1]));
    if (wants(j, V2S_METRIC_BIT(V2S_METRIC_M2)))
        V2S_TRY(v2s_stereo_envelope_distance(truth->low, prediction->low, truth->low_frames,
                                             &score[V2S_METRIC_M2]));
    return V2S_OK;
}

static v2s_status judge_ears(v2s_judge *j, tools *t, size_t frames, const float *truth,
                             const float *const *predictions, size_t count,
                             double (*scores)[V2S_METRIC_COUNT]) {
    ears true_ears = {0};
    v2s_status status = decode_ears(j, t, frames, truth, &true_ears);
    for (size_t i = 0; status == V2S_OK && i < count; i++) {
        ears e = {0};
        status = decode_ears(j, t, frames, predictions[i], &e);
        if (status == V2S_OK)
            status = score_ears(j, &true_ears, &e, scores[i]);
        ears_free(&e);
    }
    ears_free(&true_ears);
    return status;
}

// ---- four channels ----------------------------------------------------------------------------

static v2s_status judge_field(v2s_judge *j, tools *t, size_t frames, const float *truth,
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
        if (wants(j, V2S_METRIC_BIT(V2S_METRIC_M8)))
            scores[i][V2S_METRIC_M8] =
                v2s_direction_error_deg(t->rate_hz, frames, truth, predictions[i]);
    }
    return V2S_OK;
}

static v2s_status judge_maps(tools *t, size_t frames, const float *truth,
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

static void clear(double (*scores)[V2S_METRIC_COUNT], size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int m = 0; m < V2S_METRIC_COUNT; m++)
            scores[i][m] = NAN;
}

v2s_status v2s_judge_foa(v2s_judge *judge, double rate_hz, size_t frames, const float *truth,
                         const float *const *predictions, size_t count,
                         double (*scores)[V2S_METRIC_COUNT]) {
    tools *t = NULL;
    v2s_metric_set maps = V2S_METRIC_BIT(V2S_METRIC_M8) - V2S_METRIC_BIT(V2S_METRIC_M6_CC);
    clear(scores, count);
    V2S_TRY(tools_of(judge, rate_hz, &t));
    V2S_TRY(judge_field(judge, t, frames, truth, predictions, count, scores));
    if (t->ears != NULL)
        V2S_TRY(judge_ears(judge, t, frames, truth, predictions, count, scores));
    if (wants(judge, maps))
        V2S_TRY(judge_maps(t, frames, truth, predictions, count, scores));
    return V2S_OK;
}

static v2s_status copy_ears(const v2s_judge *j, tools *t, size_t frames, const float *stereo,
                            ears *e) {
    e->stereo = malloc(frames * 2 * sizeof *e->stereo);
    if (e->stereo == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(e->stereo, stereo, frames * 2 * sizeof *e->stereo);
    return measure_ears(j, t, frames, e);
}

v2s_status v2s_judge_stereo(v2s_judge *judge, double rate_hz, size_t frames, const float *truth,
                            const float *prediction, double scores[V2S_METRIC_COUNT]) {
    tools *t = NULL;
    ears a = {0}, b = {0};
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        scores[m] = NAN;
    V2S_TRY(tools_of(judge, rate_hz, &t));
    v2s_status status = copy_ears(judge, t, frames, truth, &a);
    if (status == V2S_OK)
        status = copy_ears(judge, t, frames, prediction, &b);
    if (status == V2S_OK)
        status = score_ears(judge, &a, &b, scores);
    ears_free(&a);
    ears_free(&b);
    return status;
}
