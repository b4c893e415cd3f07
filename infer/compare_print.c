// SPDX-License-Identifier: MIT
// The tables of a comparison on standard output, and its JSON.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/compare.h"

enum { CELL = 24, NAME = 18 };

// "0.154 [0.140, 0.170]"; a dash where there is no number. Differences have a sign and one digit
// more.
static void interval_text(const v2s_metric *m, const v2s_interval *i, bool sign, char text[64]) {
    int digits = m->decimals + (sign ? 1 : 0);
    if (!isfinite(i->mean))
        snprintf(text, 64, "-");
    else if (!isfinite(i->lo))
        snprintf(text, 64, sign ? "%+.*f" : "%.*f", digits, i->mean);
    else
        snprintf(text, 64, sign ? "%+.*f [%+.*f, %+.*f]" : "%.*f [%.*f, %.*f]", digits, i->mean,
                 digits, i->lo, digits, i->hi);
}

static bool shows(const v2s_comparison *c, int metric) {
    return (c->metrics & V2S_METRIC_BIT(metric)) != 0;
}

static void print_systems(const v2s_comparison *c, const v2s_summary *s) {
    printf("%-*s %-4s %-4s", NAME, "mean [95 %]", "", "");
    for (size_t k = 0; k < c->systems->count; k++)
        printf(" %-*s", CELL, c->systems->items[k].name);
    printf("\n");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        if (!shows(c, m))
            continue;
        const v2s_metric *metric = &v2s_metrics[m];
        bool own = strncmp(metric->name, metric->formula, strlen(metric->formula)) != 0;
        printf("%-*s %-4s %-4s", NAME, metric->name, own ? metric->formula : "", metric->unit);
        for (size_t k = 0; k < c->systems->count; k++) {
            char text[64];
            v2s_interval i = v2s_summary_system(c, s, k, m);
            interval_text(metric, &i, false, text);
            printf(" %-*s", CELL, text);
        }
        printf("\n");
    }
}

static const char *verdict_words(v2s_metric_id metric, const v2s_difference *d) {
    static const char *const words[] = {"is worse than", "is not different from", "is better than"};
    return words[v2s_verdict(metric, d) + 1];
}

// "refined is better than geometric"
static void print_sentence(int metric, const v2s_difference *d, const char *first,
                           const char *second) {
    if (isfinite(d->interval.lo))
        printf("%s %s %s\n", first, verdict_words((v2s_metric_id)metric, d), second);
    else
        printf("too few rooms to say whether %s differs from %s\n", first, second);
}

static void print_differences(const v2s_comparison *c, const v2s_summary *s, size_t contrast) {
    const v2s_contrast *pair = &c->systems->contrasts[contrast];
    const char *first = c->systems->items[pair->first].name;
    const char *second = c->systems->items[pair->second].name;
    char head[V2S_SYSTEM_NAME_MAX + 8];
    snprintf(head, sizeof head, "%s minus", first);
    printf("\n%-*s %-4s %-4s %-32s %-10s\n", NAME, head, "", "", second, "better in");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        char text[64];
        if (!shows(c, m))
            continue;
        v2s_difference d = v2s_summary_difference(c, s, contrast, m);
        interval_text(&v2s_metrics[m], &d.interval, true, text);
        printf("%-*s %-4s %-4s %-32s ", NAME, v2s_metrics[m].name, "", v2s_metrics[m].unit, text);
        if (d.interval.clips == 0) {
            printf("%-10s -\n", "-");
            continue;
        }
        printf("%5.1f %%    ", 100 * d.win_rate);
        print_sentence(m, &d, first, second);
    }
}

static void print_summary(const v2s_comparison *c, const v2s_summary *s) {
    static const char *const titles[][2] = {
        {"all", "All clips"},
        {"dry", "Dry and outdoor clips (free field, or RT60 below 0.1 s)"},
        {"reverberant", "Reverberant clips"}};
    const char *title = s->group;
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (strcmp(s->group, titles[i][0]) == 0)
            title = titles[i][1];
    printf("\n%s: %zu clip%s from %zu room%s or source%s\n\n", title, s->clips,
           s->clips == 1 ? "" : "s", s->clusters, s->clusters == 1 ? "" : "s",
           s->clusters == 1 ? "" : "s");
    print_systems(c, s);
    for (size_t k = 0; k < c->systems->contrast_count; k++)
        print_differences(c, s, k);
}

