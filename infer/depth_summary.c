// SPDX-License-Identifier: MIT
#include "infer/depth_summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELL = 24, NAME = 10 };

// The scored results on their way into a summary.
typedef struct scored {
    const v2s_depth_result **results; // [count]
    size_t count;
    v2s_bootstrap *bootstrap;
    double *values; // [count]
} scored;

// ---- numbers ----------------------------------------------------------------------------------

static v2s_status summarise_system(scored *in, size_t k, v2s_depth_summary *s) {
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        for (size_t i = 0; i < in->count; i++)
            in->values[i] = in->results[i]->score[k][m];
        V2S_TRY(v2s_bootstrap_mean(in->bootstrap, in->values, &s->system[k][m]));
    }
    double sum = 0, valid = 0;
    for (size_t i = 0; i < in->count; i++) {
        sum += in->results[i]->absolute_m[k];
        valid += (double)in->results[i]->valid;
    }
    s->pooled_l1[k] = sum / valid;
    return V2S_OK;
}

static v2s_status summarise_difference(scored *in, size_t k, v2s_depth_summary *s) {
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        v2s_depth_versus *v = &s->versus[k][m];
        double sign = v2s_depth_metrics[m].higher_is_better ? 1 : -1;
        size_t wins = 0;
        for (size_t i = 0; i < in->count; i++) {
            in->values[i] = in->results[i]->score[0][m] - in->results[i]->score[k][m];
            wins += sign * in->values[i] > 0;
        }
        V2S_TRY(v2s_bootstrap_mean(in->bootstrap, in->values, &v->interval));
        v->win_rate = (double)wins / (double)v->interval.clips;
    }
    return V2S_OK;
}

static v2s_status fill(scored *in, v2s_depth_summary *s) {
    s->system = calloc(s->systems, sizeof *s->system);
    s->versus = calloc(s->systems, sizeof *s->versus);
    s->pooled_l1 = calloc(s->systems, sizeof *s->pooled_l1);
    if (s->system == NULL || s->versus == NULL || s->pooled_l1 == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t k = 0; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k)) {
            V2S_TRY(summarise_system(in, k, s));
            if (k > 0)
                V2S_TRY(summarise_difference(in, k, s));
        }
    return V2S_OK;
}

// A sound outside a data set stands for itself.
static const char *cluster_of(const v2s_depth_result *r) {
    return r->sample->location[0] != '\0' ? r->sample->location : r->sample->id;
}

static v2s_status open_scored(const v2s_depth_result *results, size_t count, scored *in,
                              v2s_depth_summary *s) {
    const char **clusters = calloc(count + 1, sizeof *clusters);
    in->results = calloc(count + 1, sizeof *in->results);
    in->values = calloc(count + 1, sizeof *in->values);
    v2s_status status = V2S_OK;
    if (clusters == NULL || in->results == NULL || in->values == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; status == V2S_OK && i < count; i++) {
        s->failed += results[i].reason != NULL;
        if (!results[i].has_truth)
            continue;
        clusters[in->count] = cluster_of(&results[i]);
        in->results[in->count++] = &results[i];
    }
    if (status == V2S_OK)
        status = v2s_bootstrap_open(clusters, in->count, s->draws, s->seed, &in->bootstrap);
    free(clusters);
    return status;
}

v2s_status v2s_depth_summarise(const v2s_depth_pass *pass, const v2s_depth_result *results,
                               size_t count, int draws, uint64_t seed, v2s_depth_summary *summary) {
    v2s_depth_summary s = {
        .pass = pass, .draws = draws, .seed = seed, .systems = v2s_depth_pass_systems(pass)};
    scored in = {0};
    v2s_status status = open_scored(results, count, &in, &s);
    if (status == V2S_OK) {
        s.clips = in.count;
        s.locations = v2s_bootstrap_clusters(in.bootstrap);
        status = fill(&in, &s);
    }
    v2s_bootstrap_close(&in.bootstrap);
    free(in.results);
    free(in.values);
    if (status != V2S_OK)
        v2s_depth_summary_free(&s);
    else
        *summary = s;
    return status;
}

void v2s_depth_summary_free(v2s_depth_summary *s) {
    free(s->system);
    free(s->versus);
    free(s->pooled_l1);
    *s = (v2s_depth_summary){0};
}

double v2s_depth_ratio(const v2s_depth_summary *s, size_t system) {
    return v2s_depth_pass_has(s->pass, system) ? s->system[0][0].mean / s->system[system][0].mean
                                               : NAN;
}

// ---- words ------------------------------------------------------------------------------------

int v2s_depth_verdict(int metric, const v2s_depth_versus *v, bool *known) {
    int sign = v2s_depth_metrics[metric].higher_is_better ? 1 : -1;
    *known = isfinite(v->interval.lo);
    if (*known && v->interval.lo > 0)
        return sign;
    return *known && v->interval.hi < 0 ? -sign : 0;
}

