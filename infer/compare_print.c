// SPDX-License-Identifier: MIT
// The tables of a comparison on standard output.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/compare.h"

enum { CELL = 24, NAME = 18 };

static bool shows(const v2s_comparison *c, int metric) {
    return (c->metrics & V2S_METRIC_BIT(metric)) != 0;
}

// Ablations have a table of their own.
static bool is_ablation(const v2s_comparison *c, size_t system) {
    return c->systems->items[system].kind == V2S_SYSTEM_ABLATION;
}

static void print_systems(const v2s_comparison *c, const v2s_summary *s) {
    printf("%-*s %-4s %-4s", NAME, "mean [95 %]", "", "");
    for (size_t k = 0; k < c->systems->count; k++)
        if (!is_ablation(c, k))
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
            if (is_ablation(c, k))
                continue;
            v2s_interval_words(metric, &i, false, text);
            printf(" %-*s", CELL, text);
        }
        printf("\n");
    }
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
        v2s_interval_words(&v2s_metrics[m], &d.interval, true, text);
        printf("%-*s %-4s %-4s %-32s ", NAME, v2s_metrics[m].name, "", v2s_metrics[m].unit, text);
        if (d.interval.clips == 0) {
            printf("%-10s -\n", "-");
            continue;
        }
        const char *verdict = v2s_verdict_words((v2s_metric_id)m, &d);
        printf("%5.1f %%    ", 100 * d.win_rate);
        if (verdict != NULL)
            printf("%s %s %s\n", first, verdict, second);
        else
            printf("too few clusters to say whether %s differs from %s\n", first, second);
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
    char clusters[48];
    v2s_cluster_words(c, s->clusters, clusters);
    printf("\n%s: %zu clip%s from %s\n\n", title, s->clips, s->clips == 1 ? "" : "s", clusters);
    print_systems(c, s);
    for (size_t k = 0; k < c->systems->contrast_count; k++)
        if (!is_ablation(c, c->systems->contrasts[k].first))
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

static v2s_status print_recordings(const v2s_comparison *c) {
    size_t count = c->recordings.count;
    if (count == 0)
        return V2S_OK;
    printf("\nRecordings, means (the gain of the dipoles makes E_YZX = E_W)\n\n"
           "%-24s %-5s %-6s %-10s",
           "", "clips", "gain", "");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (shows(c, m))
            printf(" %*s", column(m), v2s_metrics[m].name);
    printf("\n");
    for (size_t i = 0; i < count && i < V2S_RECORDINGS_SHOWN; i++) {
        v2s_summary s;
        V2S_TRY(v2s_comparison_recording(c, i, &s));
        for (size_t k = 0; k < c->systems->count; k++)
            if (!is_ablation(c, k))
                print_recording(c, &s, k);
        v2s_summary_free(&s);
    }
    if (count > V2S_RECORDINGS_SHOWN)
        printf("and %zu more recordings, which --json has\n", count - V2S_RECORDINGS_SHOWN);
    return V2S_OK;
}

v2s_status v2s_comparison_print(const v2s_comparison *c) {
    for (size_t i = 0; i < c->group_count; i++)
        print_summary(c, &c->groups[i]);
    v2s_ablation_print(c, &c->groups[0]);
    return print_recordings(c);
}
