// SPDX-License-Identifier: MIT
// Means, intervals and verdicts of groups of clips.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/compare.h"

#define DRY_RT60_S 0.1

bool v2s_clip_is_dry(const v2s_clip *clip) {
    double sum = 0;
    for (int i = 0; i < clip->rt60_count; i++)
        sum += clip->rt60_s[i];
    return clip->free_field || (clip->rt60_count > 0 && sum < DRY_RT60_S * clip->rt60_count);
}

// ---- where numbers lie ------------------------------------------------------------------------

static bool in_use(const v2s_comparison *c, int metric) {
    return (c->metrics & V2S_METRIC_BIT(metric)) != 0;
}

// Of a table [rows][metrics in use].
static size_t place(const v2s_comparison *c, size_t row, int metric) {
    return row * (size_t)v2s_metrics_count(c->metrics) +
           (size_t)v2s_metrics_place(c->metrics, metric);
}

double v2s_clip_score(const v2s_comparison *c, const v2s_clip_result *r, size_t system,
                      int metric) {
    return in_use(c, metric) ? r->scores[place(c, system, metric)] : (double)NAN;
}

v2s_interval v2s_summary_system(const v2s_comparison *c, const v2s_summary *s, size_t system,
                                int metric) {
    return in_use(c, metric) ? s->system[place(c, system, metric)]
                             : (v2s_interval){NAN, NAN, NAN, 0};
}

v2s_difference v2s_summary_difference(const v2s_comparison *c, const v2s_summary *s,
                                      size_t contrast, int metric) {
    return in_use(c, metric) ? s->difference[place(c, contrast, metric)]
                             : (v2s_difference){{NAN, NAN, NAN, 0}, NAN};
}

// ---- one group --------------------------------------------------------------------------------

// The clips of one group on their way into a summary.
typedef struct group {
    const v2s_comparison *c;
    const v2s_clip_result **clips; // [count]
    size_t count;
    v2s_bootstrap *bootstrap;
    double *values;          // [systems + contrasts][count] of one metric
    const double **columns;  // [systems + contrasts], into `values`
    v2s_interval *intervals; // [systems + contrasts]
} group;

// Scores of the systems, then the differences of the contrasts.
static void list_values(group *g, int metric) {
    const v2s_systems *systems = g->c->systems;
    for (size_t k = 0; k < systems->count; k++)
        for (size_t i = 0; i < g->count; i++)
            g->values[k * g->count + i] = v2s_clip_score(g->c, g->clips[i], k, metric);
    for (size_t k = 0; k < systems->contrast_count; k++) {
        const double *first = g->columns[systems->contrasts[k].first];
        const double *second = g->columns[systems->contrasts[k].second];
        double *to = g->values + (systems->count + k) * g->count;
        for (size_t i = 0; i < g->count; i++)
            to[i] = first[i] - second[i];
    }
}

// Share of the differences that are better; not a number without any.
static double win_rate(const double *differences, size_t count, int metric) {
    double sign = v2s_metrics[metric].higher_is_better ? 1 : -1;
    size_t wins = 0, known = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(differences[i])) {
            wins += sign * differences[i] > 0;
            known++;
        }
    return (double)wins / (double)known;
}

static v2s_status summarise_metric(group *g, int metric, v2s_summary *s) {
    const v2s_systems *systems = g->c->systems;
    list_values(g, metric);
    V2S_TRY(v2s_bootstrap_means(g->bootstrap, g->columns, systems->count + systems->contrast_count,
                                g->c->threads, g->intervals));
    for (size_t k = 0; k < systems->count; k++)
        s->system[place(g->c, k, metric)] = g->intervals[k];
    for (size_t k = 0; k < systems->contrast_count; k++)
        s->difference[place(g->c, k, metric)] =
            (v2s_difference){g->intervals[systems->count + k],
                             win_rate(g->columns[systems->count + k], g->count, metric)};
    return V2S_OK;
}

static v2s_status allot(group *g, v2s_summary *s) {
    const v2s_systems *systems = g->c->systems;
    size_t metrics = (size_t)v2s_metrics_count(g->c->metrics);
    size_t columns = systems->count + systems->contrast_count;
    s->system = calloc(systems->count * metrics + 1, sizeof *s->system);
    s->difference = calloc(systems->contrast_count * metrics + 1, sizeof *s->difference);
    g->values = calloc(columns * g->count + 1, sizeof *g->values);
    g->columns = calloc(columns + 1, sizeof *g->columns);
    g->intervals = calloc(columns + 1, sizeof *g->intervals);
    if (s->system == NULL || s->difference == NULL || g->values == NULL || g->columns == NULL ||
        g->intervals == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t k = 0; k < columns; k++)
        g->columns[k] = g->values + k * g->count;
    return V2S_OK;
}

static v2s_status summarise_metrics(group *g, v2s_summary *s) {
    V2S_TRY(allot(g, s));
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (in_use(g->c, m))
            V2S_TRY(summarise_metric(g, m, s));
    return V2S_OK;
}

