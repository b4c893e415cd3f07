// SPDX-License-Identifier: MIT
// Means, intervals and verdicts of groups of clips.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/compare.h"

#define DRY_RT60_S 0.1

const v2s_system v2s_rivals[V2S_RIVALS] = {V2S_SYSTEM_GEOMETRIC, V2S_SYSTEM_CONSTANT,
                                           V2S_SYSTEM_SCALED, V2S_SYSTEM_ROOM};

bool v2s_clip_is_dry(const v2s_clip *clip) {
    double sum = 0;
    for (int i = 0; i < clip->rt60_count; i++)
        sum += clip->rt60_s[i];
    return clip->free_field || (clip->rt60_count > 0 && sum < DRY_RT60_S * clip->rt60_count);
}

// The clips of one group on their way into a summary.
typedef struct group {
    const v2s_comparison *c;
    const v2s_clip_result **clips; // [count]
    size_t count;
    v2s_bootstrap *bootstrap;
    double *values; // [count]
} group;

static v2s_status summarise_system(group *g, int system, int metric, v2s_summary *s) {
    for (size_t i = 0; i < g->count; i++)
        g->values[i] = g->clips[i]->score[system][metric];
    return v2s_bootstrap_mean(g->bootstrap, g->values, &s->system[system][metric]);
}

static v2s_status summarise_difference(group *g, int rival, int metric, v2s_summary *s) {
    v2s_difference *d = &s->difference[rival][metric];
    double sign = v2s_metrics[metric].higher_is_better ? 1 : -1;
    size_t wins = 0;
    for (size_t i = 0; i < g->count; i++) {
        g->values[i] = g->clips[i]->score[V2S_SYSTEM_REFINED][metric] -
                       g->clips[i]->score[v2s_rivals[rival]][metric];
        wins += sign * g->values[i] > 0;
    }
    V2S_TRY(v2s_bootstrap_mean(g->bootstrap, g->values, &d->interval));
    d->win_rate = (double)wins / (double)d->interval.clips;
    return V2S_OK;
}

static v2s_status summarise_metrics(group *g, v2s_summary *s) {
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        if ((g->c->metrics & V2S_METRIC_BIT(m)) == 0)
            continue;
        for (int k = 0; k < V2S_SYSTEM_COUNT; k++)
            if (g->c->has[k])
                V2S_TRY(summarise_system(g, k, m, s));
        for (int k = 0; k < V2S_RIVALS; k++)
            if (g->c->has[V2S_SYSTEM_REFINED] && g->c->has[v2s_rivals[k]])
                V2S_TRY(summarise_difference(g, k, m, s));
    }
    return V2S_OK;
}

static v2s_status summarise(group *g, const char *name, v2s_summary *s) {
    const char **clusters = calloc(g->count + 1, sizeof *clusters);
    g->values = calloc(g->count + 1, sizeof *g->values);
    v2s_status status = V2S_OK;
    *s = (v2s_summary){.group = name, .clips = g->count, .dipole_gain = NAN};
    if (clusters == NULL || g->values == NULL)
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

// One summary per truth file that was recorded.
static v2s_status summarise_recordings(group *g, v2s_comparison *c) {
    c->recordings = calloc(c->result_count + 1, sizeof *c->recordings);
    if (c->recordings == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < c->result_count; i++) {
        const v2s_clip_result *first = &c->results[i];
        bool seen = !first->recorded || first->fate != V2S_FATE_JUDGED;
        for (size_t k = 0; !seen && k < i; k++)
            seen = c->results[k].recorded && c->results[k].fate == V2S_FATE_JUDGED &&
                   strcmp(c->results[k].clip->truth, first->clip->truth) == 0;
        if (seen)
            continue;
        g->count = 0;
        for (size_t k = i; k < c->result_count; k++)
            if (c->results[k].recorded && c->results[k].fate == V2S_FATE_JUDGED &&
                strcmp(c->results[k].clip->truth, first->clip->truth) == 0)
                g->clips[g->count++] = &c->results[k];
        v2s_summary *s = &c->recordings[c->recording_count];
        V2S_TRY(summarise(g, recording_name(first->clip), s));
        s->dipole_gain = first->dipole_gain;
        c->recording_count++;
    }
    return V2S_OK;
}

static void count_fates(v2s_comparison *c) {
    for (size_t i = 0; i < c->result_count; i++) {
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
        status = summarise_recordings(&g, c);
    free(g.clips);
    return status;
}

void v2s_comparison_close(v2s_comparison *c) {
    free(c->recordings);
    c->recordings = NULL;
}

int v2s_verdict(v2s_metric_id metric, const v2s_difference *d) {
    int sign = v2s_metrics[metric].higher_is_better ? 1 : -1;
    if (d->interval.lo > 0)
        return sign;
    return d->interval.hi < 0 ? -sign : 0;
}
