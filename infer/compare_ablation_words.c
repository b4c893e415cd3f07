// SPDX-License-Identifier: MIT
// What an ablation says: one table, and a sentence for each metric.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/compare.h"
#include "infer/compare_ablation.h"

enum { NAME = 26, CELL = 28 };

// What a component does to a metric, from the contrast of the system without it.
typedef enum effect { HELPS, HURTS, NO_DIFFERENCE, UNKNOWN, EFFECTS } effect;

static bool is_ablated(const v2s_comparison *c, size_t contrast) {
    return c->systems->items[c->systems->contrasts[contrast].first].kind == V2S_SYSTEM_ABLATION;
}

static const v2s_system *ablated(const v2s_comparison *c, size_t contrast) {
    return &c->systems->items[c->systems->contrasts[contrast].first];
}

// The one component that a system is without; NULL: it is without several.
static const char *component_of(const v2s_system *system) {
    for (int i = 0; i < V2S_COMPONENT_COUNT; i++)
        if (system->without == 1u << i)
            return v2s_component_name((v2s_component)i);
    return NULL;
}

static effect effect_of(int metric, const v2s_difference *d) {
    if (!isfinite(d->interval.lo))
        return UNKNOWN;
    int verdict = v2s_verdict((v2s_metric_id)metric, d); // of the system without it
    return verdict < 0 ? HELPS : verdict > 0 ? HURTS : NO_DIFFERENCE;
}

// Appends as much as there is room for.
static void append(char text[V2S_SENTENCE_MAX], const char *part) {
    size_t used = strlen(text);
    snprintf(text + used, V2S_SENTENCE_MAX - used, "%s", part);
}

// "air and depth help": the components with one effect; nothing where none has it.
static void append_effect(const v2s_comparison *c, const v2s_summary *s, int metric, effect which,
                          char text[V2S_SENTENCE_MAX]) {
    static const char *const one[EFFECTS] = {" helps", " hurts", " makes no difference",
                                             " is judged by too few clusters"};
    static const char *const many[EFFECTS] = {" help", " hurt", " make no difference",
                                              " are judged by too few clusters"};
    size_t left = 0, count = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < c->systems->contrast_count; k++) {
            v2s_difference d = v2s_summary_difference(c, s, k, metric);
            const char *name = is_ablated(c, k) ? component_of(ablated(c, k)) : NULL;
            if (name == NULL || effect_of(metric, &d) != which)
                continue;
            if (pass == 0) {
                count++;
                continue;
            }
            const char *before = left > 0 ? left + 1 == count ? " and " : ", " : "";
            append(text, left == 0 && text[0] != '\0' ? "; " : before);
            append(text, name);
            left++;
        }
    if (count > 0)
        append(text, count == 1 ? one[which] : many[which]);
}

void v2s_ablation_sentence(const v2s_comparison *c, const v2s_summary *s, int metric,
                           char text[V2S_SENTENCE_MAX]) {
    text[0] = '\0';
    for (int which = 0; which < EFFECTS; which++)
        append_effect(c, s, metric, (effect)which, text);
    for (size_t k = 0; k < c->systems->contrast_count; k++) {
        v2s_difference d = v2s_summary_difference(c, s, k, metric);
        const char *verdict = v2s_verdict_words((v2s_metric_id)metric, &d);
        if (!is_ablated(c, k) || component_of(ablated(c, k)) != NULL || verdict == NULL)
            continue;
        append(text, "; the minimal system ");
        append(text, verdict);
        append(text, " the full one");
    }
}

// ---- the table --------------------------------------------------------------------------------

