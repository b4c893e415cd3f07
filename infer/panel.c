// SPDX-License-Identifier: MIT
#include "infer/panel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/pair_metrics.h"
#include "kernels/base/array.h"

v2s_status v2s_word_list_index(v2s_word_list *names, const char *text, size_t *index) {
    size_t found = v2s_word_list_find(names, text);
    if (found == V2S_NO_NAME && names->count == V2S_WORD_LIST_MAX)
        return V2S_FAIL(V2S_FORMAT, "more than %d different names ('%.40s')", V2S_WORD_LIST_MAX,
                        text);
    if (found == V2S_NO_NAME) {
        char **grown = realloc(names->items, (names->count + 1) * sizeof *grown);
        if (grown == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        names->items = grown;
        names->items[names->count] = strdup(text);
        if (names->items[names->count] == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        found = names->count++;
    }
    *index = found;
    return V2S_OK;
}

size_t v2s_word_list_find(const v2s_word_list *names, const char *text) {
    for (size_t i = names->count; i-- > 0;) // rows of one name follow one another
        if (strcmp(names->items[i], text) == 0)
            return i;
    return V2S_NO_NAME;
}

void v2s_word_list_free(v2s_word_list *names) {
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (v2s_word_list){0};
}

v2s_status v2s_panel_add(v2s_panel *panel, const v2s_answer *answer) {
    v2s_answer *grown = v2s_array_grow(panel->answers, panel->count, &panel->room, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for more than %zu answers", panel->count);
    panel->answers = grown;
    panel->answers[panel->count] = *answer;
    panel->answers[panel->count].before = panel->last[answer->assessor];
    panel->last[answer->assessor] = ++panel->count;
    return V2S_OK;
}

void v2s_panel_free(v2s_panel *panel) {
    v2s_word_list_free(&panel->assessors);
    v2s_word_list_free(&panel->items);
    v2s_word_list_free(&panel->conditions);
    free(panel->answers);
    memset(panel, 0, sizeof *panel);
}

v2s_status v2s_panel_means(const v2s_panel *panel, int value, size_t condition, size_t item,
                           const bool *kept, double *means) {
    size_t assessors = panel->assessors.count, *n = calloc(assessors + 1, sizeof *n);
    if (n == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu assessors", assessors);
    for (size_t a = 0; a < assessors; a++)
        means[a] = 0;
    for (size_t i = 0; i < panel->count; i++) {
        const v2s_answer *x = &panel->answers[i];
        if (x->condition != condition || (item != V2S_NO_NAME && x->item != item) ||
            isnan(x->value[value]))
            continue;
        means[x->assessor] += x->value[value];
        n[x->assessor]++;
    }
    for (size_t a = 0; a < assessors; a++)
        means[a] = kept == NULL || kept[a] ? means[a] / (double)n[a] : NAN; // 0 / 0: none
    free(n);
    return V2S_OK;
}

// Conditions, "refined" first.
static void order_conditions(const v2s_panel *panel, size_t *order) {
    size_t front = v2s_word_list_find(&panel->conditions, "refined"), n = 0;
    if (front != V2S_NO_NAME)
        order[n++] = front;
    for (size_t c = 0; c < panel->conditions.count; c++)
        if (c != front)
            order[n++] = c;
}

static v2s_status say_all(const v2s_panel *p, const v2s_panel_study *s, v2s_run_log *log,
                          const size_t *order, double *means) {
    size_t count = p->conditions.count;
    cJSON *conditions = cJSON_AddObjectToObject(log->json, "conditions");
    cJSON *differences = cJSON_AddObjectToObject(log->json, "differences");
    for (size_t i = 0; i < count; i++)
        V2S_TRY(s->condition(s->ctx, conditions, order[i], means));
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (s->is_judged == NULL || (s->is_judged(p->conditions.items[order[i]]) &&
                                         s->is_judged(p->conditions.items[order[k]])))
                V2S_TRY(s->pair(s->ctx, differences, order[i], order[k], means));
    return V2S_OK;
}

v2s_status v2s_panel_say(const v2s_panel *p, const v2s_panel_study *study, v2s_run_log *log) {
    double *means = calloc(2 * p->assessors.count, sizeof *means);
    size_t *order = calloc(p->conditions.count, sizeof *order);
    v2s_status status = V2S_OK;
    if (means == NULL || order == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "out of memory for %zu assessors", p->assessors.count);
    } else {
        order_conditions(p, order);
        status = say_all(p, study, log, order, means);
    }
    free(means);
    free(order);
    return status;
}

// "12.5", or "-" for what is not a number.
static const char *number(char text[32], double value, int decimals) {
    if (isfinite(value))
        snprintf(text, 32, "%.*f", decimals, value);
    else
        snprintf(text, 32, "-");
    return text;
}

void v2s_panel_row(v2s_run_log *log, const char *label, const v2s_sample *s, int decimals,
                   const char *unit) {
    char mean[32], lo[32], hi[32], median[32];
    v2s_run_log_row(log, label, "%s%s [%s, %s], median %s, n %zu", number(mean, s->mean, decimals),
                    unit, number(lo, s->lo, decimals), number(hi, s->hi, decimals),
                    number(median, s->median, decimals), s->n);
}

// A probability; one that rounds to 0 is not 0.
static const char *chance(char text[32], double p) {
    if (p < 0.5e-4)
        return strcpy(text, "< 0.0001");
    return number(text, p, 4);
}

void v2s_panel_row_paired(v2s_run_log *log, const char *label, const v2s_paired *r, int decimals,
                          const char *unit) {
    const v2s_sample *d = &r->difference;
    char mean[32], lo[32], hi[32], t[32], p_t[32], p_w[32];
    v2s_run_log_row(log, label, "%s%s [%s, %s], t %s p %s, Wilcoxon p %s, n %zu",
                    number(mean, d->mean, decimals), unit, number(lo, d->lo, decimals),
                    number(hi, d->hi, decimals), number(t, r->t, 2), chance(p_t, r->p_t),
                    chance(p_w, r->p_wilcoxon), d->n);
}

static void add_sample(cJSON *o, const v2s_sample *s) {
    cJSON_AddNumberToObject(o, "n", (double)s->n);
    v2s_pair_number(o, "mean", s->mean);
    v2s_pair_number(o, "lo", s->lo);
    v2s_pair_number(o, "hi", s->hi);
    v2s_pair_number(o, "median", s->median);
}

cJSON *v2s_sample_json(const v2s_sample *sample) {
    cJSON *o = cJSON_CreateObject();
    add_sample(o, sample);
    return o;
}

cJSON *v2s_paired_json(const v2s_paired *paired) {
    cJSON *o = cJSON_CreateObject();
    add_sample(o, &paired->difference);
    v2s_pair_number(o, "t", paired->t);
    v2s_pair_number(o, "p_t", paired->p_t);
    v2s_pair_number(o, "w", paired->w);
    v2s_pair_number(o, "p_wilcoxon", paired->p_wilcoxon);
    v2s_pair_number(o, "win_rate", paired->win_rate);
    return o;
}