static v2s_status summarise(group *g, const char *name, v2s_summary *s) {
    const char **clusters = calloc(g->count + 1, sizeof *clusters);
    v2s_status status = V2S_OK;
    *s = (v2s_summary){.group = name, .clips = g->count, .dipole_gain = NAN};
    if (clusters == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; status == V2S_OK && i < g->count; i++)
        clusters[i] = v2s_clip_cluster(g->clips[i]->clip);
    if (status == V2S_OK)
        status = v2s_bootstrap_open(clusters, g->count, g->c->draws, g->c->seed, &g->bootstrap);
    if (status == V2S_OK) {
        s->clusters = v2s_bootstrap_clusters(g->bootstrap);
        status = summarise_metrics(g, s);
    }
    v2s_bootstrap_close(&g->bootstrap);
    free(clusters);
    free(g->values);
    free(g->columns);
    free(g->intervals);
    return status;
}

// ---- which clips belong together --------------------------------------------------------------

typedef enum choice { ALL, REVERBERANT, DRY } choice;

static void choose(group *g, choice which) {
    g->count = 0;
    for (size_t i = 0; i < g->c->result_count; i++) {
        const v2s_clip_result *r = &g->c->results[i];
        if (r->fate == V2S_FATE_JUDGED &&
            (which == ALL || v2s_clip_is_dry(r->clip) == (which == DRY)))
            g->clips[g->count++] = r;
    }
}

static v2s_status summarise_groups(group *g, v2s_comparison *c) {
    choose(g, ALL);
    V2S_TRY(summarise(g, "all", &c->groups[0]));
    c->group_count = 1;
    choose(g, DRY);
    if (g->count == 0 || g->count == c->groups[0].clips)
        return V2S_OK;
    V2S_TRY(summarise(g, "dry", &c->groups[1]));
    choose(g, REVERBERANT);
    V2S_TRY(summarise(g, "reverberant", &c->groups[2]));
    c->group_count = 3;
    return V2S_OK;
}

static const char *recording_name(const v2s_clip *clip) {
    const char *slash = strrchr(clip->truth, '/');
    return slash == NULL ? clip->truth : slash + 1;
}

v2s_status v2s_comparison_recording(const v2s_comparison *c, size_t index, v2s_summary *summary) {
    const v2s_recording *recording = &c->recordings.items[index];
    const size_t *order = c->recordings.order + recording->first;
    const v2s_clip_result *first = &c->results[order[0]];
    group g = {.c = c, .clips = calloc(recording->count, sizeof *g.clips)};
    v2s_summary made = {0};
    if (g.clips == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < recording->count; i++)
        g.clips[g.count++] = &c->results[order[i]];
    v2s_status status = summarise(&g, recording_name(first->clip), &made);
    free(g.clips);
    if (status != V2S_OK) {
        v2s_summary_free(&made);
        return status;
    }
    made.dipole_gain = first->dipole_gain;
    *summary = made;
    return V2S_OK;
}

static void count_cluster(const v2s_clip *clip, v2s_cluster_use *use) {
    use->room += clip->room != NULL;
    use->source += clip->room == NULL && clip->source != NULL;
    use->id += clip->room == NULL && clip->source == NULL;
}

static void count_fates(v2s_comparison *c) {
    for (size_t i = 0; i < c->result_count; i++) {
        if (c->results[i].fate == V2S_FATE_JUDGED)
            count_cluster(c->results[i].clip, &c->cluster_use);
        c->judged += c->results[i].fate == V2S_FATE_JUDGED;
        c->unclear += c->results[i].fate == V2S_FATE_UNCLEAR;
        c->failed += c->results[i].fate == V2S_FATE_FAILED;
        c->with_room += c->results[i].fate == V2S_FATE_JUDGED && c->results[i].has_room;
    }
}

v2s_status v2s_comparison_summarise(v2s_comparison *c) {
    group g = {.c = c, .clips = calloc(c->result_count + 1, sizeof *g.clips)};
    if (g.clips == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    count_fates(c);
    v2s_status status = summarise_groups(&g, c);
    if (status == V2S_OK)
        status = v2s_recordings_find(c->results, c->result_count, true, &c->recordings);
    free(g.clips);
    return status;
}

void v2s_summary_free(v2s_summary *s) {
    free(s->system);
    free(s->difference);
    *s = (v2s_summary){0};
}

void v2s_comparison_close(v2s_comparison *c) {
    for (size_t i = 0; i < sizeof c->groups / sizeof c->groups[0]; i++)
        v2s_summary_free(&c->groups[i]);
    v2s_recordings_free(&c->recordings);
}

int v2s_verdict(v2s_metric_id metric, const v2s_difference *d) {
    int sign = v2s_metrics[metric].higher_is_better ? 1 : -1;
    if (d->interval.lo > 0)
        return sign;
    return d->interval.hi < 0 ? -sign : 0;
}
