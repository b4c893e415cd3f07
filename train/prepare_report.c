// SPDX-License-Identifier: MIT
// What v2s-train prepare found: rows for people, numbers for programs.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/prepare_internal.h"

enum { SHOWN_MAX = 10, VALUES_MAX = 8 };

void v2s_prepare_published(v2s_prepare *p, const char *what, const size_t found[V2S_SPLIT_COUNT],
                           const int64_t published[V2S_SPLIT_COUNT]) {
    char row[256] = "";
    bool differs = false, any = false;
    cJSON *json = cJSON_AddObjectToObject(p->log->json, what);
    for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
        const char *name = v2s_split_name((v2s_split)s);
        size_t used = strlen(row);
        cJSON *one = cJSON_AddObjectToObject(json, name);
        cJSON_AddNumberToObject(one, "found", (double)found[s]);
        snprintf(row + used, sizeof row - used, "%s%s %zu", s > 0 ? ", " : "", name, found[s]);
        if (published[s] < 0)
            continue;
        any = true;
        used = strlen(row);
        cJSON_AddNumberToObject(one, "published", (double)published[s]);
        snprintf(row + used, sizeof row - used, " of %" PRId64, published[s]);
        differs |= (int64_t)found[s] != published[s];
    }
    v2s_run_log_row(p->log, what, "%s%s", row, any ? " published" : "");
    if (differs)
        v2s_run_log_warn(p->log, "%s: %s differ from the published counts: %s published", p->root,
                         what, row);
}

// ---- sounds -----------------------------------------------------------------------------------

// Different values with how often each occurs, the first ones.
typedef struct tally {
    double value[VALUES_MAX];
    size_t times[VALUES_MAX], count, others;
} tally;

static void add_value(tally *t, double value) {
    size_t i = 0;
    while (i < t->count && t->value[i] != value)
        i++;
    if (i == VALUES_MAX) {
        t->others++;
        return;
    }
    t->value[i] = value;
    t->times[i]++;
    t->count += i == t->count;
}

static void show_values(v2s_prepare *p, const char *label, const char *key, const char *unit,
                        const tally *t) {
    char text[512] = "";
    cJSON *list = cJSON_AddArrayToObject(p->log->json, key);
    for (size_t i = 0; i < t->count; i++) {
        size_t used = strlen(text);
        cJSON *one = cJSON_CreateObject();
        cJSON_AddNumberToObject(one, "value", t->value[i]);
        cJSON_AddNumberToObject(one, "files", (double)t->times[i]);
        cJSON_AddItemToArray(list, one);
        snprintf(text + used, sizeof text - used, "%s%g%s (%zu)", i > 0 ? ", " : "", t->value[i],
                 unit, t->times[i]);
    }
    if (t->others > 0)
        snprintf(text + strlen(text), sizeof text - strlen(text), ", others (%zu)", t->others);
    v2s_run_log_row(p->log, label, "%s", text);
}

static void report_sounds(v2s_prepare *p) {
    const v2s_prepare_state *s = p->state;
    tally rates = {0}, channels = {0};
    size_t read = 0, silent = 0, clipped_files = 0, damaged = 0;
    double duration_s = 0, clipped = 0;
    for (size_t i = 0; i < s->sound_count; i++) {
        const v2s_sound_survey *one = &s->sounds[i]->survey;
        damaged += one->status != V2S_OK || one->warning != NULL;
        if (one->status != V2S_OK)
            continue;
        read++;
        add_value(&rates, one->rate_hz);
        add_value(&channels, one->channels);
        duration_s += one->duration_s;
        silent += one->silent;
        clipped_files += one->clipped > 0;
        clipped += (double)one->clipped;
    }
    v2s_run_log_number(p->log, "sounds", (double)read);
    v2s_run_log_number(p->log, "sounds_s", duration_s);
    v2s_run_log_number(p->log, "silent", (double)silent);
    v2s_run_log_number(p->log, "clipped", (double)clipped_files);
    v2s_run_log_number(p->log, "clipped_samples", clipped);
    v2s_run_log_number(p->log, "damaged", (double)damaged);
    if (s->sound_count == 0)
        return;
    v2s_run_log_row(p->log, "sounds", "%zu read, %.2f h; %zu truncated or unreadable", read,
                    duration_s / 3600, damaged);
    show_values(p, "rates", "rates_hz", " Hz", &rates);
    show_values(p, "channels", "channels", "", &channels);
    v2s_run_log_row(p->log, "silence", "%zu sounds", silent);
    v2s_run_log_row(p->log, "clipping", "%zu sounds, %.0f samples", clipped_files, clipped);
}