const char *v2s_depth_verdict_words(int metric, const v2s_depth_versus *v) {
    static const char *const words[] = {
        "the model is worse than", "the model is not different from", "the model is better than"};
    bool known = false;
    int verdict = v2s_depth_verdict(metric, v, &known);
    return known ? words[verdict + 1] : "too few locations to say whether it differs from";
}

static void interval_text(int metric, const v2s_interval *i, bool sign, char text[64]) {
    v2s_interval_text(i, v2s_depth_metrics[metric].decimals, sign, text);
}

static void print_systems(const v2s_depth_summary *s) {
    char text[64];
    printf("\n%-*s %-2s", NAME, "M7 [95 %]", "");
    for (size_t k = 0; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k))
            printf(" %-*s", CELL, v2s_depth_pass_name(s->pass, k));
    printf("\n");
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        printf("%-*s %-2s", NAME, v2s_depth_metrics[m].name, v2s_depth_metrics[m].unit);
        for (size_t k = 0; k < s->systems; k++) {
            if (!v2s_depth_pass_has(s->pass, k))
                continue;
            interval_text(m, &s->system[k][m], false, text);
            printf(" %-*s", CELL, text);
        }
        printf("\n");
    }
    printf("%-*s %-2s", NAME, "L1, pooled", "m");
    for (size_t k = 0; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k))
            printf(" %-*.3f", CELL, s->pooled_l1[k]);
    printf("\n");
}

static void print_difference(const v2s_depth_summary *s, size_t k) {
    const char *name = v2s_depth_pass_name(s->pass, k);
    printf("\n%-*s %-2s %-30s better in\n", NAME, "model less", "", name);
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        const v2s_depth_versus *v = &s->versus[k][m];
        char text[64];
        interval_text(m, &v->interval, true, text);
        printf("%-*s %-2s %-30s ", NAME, v2s_depth_metrics[m].name, v2s_depth_metrics[m].unit,
               text);
        if (v->interval.clips == 0)
            printf("-\n");
        else
            printf("%5.1f %%    %s %s\n", 100 * v->win_rate, v2s_depth_verdict_words(m, v), name);
    }
}

void v2s_depth_summary_print(const v2s_depth_summary *s) {
    print_systems(s);
    for (size_t k = 1; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k))
            print_difference(s, k);
}

// ---- JSON -------------------------------------------------------------------------------------

static cJSON *add_interval(cJSON *o, int metric, const v2s_interval *i) {
    cJSON *one = cJSON_AddObjectToObject(o, v2s_depth_metrics[metric].name);
    v2s_depth_json_number(one, "mean", i->mean);
    v2s_depth_json_number(one, "lo", i->lo);
    v2s_depth_json_number(one, "hi", i->hi);
    cJSON_AddNumberToObject(one, "clips", (double)i->clips);
    return one;
}

static void add_difference(const v2s_depth_summary *s, size_t k, cJSON *all) {
    static const char *const words[] = {"worse", "not different", "better"};
    cJSON *o = cJSON_AddObjectToObject(all, v2s_depth_pass_name(s->pass, k));
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        const v2s_depth_versus *v = &s->versus[k][m];
        bool known = false;
        int verdict = v2s_depth_verdict(m, v, &known);
        cJSON *one = add_interval(o, m, &v->interval);
        v2s_depth_json_number(one, "win_rate", v->win_rate);
        cJSON_AddStringToObject(one, "verdict", known ? words[verdict + 1] : "unknown");
    }
}

void v2s_depth_summary_json(const v2s_depth_summary *s, cJSON *json) {
    cJSON_AddNumberToObject(json, "clips", (double)s->clips);
    cJSON_AddNumberToObject(json, "locations", (double)s->locations);
    cJSON_AddNumberToObject(json, "clips_failed", (double)s->failed);
    cJSON_AddNumberToObject(json, "bootstrap", s->draws);
    cJSON *systems = cJSON_AddObjectToObject(json, "systems");
    cJSON *pooled = cJSON_AddObjectToObject(json, "l1_pooled");
    for (size_t k = 0; k < s->systems; k++) {
        if (!v2s_depth_pass_has(s->pass, k))
            continue;
        cJSON *o = cJSON_AddObjectToObject(systems, v2s_depth_pass_name(s->pass, k));
        for (int m = 0; m < V2S_DEPTH_METRICS; m++)
            add_interval(o, m, &s->system[k][m]);
        v2s_depth_json_number(pooled, v2s_depth_pass_name(s->pass, k), s->pooled_l1[k]);
    }
    cJSON *difference = cJSON_AddObjectToObject(json, "difference");
    cJSON *ratio = cJSON_AddObjectToObject(json, "ratio");
    for (size_t k = 1; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k)) {
            add_difference(s, k, difference);
            v2s_depth_json_number(ratio, v2s_depth_pass_name(s->pass, k), v2s_depth_ratio(s, k));
        }
}