// Width of a column of means.
static int column(int metric) {
    int width = (int)strlen(v2s_metrics[metric].name);
    return width > 8 ? width : 8;
}

static void print_recording(const v2s_comparison *c, const v2s_summary *s, size_t system) {
    printf("%-24.24s %-5zu %-6.3f %-10s", s->group, s->clips, s->dipole_gain,
           c->systems->items[system].name);
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        if (!shows(c, m))
            continue;
        double mean = v2s_summary_system(c, s, system, m).mean;
        if (isfinite(mean))
            printf(" %*.*f", column(m), v2s_metrics[m].decimals, mean);
        else
            printf(" %*s", column(m), "-");
    }
    printf("\n");
}

static void print_recordings(const v2s_comparison *c) {
    if (c->recording_count == 0)
        return;
    printf("\nRecordings, means (the gain of the dipoles makes E_YZX = E_W)\n\n"
           "%-24s %-5s %-6s %-10s",
           "", "clips", "gain", "");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (shows(c, m))
            printf(" %*s", column(m), v2s_metrics[m].name);
    printf("\n");
    for (size_t i = 0; i < c->recording_count; i++)
        for (size_t k = 0; k < c->systems->count; k++)
            print_recording(c, &c->recordings[i], k);
}

void v2s_comparison_print(const v2s_comparison *c) {
    for (size_t i = 0; i < c->group_count; i++)
        print_summary(c, &c->groups[i]);
    print_recordings(c);
}

// ---- JSON -------------------------------------------------------------------------------------

static void add_number(cJSON *o, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(o, key, value);
    else
        cJSON_AddNullToObject(o, key);
}

static void add_interval(cJSON *o, const char *key, const v2s_interval *i, const double *win_rate) {
    cJSON *one = cJSON_AddObjectToObject(o, key);
    add_number(one, "mean", i->mean);
    add_number(one, "lo", i->lo);
    add_number(one, "hi", i->hi);
    cJSON_AddNumberToObject(one, "clips", (double)i->clips);
    if (win_rate != NULL)
        add_number(one, "win_rate", *win_rate);
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

static void add_differences(const v2s_comparison *c, const v2s_summary *s, size_t contrast,
                            cJSON *all) {
    static const char *const words[] = {"worse", "not different", "better"};
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        if (!shows(c, m))
            continue;
        v2s_difference d = v2s_summary_difference(c, s, contrast, m);
        add_interval(all, v2s_metrics[m].name, &d.interval, &d.win_rate);
        cJSON_AddStringToObject(
            cJSON_GetObjectItem(all, v2s_metrics[m].name), "verdict",
            isfinite(d.interval.lo) ? words[v2s_verdict((v2s_metric_id)m, &d) + 1] : "unknown");
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
                add_interval(system, v2s_metrics[m].name, &i, NULL);
        }
    }
    for (size_t k = 0; k < all->contrast_count; k++)
        add_differences(c, s, k, contrast_object(&all->items[all->contrasts[k].second], o));
}

static void add_clip(const v2s_comparison *c, const v2s_clip_result *r, cJSON *list) {
    static const char *const fates[] = {"judged", "no clear direction", "failed"};
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(list, o);
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
}

void v2s_comparison_json(const v2s_comparison *c, v2s_run_log *log) {
    add_summary(c, &c->groups[0], log->json);
    cJSON_AddNumberToObject(log->json, "clips_failed", (double)c->failed);
    cJSON_AddNumberToObject(log->json, "clips_without_direction", (double)c->unclear);
    if (v2s_systems_find(c->systems, V2S_SYSTEM_ROOM) >= 0)
        cJSON_AddNumberToObject(log->json, "clips_with_room", (double)c->with_room);
    cJSON_AddNumberToObject(log->json, "bootstrap", c->draws);
    cJSON *groups = cJSON_AddObjectToObject(log->json, "groups");
    for (size_t i = 1; i < c->group_count; i++)
        add_summary(c, &c->groups[i], cJSON_AddObjectToObject(groups, c->groups[i].group));
    cJSON *recordings = cJSON_AddArrayToObject(log->json, "recordings");
    for (size_t i = 0; i < c->recording_count; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(recordings, o);
        cJSON_AddStringToObject(o, "name", c->recordings[i].group);
        add_summary(c, &c->recordings[i], o);
    }
    cJSON *clips = cJSON_AddArrayToObject(log->json, "per_clip");
    for (size_t i = 0; i < c->result_count; i++)
        add_clip(c, &c->results[i], clips);
}
