// SPDX-License-Identifier: MIT
// Every number of a comparison as JSON.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/compare.h"

static bool shows(const v2s_comparison *c, int metric) {
    return (c->metrics & V2S_METRIC_BIT(metric)) != 0;
}

static void add_number(cJSON *o, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(o, key, value);
    else
        cJSON_AddNullToObject(o, key);
}

cJSON *v2s_json_interval(cJSON *o, const char *key, const v2s_interval *i) {
    cJSON *one = cJSON_AddObjectToObject(o, key);
    add_number(one, "mean", i->mean);
    add_number(one, "lo", i->lo);
    add_number(one, "hi", i->hi);
    cJSON_AddNumberToObject(one, "clips", (double)i->clips);
    return one;
}

// Where the differences of a contrast go: `difference` of refined minus geometric,
// `difference_against.<name>`, `difference_<name>` of the other rivals.
static cJSON *contrast_object(const v2s_system *second, cJSON *o) {
    char key[V2S_SYSTEM_NAME_MAX + 16];
    if (second->kind == V2S_SYSTEM_GEOMETRIC)
        return cJSON_AddObjectToObject(o, "difference");
    if (second->kind == V2S_SYSTEM_AGAINST) {
        cJSON *all = cJSON_GetObjectItem(o, "difference_against");
        if (all == NULL)
            all = cJSON_AddObjectToObject(o, "difference_against");
        return cJSON_AddObjectToObject(all, second->name);
    }
    snprintf(key, sizeof key, "difference_%s", second->name);
    return cJSON_AddObjectToObject(o, key);
}

void v2s_json_differences(const v2s_comparison *c, const v2s_summary *s, size_t contrast,
                          cJSON *o) {
    static const char *const words[] = {"worse", "not different", "better"};
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        char sentence[V2S_SENTENCE_MAX];
        if (!shows(c, m))
            continue;
        v2s_difference d = v2s_summary_difference(c, s, contrast, m);
        cJSON *one = v2s_json_interval(o, v2s_metrics[m].name, &d.interval);
        add_number(one, "win_rate", d.win_rate);
        cJSON_AddStringToObject(
            one, "verdict",
            isfinite(d.interval.lo) ? words[v2s_verdict((v2s_metric_id)m, &d) + 1] : "unknown");
        v2s_difference_sentence(c, s, contrast, m, sentence);
        cJSON_AddStringToObject(one, "sentence", sentence);
    }
}

static void add_summary(const v2s_comparison *c, const v2s_summary *s, cJSON *o) {
    const v2s_systems *all = c->systems;
    cJSON_AddNumberToObject(o, "clips", (double)s->clips);
    cJSON_AddNumberToObject(o, "clusters", (double)s->clusters);
    if (isfinite(s->dipole_gain))
        cJSON_AddNumberToObject(o, "dipole_gain", s->dipole_gain);
    cJSON *systems = cJSON_AddObjectToObject(o, "systems");
    for (size_t k = 0; k < all->count; k++) {
        cJSON *system = cJSON_AddObjectToObject(systems, all->items[k].name);
        for (int m = 0; m < V2S_METRIC_COUNT; m++) {
            v2s_interval i = v2s_summary_system(c, s, k, m);
            if (shows(c, m))
                v2s_json_interval(system, v2s_metrics[m].name, &i);
        }
    }
    for (size_t k = 0; k < all->contrast_count; k++) {
        const v2s_system *second = &all->items[all->contrasts[k].second];
        if (second->kind != V2S_SYSTEM_ABLATION)
            v2s_json_differences(c, s, k, contrast_object(second, o));
    }
    v2s_ablation_json(c, s, o);
}

// One clip, made while the file is written: a large set has no place for all of them as objects.
static cJSON *clip_object(const void *ctx, size_t index) {
    const v2s_comparison *c = ctx;
    const v2s_clip_result *r = &c->results[index];
    static const char *const fates[] = {"judged", "no clear direction", "failed"};
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "id", r->clip->id);
    cJSON_AddStringToObject(o, "cluster", v2s_clip_cluster(r->clip));
    cJSON_AddStringToObject(o, "fate", fates[r->fate]);
    cJSON_AddBoolToObject(o, "dry", v2s_clip_is_dry(r->clip));
    if (v2s_systems_find(c->systems, V2S_SYSTEM_ROOM) >= 0)
        cJSON_AddBoolToObject(o, "has_room", r->has_room);
    if (r->recorded) {
        add_number(o, "dipole_gain", r->dipole_gain);
        add_number(o, "directness", r->directness);
    }
    for (size_t k = 0; r->fate == V2S_FATE_JUDGED && k < c->systems->count; k++) {
        cJSON *system = cJSON_AddObjectToObject(o, c->systems->items[k].name);
        for (int m = 0; m < V2S_METRIC_COUNT; m++)
            if (shows(c, m))
                add_number(system, v2s_metrics[m].name, v2s_clip_score(c, r, k, m));
    }
    return o;
}

static cJSON *recording_object(const void *ctx, size_t index) {
    const v2s_comparison *c = ctx;
    v2s_summary s;
    if (v2s_comparison_recording(c, index, &s) != V2S_OK)
        return NULL;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", s.group);
    add_summary(c, &s, o);
    v2s_summary_free(&s);
    return o;
}

void v2s_comparison_json(const v2s_comparison *c, v2s_run_log *log) {
    char fields[32];
    add_summary(c, &c->groups[0], log->json);
    cJSON_AddNumberToObject(log->json, "clips_failed", (double)c->failed);
    cJSON_AddNumberToObject(log->json, "clips_without_direction", (double)c->unclear);
    if (v2s_systems_find(c->systems, V2S_SYSTEM_ROOM) >= 0)
        cJSON_AddNumberToObject(log->json, "clips_with_room", (double)c->with_room);
    cJSON_AddNumberToObject(log->json, "bootstrap", c->draws);
    v2s_cluster_fields(c, fields);
    cJSON_AddStringToObject(log->json, "cluster", fields);
    cJSON *groups = cJSON_AddObjectToObject(log->json, "groups");
    for (size_t i = 1; i < c->group_count; i++)
        add_summary(c, &c->groups[i], cJSON_AddObjectToObject(groups, c->groups[i].group));
    v2s_run_log_array(log, "recordings", c->recordings.count, recording_object, c);
    v2s_run_log_array(log, "per_clip", c->result_count, clip_object, c);
}
