// SPDX-License-Identifier: MIT
#include "infer/pair_response.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "infer/compare_pair.h"
#include "infer/pair_metrics.h"
#include "infer/whole_sound.h"
#include "spatial/room_measures.h"

enum { RT60_PERCENT, RT60_S, EDT, C50, DRR, COUNT };

static const v2s_metric metrics[COUNT] = {
    [RT60_PERCENT] = {.name = "M11_rt60_percent", .formula = "M11", .unit = "%", .decimals = 2},
    [RT60_S] = {.name = "M11_rt60_s", .formula = "M11", .unit = "s", .decimals = 4},
    [EDT] = {.name = "M11_edt_s", .formula = "M11", .unit = "s", .decimals = 4},
    [C50] = {.name = "M11_c50_db", .formula = "M11", .unit = "dB", .decimals = 3},
    [DRR] = {.name = "M11_drr_db", .formula = "M11", .unit = "dB", .decimals = 3},
};

bool v2s_pair_response_asked(const v2s_settings *s) {
    return s->metrics != NULL && strcasecmp(s->metrics, "all") != 0 &&
           v2s_pair_metrics_named(metrics, COUNT, s->metrics);
}

static double decay_of(const v2s_settings *s) {
    return s->rt60_decay_db > 0 ? s->rt60_decay_db
                                : v2s_rt60_decay_db((v2s_rt60_family)s->rt60_family);
}

static v2s_status measure(const v2s_settings *s, const v2s_whole_sound *sound, int channel,
                          v2s_room_measures *m) {
    return v2s_room_measure(sound->samples + channel, sound->frames, (size_t)sound->channels,
                            sound->rate_hz, (v2s_rt60_family)s->rt60_family, decay_of(s), m);
}

// Means over the channels that have a number: [channels][n] in x.
static void mean_of_channels(const double *x, int channels, int n, double *mean) {
    for (int k = 0; k < n; k++) {
        double sum = 0;
        int used = 0;
        for (int c = 0; c < channels; c++)
            if (isfinite(x[c * n + k])) {
                sum += x[c * n + k];
                used++;
            }
        mean[k] = sum / used; // 0 / 0 where none has one
    }
}

enum { MEASURES = 4, EARS = 2 };

static void keep(const v2s_room_measures *m, double *x) {
    const double values[MEASURES] = {m->rt60_s, m->edt_s, m->c50_db, m->drr_db};
    for (int k = 0; k < MEASURES; k++)
        x[k] = values[k];
}

static void say_measures(v2s_run_log *log, cJSON *measures, const char *name, const double *x) {
    static const char *const key[MEASURES] = {"rt60_s", "edt_s", "c50_db", "drr_db"};
    static const char *const label[MEASURES] = {"RT60", "EDT", "C50", "DRR"};
    static const char *const unit[MEASURES] = {"s", "s", "dB", "dB"};
    cJSON *o = cJSON_AddObjectToObject(measures, name);
    char text[160];
    int used = 0;
    for (int k = 0; k < MEASURES; k++) {
        v2s_pair_number(o, key[k], x[k]);
        used +=
            snprintf(text + used, sizeof text - (size_t)used, "%s%s ", k > 0 ? ", " : "", label[k]);
        used += isfinite(x[k])
                    ? snprintf(text + used, sizeof text - (size_t)used, "%.4g %s", x[k], unit[k])
                    : snprintf(text + used, sizeof text - (size_t)used, "-");
    }
    v2s_run_log_row(log, name, "%s", text);
}

static void say(const v2s_settings *s, v2s_metric_set shown, const double *differences,
                const double *prediction, const double *truth, v2s_run_log *log) {
    static const char *const family[] = {"crossings", "regression", "reduced"};
    int undefined = 0;
    v2s_compare_pair_say(metrics, COUNT, shown, differences, log);
    for (int k = 0; k < COUNT; k++)
        undefined += (shown & V2S_METRIC_BIT(k)) != 0 && !isfinite(differences[k]);
    v2s_run_log_text(log, "rt60_family", family[s->rt60_family]);
    v2s_run_log_number(log, "rt60_decay_db", decay_of(s));
    v2s_run_log_number(log, "undefined", undefined);
    v2s_run_log_row(log, "RT60", "family %s, decay %g dB", family[s->rt60_family], decay_of(s));
    cJSON *measures = cJSON_AddObjectToObject(log->json, "measures");
    say_measures(log, measures, "prediction", prediction);
    say_measures(log, measures, "truth", truth);
    if (undefined > 0)
        v2s_run_log_warn(log, "%d of the measures are not defined for these responses", undefined);
}

static v2s_status judge(const v2s_settings *s, const v2s_whole_sound *p, const v2s_whole_sound *t,
                        v2s_metric_set shown, v2s_run_log *log) {
    int ears = t->channels == EARS ? EARS : 1;
    double difference[EARS * COUNT], own_p[EARS * MEASURES], own_t[EARS * MEASURES];
    for (int c = 0; c < ears; c++) {
        v2s_room_measures mp, mt;
        V2S_TRY(measure(s, p, c, &mp));
        V2S_TRY(measure(s, t, c, &mt));
        v2s_room_differences d = v2s_room_difference(&mp, &mt);
        double *x = difference + c * COUNT;
        x[RT60_PERCENT] = d.rt60_percent;
        x[RT60_S] = d.rt60_s;
        x[EDT] = d.edt_s;
        x[C50] = d.c50_db;
        x[DRR] = d.drr_db;
        keep(&mp, own_p + c * MEASURES);
        keep(&mt, own_t + c * MEASURES);
    }
    double means[COUNT], means_p[MEASURES], means_t[MEASURES];
    mean_of_channels(difference, ears, COUNT, means);
    mean_of_channels(own_p, ears, MEASURES, means_p);
    mean_of_channels(own_t, ears, MEASURES, means_t);
    say(s, shown, means, means_p, means_t, log);
    return V2S_OK;
}

static v2s_status check_channels(const char *path, const v2s_whole_sound *sound, v2s_run_log *log) {
    if (sound->channels != 1 && sound->channels != 2 && sound->channels != 4)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected a response of 1 channel, 2 (ears) or 4 (AmbiX), found %d",
                        path, sound->channels);
    if (sound->channels == 4)
        v2s_run_log_warn(log, "%s: four channels: W is judged", path);
    return V2S_OK;
}

v2s_status v2s_pair_response(const v2s_settings *s, v2s_run_log *log) {
    v2s_whole_sound p = {0}, t = {0};
    v2s_metric_set shown = 0;
    V2S_TRY(v2s_pair_metrics_choose(metrics, COUNT, s->metrics, "impulse responses", &shown));
    v2s_status status = v2s_whole_sound_read(s->prediction, &p, log);
    if (status == V2S_OK)
        status = check_channels(s->prediction, &p, log);
    if (status == V2S_OK)
        status = v2s_whole_sound_read(s->truth, &t, log);
    if (status == V2S_OK)
        status = v2s_whole_sound_match(s->prediction, &p, s->truth, &t, log);
    if (status == V2S_OK)
        status = judge(s, &p, &t, shown, log);
    v2s_whole_sound_free(&p);
    v2s_whole_sound_free(&t);
    return status;
}
