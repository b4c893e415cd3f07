// SPDX-License-Identifier: MIT
#include "infer/compare_pair.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sound_in.h"
#include "kernels/resample.h"
#include "spatial/foa_stats.h"

enum { BLOCK_FRAMES = 65536, C = V2S_FOA_CHANNELS };

typedef struct sound {
    double rate_hz;
    int channels;
    size_t frames;
    float *samples; // [frames][channels]
} sound;

static v2s_status read_all(v2s_sound_in *in, sound *s) {
    size_t capacity = 0, got = 1, width = (size_t)s->channels;
    while (got > 0) {
        if (capacity - s->frames < BLOCK_FRAMES) {
            capacity = 2 * capacity + BLOCK_FRAMES;
            float *grown = realloc(s->samples, capacity * width * sizeof *grown);
            if (grown == NULL)
                return V2S_FAIL(V2S_NOMEM, "out of memory for %zu samples", capacity);
            s->samples = grown;
        }
        V2S_TRY(v2s_sound_in_read(in, s->samples + s->frames * width, BLOCK_FRAMES, &got));
        s->frames += got;
    }
    return V2S_OK;
}

static v2s_status read_sound(const char *path, sound *s, v2s_run_log *log) {
    v2s_sound_in *in = NULL;
    V2S_TRY(v2s_sound_in_open(path, &in));
    s->rate_hz = v2s_sound_in_info(in)->rate_hz;
    s->channels = v2s_sound_in_info(in)->channels;
    v2s_status status = V2S_OK;
    if (s->channels != C && s->channels != 2)
        status = V2S_FAIL(V2S_FORMAT, "%s: expected 4 channels (AmbiX) or 2, found %d", path,
                          s->channels);
    if (status == V2S_OK)
        status = read_all(in, s);
    if (status == V2S_OK && v2s_sound_in_warning(in) != NULL)
        v2s_run_log_warn(log, "%s", v2s_sound_in_warning(in));
    v2s_sound_in_close(&in);
    return status;
}

// Same channels, rate and length.
static v2s_status match(const v2s_settings *s, sound *p, sound *t, v2s_run_log *log) {
    if (p->channels != t->channels)
        return V2S_FAIL(V2S_FORMAT, "%s has %d channels, %s has %d", s->prediction, p->channels,
                        s->truth, t->channels);
    if (p->rate_hz != t->rate_hz) {
        float *out = NULL;
        size_t frames = 0;
        V2S_TRY(v2s_resample(p->samples, p->frames, p->channels, p->rate_hz, t->rate_hz, &out,
                             &frames));
        v2s_run_log_warn(log, "%s: converted from %.0f to %.0f Hz", s->prediction, p->rate_hz,
                         t->rate_hz);
        free(p->samples);
        *p = (sound){t->rate_hz, p->channels, frames, out};
    }
    if (p->frames != t->frames) {
        v2s_run_log_warn(log, "%s has %zu samples, %s has %zu: the shorter length is compared",
                         s->prediction, p->frames, s->truth, t->frames);
        p->frames = t->frames = p->frames < t->frames ? p->frames : t->frames;
    }
    return V2S_OK;
}

// The rule for real recordings: the truth's dipoles get the gain that makes E_YZX = E_W.
static v2s_status settle_recording(const char *path, sound *t, v2s_run_log *log) {
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

static void say(const v2s_judge_options *options, const double *score, v2s_run_log *log) {
    cJSON_AddNumberToObject(log->json, "clips", 1);
    cJSON *system =
        cJSON_AddObjectToObject(cJSON_AddObjectToObject(log->json, "systems"), "prediction");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        const v2s_metric *metric = &v2s_metrics[m];
        if ((options->metrics & V2S_METRIC_BIT(m)) == 0)
            continue;
        cJSON *o = cJSON_AddObjectToObject(system, metric->name);
        if (isfinite(score[m])) {
            cJSON_AddNumberToObject(o, "mean", score[m]);
            v2s_run_log_row(log, metric->name, "%.*f%s%s (%s)", metric->decimals, score[m],
                            metric->unit[0] != '\0' ? " " : "", metric->unit, metric->formula);
        } else {
            cJSON_AddNullToObject(o, "mean");
            v2s_run_log_row(log, metric->name, "- (%s)", metric->formula);
        }
        cJSON_AddNullToObject(o, "lo");
        cJSON_AddNullToObject(o, "hi");
    }
}

static v2s_status judge(const v2s_settings *s, const v2s_judge_options *options, const sound *p,
                        sound *t, v2s_run_log *log) {
    double score[1][V2S_METRIC_COUNT];
    const float *const predictions[1] = {p->samples};
    if (s->recorded && t->channels == C)
        V2S_TRY(settle_recording(s->truth, t, log));
    if (t->channels == 2 && (options->metrics & v2s_metrics_of_ears()) == 0)
        return V2S_FAIL(V2S_USAGE, "two channels have only iacc, ild, M1 and M2");
    v2s_judge *j = NULL;
    V2S_TRY(v2s_judge_open(options, &j));
    v2s_status status =
        t->channels == C
            ? v2s_judge_foa(j, t->rate_hz, t->frames, t->samples, predictions, 1, score)
            : v2s_judge_stereo(j, t->rate_hz, t->frames, t->samples, p->samples, score[0]);
    v2s_judge_close(&j);
    if (status != V2S_OK)
        return v2s_error_prefix(status, "%s", s->truth);
    say(options, score[0], log);
    return V2S_OK;
}

v2s_status v2s_compare_pair(const v2s_settings *s, const v2s_judge_options *options,
                            v2s_run_log *log) {
    sound p = {0}, t = {0};
    v2s_status status = read_sound(s->prediction, &p, log);
    if (status == V2S_OK)
        status = read_sound(s->truth, &t, log);
    if (status == V2S_OK)
        status = match(s, &p, &t, log);
    if (status == V2S_OK)
        status = judge(s, options, &p, &t, log);
    free(p.samples);
    free(t.samples);
    return status;
}
