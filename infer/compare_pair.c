// SPDX-License-Identifier: MIT
#include "infer/compare_pair.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/sofa.h"
#include "infer/pair_detail.h"
#include "infer/pair_labels.h"
#include "infer/pair_response.h"
#include "infer/report_pair.h"
#include "infer/whole_sound.h"
#include "spatial/envelope.h"
#include "spatial/foa_stats.h"

enum { C = V2S_FOA_CHANNELS };

// The rule for real recordings: the truth's dipoles get the gain that makes E_YZX = E_W.
static v2s_status settle_recording(const char *path, v2s_whole_sound *t, v2s_run_log *log) {
    v2s_foa_stats *stats = NULL;
    v2s_foa_summary sum = {0};
    V2S_TRY(v2s_foa_stats_open(t->rate_hz, &stats));
    v2s_status status = v2s_foa_stats_summary(stats, t->frames, t->samples, &sum);
    v2s_foa_stats_close(&stats);
    V2S_TRY(status);
    double gain = sum.energy_dipoles > 0 ? sqrt(sum.energy_w / sum.energy_dipoles) : 1;
    for (size_t i = 0; i < t->frames; i++)
        for (int c = 1; c < C; c++)
            t->samples[i * C + (size_t)c] *= (float)gain;
    double directness = sum.energy_w > 0 ? gain * v2s_norm(sum.intensity) / sum.energy_w : 0;
    v2s_run_log_row(log, "dipole gain", "%.3f", gain);
    v2s_run_log_number(log, "dipole_gain", gain);
    v2s_run_log_number(log, "directness", directness);
    if (directness < V2S_RECORDED_DIRECTNESS_MIN)
        v2s_run_log_warn(log, "%s: no clear direction (2|I|/(E_W+E_YZX) is %.2f, below %.2f)", path,
                         directness, V2S_RECORDED_DIRECTNESS_MIN);
    return V2S_OK;
}

// ---- what is said -----------------------------------------------------------------------------

static void add_score(cJSON *o, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(o, key, value);
    else
        cJSON_AddNullToObject(o, key);
}

static void say_one(const v2s_metric *metric, double value, cJSON *flat, cJSON *system,
                    v2s_run_log *log) {
    add_score(flat, metric->name, value);
    cJSON *o = cJSON_AddObjectToObject(system, metric->name);
    add_score(o, "mean", value);
    cJSON_AddNullToObject(o, "lo");
    cJSON_AddNullToObject(o, "hi");
    if (isfinite(value))
        v2s_run_log_row(log, metric->name, "%.*f%s%s (%s)", metric->decimals, value,
                        metric->unit[0] != '\0' ? " " : "", metric->unit, metric->formula);
    else
        v2s_run_log_row(log, metric->name, "- (%s)", metric->formula);
}

void v2s_compare_pair_say(const v2s_metric *metrics, size_t count, v2s_metric_set shown,
                          const double *values, v2s_run_log *log) {
    cJSON_AddNumberToObject(log->json, "clips", 1);
    cJSON *flat = cJSON_AddObjectToObject(log->json, "metrics");
    cJSON *system =
        cJSON_AddObjectToObject(cJSON_AddObjectToObject(log->json, "systems"), "prediction");
    for (size_t m = 0; m < count; m++)
        if ((shown & V2S_METRIC_BIT(m)) != 0)
            say_one(&metrics[m], values[m], flat, system, log);
}

// ---- two sounds -------------------------------------------------------------------------------

// The metrics that are asked for and that such a sound has.
static v2s_status choose_metrics(const v2s_settings *s, int channels, v2s_metric_set *set,
                                 v2s_run_log *log) {
    v2s_metric_set asked = 0, known = v2s_metrics_of(channels, V2S_USE_ASKED);
    if (s->metrics == NULL) {
        *set = v2s_metrics_of(channels, V2S_USE_ALWAYS);
        return V2S_OK;
    }
    V2S_TRY(v2s_metrics_parse(s->metrics, &asked));
    if ((asked & known) == 0)
        return V2S_FAIL(V2S_USAGE, "--metrics %s: %s has %d channels, which have none of them",
                        s->metrics, s->truth, channels);
    if ((asked & ~known) != 0 && strcasecmp(s->metrics, "all") != 0)
        v2s_run_log_warn(log, "--metrics %s: those that %d channels do not have are left out",
                         s->metrics, channels);
    *set = asked & known;
    return V2S_OK;
}

// What has no number for a reason that is not in the numbers.
static void warn_undefined(const v2s_settings *s, v2s_metric_set metrics, const v2s_whole_sound *t,
                           const double *score, v2s_run_log *log) {
    bool silent = true;
    for (size_t i = 0; silent && i < t->frames; i++)
        silent = t->samples[i * (size_t)t->channels] == 0;
    v2s_metric_id statistic = t->channels == C ? V2S_METRIC_DIFFUSENESS : V2S_METRIC_IACC;
    if ((metrics & v2s_metrics_spatial()) != 0 && !isfinite(score[statistic]))
        v2s_run_log_warn(log, "%s: %s: no spatial statistics", s->truth,
                         silent ? "its first channel is silent"
                                : "shorter than one frame of 32 ms, or nothing to compare");
    bool env = (metrics & V2S_METRIC_BIT(V2S_METRIC_M5_ENV)) != 0;
    if (env && t->frames > V2S_ENVELOPE_FRAMES_MAX)
        v2s_run_log_warn(log, "%s: no envelope of more than %zu samples", s->truth,
                         V2S_ENVELOPE_FRAMES_MAX);
}