static void print_row(const v2s_comparison *c, const v2s_summary *s, int metric, size_t contrast) {
    const v2s_contrast *pair = &c->systems->contrasts[contrast];
    v2s_interval mean = v2s_summary_system(c, s, pair->first, metric);
    v2s_difference d = v2s_summary_difference(c, s, contrast, metric);
    const char *verdict = v2s_verdict_words((v2s_metric_id)metric, &d);
    char own[64], more[64];
    v2s_interval_words(&v2s_metrics[metric], &mean, false, own);
    v2s_interval_words(&v2s_metrics[metric], &d.interval, true, more);
    printf("    %-*s %-*s %-*s ", NAME - 4, ablated(c, contrast)->name, CELL, own, CELL + 4, more);
    if (d.interval.clips == 0)
        printf("-\n");
    else if (verdict == NULL)
        printf("%5.1f %%    too few clusters to say\n", 100 * d.win_rate);
    else
        printf("%5.1f %%    %s full\n", 100 * d.win_rate, verdict);
}

static void print_metric(const v2s_comparison *c, const v2s_summary *s, int metric, size_t full) {
    const v2s_metric *m = &v2s_metrics[metric];
    v2s_interval mean = v2s_summary_system(c, s, full, metric);
    char text[64], sentence[V2S_SENTENCE_MAX];
    v2s_interval_words(m, &mean, false, text);
    printf("\n%s%s%s\n    %-*s %-*s\n", m->name, m->unit[0] != '\0' ? " " : "", m->unit, NAME - 4,
           c->systems->items[full].name, CELL, text);
    for (size_t k = 0; k < c->systems->contrast_count; k++)
        if (is_ablated(c, k))
            print_row(c, s, metric, k);
    v2s_ablation_sentence(c, s, metric, sentence);
    printf("    %s\n", sentence);
}

// The full system is the first ablation; -1: nothing was left out.
static int full_of(const v2s_comparison *c) {
    return v2s_systems_find(c->systems, V2S_SYSTEM_ABLATION);
}

void v2s_ablation_print(const v2s_comparison *c, const v2s_summary *s) {
    int full = full_of(c);
    if (full < 0)
        return;
    printf("\nAblation, all clips\n\n%-*s %-*s %-*s %s\n", NAME, "", CELL, "mean [95 %]", CELL + 4,
           "minus full", "better in");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if ((c->metrics & V2S_METRIC_BIT(m)) != 0)
            print_metric(c, s, m, (size_t)full);
}

// ---- JSON -------------------------------------------------------------------------------------

static cJSON *effect_object(const v2s_comparison *c, const v2s_summary *s, int metric) {
    static const char *const words[EFFECTS] = {"helps", "hurts", "no difference", "unknown"};
    cJSON *o = cJSON_CreateObject();
    for (size_t k = 0; k < c->systems->contrast_count; k++) {
        v2s_difference d = v2s_summary_difference(c, s, k, metric);
        const char *name = is_ablated(c, k) ? component_of(ablated(c, k)) : NULL;
        if (name != NULL)
            cJSON_AddStringToObject(o, name, words[effect_of(metric, &d)]);
    }
    return o;
}

void v2s_ablation_json(const v2s_comparison *c, const v2s_summary *s, cJSON *o) {
    if (full_of(c) < 0)
        return;
    cJSON *all = cJSON_AddObjectToObject(o, "ablation");
    cJSON *differences = cJSON_AddObjectToObject(all, "difference");
    for (size_t k = 0; k < c->systems->contrast_count; k++)
        if (is_ablated(c, k))
            v2s_json_differences(c, s, k,
                                 cJSON_AddObjectToObject(differences, ablated(c, k)->name));
    cJSON *effects = cJSON_AddObjectToObject(all, "effect");
    cJSON *sentences = cJSON_AddObjectToObject(all, "sentence");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        char sentence[V2S_SENTENCE_MAX];
        if ((c->metrics & V2S_METRIC_BIT(m)) == 0)
            continue;
        cJSON_AddItemToObject(effects, v2s_metrics[m].name, effect_object(c, s, m));
        v2s_ablation_sentence(c, s, m, sentence);
        cJSON_AddStringToObject(sentences, v2s_metrics[m].name, sentence);
    }
}