// ---- flagged and skipped ----------------------------------------------------------------------

static void report_flags(v2s_prepare *p) {
    const v2s_prepare_state *s = p->state;
    cJSON *list = cJSON_AddArrayToObject(p->log->json, "flagged");
    v2s_run_log_row(p->log, "flagged", "%zu clips%s", s->flag_count,
                    s->flag_count > 0 ? ", left out by training unless --keep-flagged" : "");
    for (size_t i = 0; i < s->flag_count; i++) {
        const v2s_prepare_flagged *f = &s->flags[i];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "file", f->file);
        if (isfinite(f->angle_deg))
            cJSON_AddNumberToObject(one, "angle_deg", f->angle_deg);
        else
            cJSON_AddNullToObject(one, "angle_deg");
        cJSON_AddStringToObject(one, "reason", f->reason);
        cJSON_AddItemToArray(list, one);
        if (i < SHOWN_MAX)
            v2s_run_log_row(p->log, "", "%s: %s", f->file, f->reason);
    }
    if (s->flag_count > SHOWN_MAX)
        v2s_run_log_row(p->log, "", "and %zu more", s->flag_count - SHOWN_MAX);
}

// The KIND of a reason.
static size_t kind_length(const char *reason) {
    return strcspn(reason, ":");
}

static bool same_kind(const char *a, const char *b) {
    size_t n = kind_length(a);
    return n == kind_length(b) && memcmp(a, b, n) == 0;
}

static void show_kind(v2s_prepare *p, size_t first) {
    const v2s_prepare_state *s = p->state;
    const char *reason = s->skips[first].reason;
    size_t n = 0;
    for (size_t i = first; i < s->skip_count; i++)
        n += same_kind(s->skips[i].reason, reason);
    v2s_run_log_row(p->log, "skipped", "%zu: %.*s", n, (int)kind_length(reason), reason);
    size_t shown = 0;
    for (size_t i = first; i < s->skip_count && shown < SHOWN_MAX; i++)
        if (same_kind(s->skips[i].reason, reason)) {
            v2s_run_log_row(p->log, "", "%s: %s", s->skips[i].file, s->skips[i].reason);
            shown++;
        }
    if (n > shown)
        v2s_run_log_row(p->log, "", "and %zu more", n - shown);
}

static void report_skips(v2s_prepare *p) {
    const v2s_prepare_state *s = p->state;
    cJSON *list = cJSON_AddArrayToObject(p->log->json, "skipped");
    if (s->skip_count == 0)
        v2s_run_log_row(p->log, "skipped", "nothing");
    for (size_t i = 0; i < s->skip_count; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "file", s->skips[i].file);
        cJSON_AddStringToObject(one, "reason", s->skips[i].reason);
        cJSON_AddItemToArray(list, one);
        size_t k = 0;
        while (!same_kind(s->skips[k].reason, s->skips[i].reason))
            k++;
        if (k == i)
            show_kind(p, i);
    }
}

void v2s_prepare_report(v2s_prepare *p, double wall_s) {
    const v2s_prepare_state *s = p->state;
    cJSON *splits = cJSON_AddObjectToObject(p->log->json, "splits");
    v2s_run_log_number(p->log, "clips", (double)s->clip_count);
    for (int i = 0; i < V2S_SPLIT_COUNT; i++)
        cJSON_AddNumberToObject(splits, v2s_split_name((v2s_split)i), (double)s->per_split[i]);
    v2s_run_log_number(p->log, "clips_s", s->duration_s);
    v2s_run_log_row(p->log, "clips", "%zu: %zu train, %zu val, %zu test; %.2f h", s->clip_count,
                    s->per_split[V2S_SPLIT_TRAIN], s->per_split[V2S_SPLIT_VAL],
                    s->per_split[V2S_SPLIT_TEST], s->duration_s / 3600);
    report_sounds(p);
    report_flags(p);
    report_skips(p);
    v2s_run_log_number(p->log, "wall_s", wall_s);
    v2s_run_log_row(p->log, "time", "%.1f s", wall_s);
    if (s->clip_count == 0)
        return;
    v2s_run_log_text(p->log, "manifest", s->manifest);
    cJSON_AddBoolToObject(p->log->json, "outside", s->outside);
    v2s_run_log_row(p->log, "written", "%s%s%s%s", s->manifest, s->made_count > 0 ? ", " : "",
                    s->made_count > 0 ? s->files : "", s->made_count > 0 ? "/" : "");
    if (s->outside)
        v2s_run_log_row(p->log, "outside",
                        "paths lead out of the manifest's folder (../): reading it needs "
                        "--allow-outside");
}