static v2s_status judge(const v2s_settings *s, const v2s_judge_options *options,
                        const v2s_whole_sound *p, const v2s_whole_sound *t,
                        double score[1][V2S_METRIC_COUNT], v2s_run_log *log) {
    const float *const predictions[1] = {p->samples};
    v2s_judge *j = NULL;
    V2S_TRY(v2s_judge_open(options, &j));
    v2s_status status =
        t->channels == C
            ? v2s_judge_foa(j, t->rate_hz, t->frames, t->samples, predictions, 1, score)
            : v2s_judge_stereo(j, t->rate_hz, t->frames, t->samples, p->samples, score[0]);
    v2s_judge_close(&j);
    if (status != V2S_OK)
        return status;
    warn_undefined(s, options->metrics, t, score[0], log);
    v2s_compare_pair_say(v2s_metrics, V2S_METRIC_COUNT, options->metrics, score[0], log);
    if (t->channels == C && log->json_path != NULL &&
        (options->metrics & v2s_metrics_spatial()) != 0)
        V2S_TRY(v2s_pair_detail(t->rate_hz, t->frames, t->samples, p->samples, log));
    return V2S_OK;
}

static v2s_status write_page(const v2s_settings *s, const char *command, v2s_metric_set metrics,
                             const double *scores, const v2s_whole_sound *p,
                             const v2s_whole_sound *t, const v2s_hrtf *head, const v2s_run_log *log,
                             size_t row_count) {
    v2s_pair_page page = {.command = command,
                          .settings = s,
                          .log = log,
                          .row_count = row_count,
                          .metrics = metrics,
                          .scores = scores,
                          .rate_hz = t->rate_hz,
                          .frames = t->frames,
                          .channels = t->channels,
                          .prediction = p->samples,
                          .truth = t->samples,
                          .hrtf = t->channels == C ? head : NULL};
    return v2s_pair_page_write(&page);
}

static v2s_status judge_with_head(const v2s_settings *s, const char *command,
                                  const v2s_whole_sound *p, v2s_whole_sound *t, v2s_run_log *log) {
    double score[1][V2S_METRIC_COUNT];
    v2s_judge_options options = {
        .normalise = s->normalise != 0, .reflect = s->librosa == 0, .lenient = true};
    v2s_hrtf head = {0};
    V2S_TRY(choose_metrics(s, t->channels, &options.metrics, log));
    if (s->recorded && t->channels == C)
        V2S_TRY(settle_recording(s->truth, t, log));
    bool of_metrics = v2s_metrics_need_head(options.metrics);
    if (t->channels == C && (of_metrics || s->report != NULL)) {
        V2S_TRY(v2s_sofa_read(s->hrtf, &head));
        v2s_run_log_row(log, "ears", "%s", head.title);
    } else if (s->hrtf != NULL) {
        v2s_run_log_warn(log, "--hrtf is not used: no metric asks for a decode to two ears");
    }
    options.hrtf = t->channels == C && of_metrics ? &head : NULL;
    size_t row_count = log->row_count;
    v2s_status status = judge(s, &options, p, t, score, log);
    if (status == V2S_OK && s->report != NULL)
        status = write_page(s, command, options.metrics, score[0], p, t, &head, log, row_count);
    v2s_hrtf_free(&head);
    return status == V2S_OK ? status : v2s_error_prefix(status, "%s", s->truth);
}

static v2s_status check_channels(const char *path, const v2s_whole_sound *sound) {
    if (sound->channels == C || sound->channels == 2)
        return V2S_OK;
    return V2S_FAIL(V2S_FORMAT,
                    "%s: expected 4 channels (AmbiX) or 2, found %d (a response of a room is "
                    "judged by --metrics M11)",
                    path, sound->channels);
}

static v2s_status compare_sounds(const v2s_settings *s, const char *command, v2s_run_log *log) {
    v2s_whole_sound p = {0}, t = {0};
    v2s_status status = v2s_whole_sound_read(s->prediction, &p, log);
    if (status == V2S_OK)
        status = check_channels(s->prediction, &p);
    if (status == V2S_OK)
        status = v2s_whole_sound_read(s->truth, &t, log);
    if (status == V2S_OK)
        status = check_channels(s->truth, &t);
    if (status == V2S_OK)
        status = v2s_whole_sound_match(s->prediction, &p, s->truth, &t, log);
    if (status == V2S_OK)
        status = judge_with_head(s, command, &p, &t, log);
    v2s_whole_sound_free(&p);
    v2s_whole_sound_free(&t);
    return status;
}

v2s_status v2s_compare_pair(const v2s_settings *s, const char *command, v2s_run_log *log) {
    bool labels = v2s_pair_labels_asked(s), response = !labels && v2s_pair_response_asked(s);
    if ((labels || response) && s->report != NULL)
        return V2S_FAIL(V2S_USAGE, "--report: a page is written of sounds, not of %s",
                        labels ? "labels" : "responses");
    if (labels)
        return v2s_pair_labels(s, log);
    return response ? v2s_pair_response(s, log) : compare_sounds(s, command, log);
}
