// SPDX-License-Identifier: MIT
#include "infer/pair_response.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "infer/compare_pair.h"
#include "infer/pair_folder.h"
#include "infer/pair_metrics.h"
#include "infer/whole_sound.h"
#include "kernels/base/cancel.h"
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

enum { MEASURES = 4, EARS = 2 };

// Sums over pairs and ears, and how many numbers are in them.
typedef struct tally {
    double difference[COUNT], prediction[MEASURES], truth[MEASURES];
    size_t differences[COUNT], predictions[MEASURES], truths[MEASURES];
    size_t judged, pairs; // with ears, without
    size_t cut, of_w;     // pairs of different length, of four channels
} tally;

static void add(const double *x, int n, double *sum, size_t *used) {
    for (int k = 0; k < n; k++)
        if (isfinite(x[k])) {
            sum[k] += x[k];
            used[k]++;
        }
}

static void mean(const double *sum, const size_t *used, int n, double *means) {
    for (int k = 0; k < n; k++)
        means[k] = sum[k] / (double)used[k]; // 0 / 0 where nothing is defined
}

static void add_measures(const v2s_room_measures *m, double *sum, size_t *used) {
    const double x[MEASURES] = {m->rt60_s, m->edt_s, m->c50_db, m->drr_db};
    add(x, MEASURES, sum, used);
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

static void say_undefined(const tally *all, v2s_metric_set shown, v2s_run_log *log) {
    cJSON *of = cJSON_AddObjectToObject(log->json, "undefined_of");
    size_t undefined = 0;
    for (int k = 0; k < COUNT; k++)
        if ((shown & V2S_METRIC_BIT(k)) != 0) {
            cJSON_AddNumberToObject(of, metrics[k].name,
                                    (double)(all->judged - all->differences[k]));
            undefined += all->judged - all->differences[k];
        }
    v2s_run_log_number(log, "pairs", (double)all->pairs);
    v2s_run_log_number(log, "undefined", (double)undefined);
    if (undefined > 0)
        v2s_run_log_warn(log, "%zu differences are not defined for these responses: left out",
                         undefined);
}

static void say(const v2s_settings *s, v2s_metric_set shown, const tally *all, v2s_run_log *log) {
    static const char *const family[] = {"crossings", "regression", "reduced"};
    double differences[COUNT], prediction[MEASURES], truth[MEASURES];
    mean(all->difference, all->differences, COUNT, differences);
    mean(all->prediction, all->predictions, MEASURES, prediction);
    mean(all->truth, all->truths, MEASURES, truth);
    v2s_compare_pair_say(metrics, COUNT, shown, differences, log);
    v2s_run_log_text(log, "rt60_family", family[s->rt60_family]);
    v2s_run_log_number(log, "rt60_decay_db", decay_of(s));
    v2s_run_log_row(log, "RT60", "family %s, decay %g dB", family[s->rt60_family], decay_of(s));
    cJSON *measures = cJSON_AddObjectToObject(log->json, "measures");
    say_measures(log, measures, "prediction", prediction);
    say_measures(log, measures, "truth", truth);
    if (all->cut > 0)
        v2s_run_log_warn(log, "%zu of %zu pairs differ in length: the shorter one is compared",
                         all->cut, all->pairs);
    if (all->of_w > 0)
        v2s_run_log_row(log, "channels", "four: W is judged");
    if (all->pairs > 1)
        v2s_run_log_row(log, "pairs", "%zu, of which these are means", all->pairs);
    say_undefined(all, shown, log);
}

static v2s_status judge(const v2s_settings *s, const v2s_whole_sound *p, const v2s_whole_sound *t,
                        tally *all) {
    int ears = t->channels == EARS ? EARS : 1;
    for (int c = 0; c < ears; c++) {
        v2s_room_measures mp, mt;
        V2S_TRY(measure(s, p, c, &mp));
        V2S_TRY(measure(s, t, c, &mt));
        v2s_room_differences d = v2s_room_difference(&mp, &mt);
        const double x[COUNT] = {[RT60_PERCENT] = d.rt60_percent,
                                 [RT60_S] = d.rt60_s,
                                 [EDT] = d.edt_s,
                                 [C50] = d.c50_db,
                                 [DRR] = d.drr_db};
        add(x, COUNT, all->difference, all->differences);
        add_measures(&mp, all->prediction, all->predictions);
        add_measures(&mt, all->truth, all->truths);
        all->judged++;
    }
    all->pairs++;
    return V2S_OK;
}

static v2s_status check_channels(const char *path, const v2s_whole_sound *sound) {
    if (sound->channels != 1 && sound->channels != 2 && sound->channels != 4)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected a response of 1 channel, 2 (ears) or 4 (AmbiX), found %d",
                        path, sound->channels);
    return V2S_OK;
}

static v2s_status judge_files(const v2s_settings *s, const v2s_file_pair *pair, tally *all,
                              v2s_run_log *log) {
    v2s_whole_sound p = {0}, t = {0};
    v2s_status status = v2s_whole_sound_read(pair->prediction, &p, log);
    if (status == V2S_OK)
        status = check_channels(pair->prediction, &p);
    if (status == V2S_OK)
        status = v2s_whole_sound_read(pair->truth, &t, log);
    all->cut += p.frames != t.frames;
    all->of_w += t.channels == 4;
    if (status == V2S_OK)
        status = v2s_whole_sound_match(pair->prediction, &p, pair->truth, &t, NULL);
    if (status == V2S_OK)
        status = judge(s, &p, &t, all);
    v2s_whole_sound_free(&p);
    v2s_whole_sound_free(&t);
    return status;
}

static v2s_status judge_folders(const v2s_settings *s, tally *all, v2s_run_log *log) {
    v2s_pair_folders f;
    v2s_status status = v2s_pair_folders_open(s->prediction, s->truth, ".wav", "left out", log, &f);
    for (size_t i = 0; i < f.count && status == V2S_OK; i++) {
        status = v2s_cancel_check();
        if (status == V2S_OK && f.pairs[i].prediction != NULL)
            status = judge_files(s, &f.pairs[i], all, log);
    }
    v2s_pair_folders_close(&f);
    return status;
}

v2s_status v2s_pair_response(const v2s_settings *s, v2s_run_log *log) {
    v2s_metric_set shown = 0;
    tally all = {0};
    v2s_file_pair pair = {s->prediction, s->truth};
    bool folder = v2s_pair_is_folder(s->truth);
    V2S_TRY(v2s_pair_metrics_choose(metrics, COUNT, s->metrics, "impulse responses", &shown));
    if (folder != v2s_pair_is_folder(s->prediction))
        return V2S_FAIL(V2S_FORMAT, "%s is a folder and %s is not: both have to be",
                        folder ? s->truth : s->prediction, folder ? s->prediction : s->truth);
    V2S_TRY(folder ? judge_folders(s, &all, log) : judge_files(s, &pair, &all, log));
    say(s, shown, &all, log);
    return V2S_OK;
}
