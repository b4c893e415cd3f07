// SPDX-License-Identifier: MIT
#include "infer/listening_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/panel.h"

static const double SCORE = 90, SHARE_MAX = 0.15, ITEM_SHARE_MAX = 0.25;
static const char *const REFERENCE = "reference";

enum { WHO_MAX = 1024 };

typedef struct job {
    const char *path;
    v2s_run_log *log;
    v2s_panel panel;
    size_t repeats;
    bool *kept;               // [assessors]
    double *below, *above;    // [assessors] shares of items
    size_t reference, anchor; // conditions or V2S_NO_NAME
    size_t left;              // assessors
} job;

// ---- reading ----------------------------------------------------------------------------------

typedef struct columns {
    int item, condition, score;
    int who_from, who_to; // columns from .. to - 1 tell who answered
} columns;

static v2s_status find_columns(const job *j, const v2s_table *t, columns *c) {
    static const char *const needed[] = {"trial_id", "rating_stimulus", "rating_score"};
    int *const to[] = {&c->item, &c->condition, &c->score};
    for (int i = 0; i < 3; i++) {
        *to[i] = v2s_table_column(t, needed[i]);
        if (*to[i] < 0)
            return V2S_FAIL(V2S_FORMAT, "%s: no column %s: expected webMUSHRA's mushra.csv",
                            j->path, needed[i]);
    }
    int uuid = v2s_table_column(t, "session_uuid");
    c->who_from = uuid >= 0 ? uuid : v2s_table_column(t, "session_test_id") + 1;
    c->who_to = uuid >= 0 ? uuid + 1 : c->item;
    return V2S_OK;
}

static v2s_status tell_who(const v2s_table *t, const columns *c, char who[WHO_MAX]) {
    size_t used = 0;
    who[0] = '\0';
    for (int i = c->who_from; i < c->who_to; i++) {
        used += (size_t)snprintf(who + used, WHO_MAX - used, "%s%s", i > c->who_from ? ", " : "",
                                 v2s_table_field(t, i));
        if (used >= WHO_MAX - 16) // room for the number of a repeat
            return v2s_table_bad(t, "more than %d bytes about the assessor", WHO_MAX - 16);
    }
    if (used == 0)
        snprintf(who, WHO_MAX, "assessor");
    return V2S_OK;
}

static bool has_answered(const v2s_panel *p, const v2s_answer *answer) {
    for (size_t i = p->last[answer->assessor]; i > 0; i = p->answers[i - 1].before)
        if (p->answers[i - 1].item == answer->item &&
            p->answers[i - 1].condition == answer->condition)
            return true;
    return false;
}

static v2s_status find_name(const job *j, v2s_word_list *names, const char *text, size_t *index) {
    v2s_status status = v2s_word_list_index(names, text, index);
    return status == V2S_OK ? status : v2s_error_prefix(status, "%s", j->path);
}

// The assessor of this name who has not yet rated this: the first, or "name (2)" and so on.
static v2s_status find_assessor(job *j, const char *who, v2s_answer *answer) {
    char name[WHO_MAX];
    snprintf(name, sizeof name, "%s", who);
    for (int turn = 2;; turn++) {
        size_t before = j->panel.assessors.count;
        V2S_TRY(find_name(j, &j->panel.assessors, name, &answer->assessor));
        if (!has_answered(&j->panel, answer)) {
            j->repeats += turn > 2 && j->panel.assessors.count > before;
            return V2S_OK;
        }
        snprintf(name, sizeof name, "%.*s (%d)", WHO_MAX - 16, who, turn);
    }
}

static v2s_status read_answer(job *j, const v2s_table *t, const columns *c) {
    v2s_answer answer = {0};
    char who[WHO_MAX];
    const char *item = v2s_table_field(t, c->item), *condition = v2s_table_field(t, c->condition);
    if (item[0] == '\0' || condition[0] == '\0')
        return v2s_table_bad(t, "trial_id and rating_stimulus: expected names, found none");
    V2S_TRY(v2s_table_number(t, c->score, 0, 100, &answer.value[0]));
    V2S_TRY(tell_who(t, c, who));
    V2S_TRY(find_name(j, &j->panel.items, item, &answer.item));
    V2S_TRY(find_name(j, &j->panel.conditions, condition, &answer.condition));
    V2S_TRY(find_assessor(j, who, &answer));
    return v2s_panel_add(&j->panel, &answer);
}

static v2s_status read_answers(job *j) {
    v2s_table *t = NULL;
    columns c;
    V2S_TRY(v2s_table_open(j->path, "the results of a listening test", &t));
    v2s_status status = find_columns(j, t, &c);
    while (status == V2S_OK && (status = v2s_table_next(t)) == V2S_OK)
        status = read_answer(j, t, &c);
    v2s_table_close(&t);
    if (status != V2S_END)
        return status;
    if (j->panel.count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no answers below the header", j->path);
    if (j->repeats > 0)
        v2s_run_log_warn(j->log,
                         "%s: %zu assessors rate the same again: each time taken as another person",
                         j->path, j->repeats);
    return V2S_OK;
}

// ---- post-screening ---------------------------------------------------------------------------

// Per item the share of assessors who rate a condition above SCORE.
static v2s_status item_shares(const v2s_panel *p, size_t condition, double *share) {
    size_t *n = calloc(p->items.count + 1, sizeof *n);
    if (n == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu items", p->items.count);
    for (size_t i = 0; i < p->count; i++) {
        const v2s_answer *x = &p->answers[i];
        if (x->condition == condition) {
            share[x->item] += x->value[0] > SCORE;
            n[x->item]++;
        }
    }
    for (size_t i = 0; i < p->items.count; i++)
        share[i] = n[i] > 0 ? share[i] / (double)n[i] : 0;
    free(n);
    return V2S_OK;
}

// Share of an assessor's items in which a condition is below (or above) SCORE; 0 without any.
static double share_of(const v2s_panel *p, size_t assessor, size_t condition, bool above,
                       const double *item_share) {
    size_t n = 0, found = 0;
    for (size_t i = 0; i < p->count; i++) {
        const v2s_answer *x = &p->answers[i];
        if (x->assessor != assessor || x->condition != condition ||
            (above && item_share[x->item] > ITEM_SHARE_MAX))
            continue;
        found += above ? x->value[0] > SCORE : x->value[0] < SCORE;
        n++;
    }
    return n > 0 ? (double)found / (double)n : 0;
}

static v2s_status screen(job *j) {
    const v2s_panel *p = &j->panel;
    size_t people = p->assessors.count;
    double *share = calloc(p->items.count + 1, sizeof *share);
    j->kept = calloc(people, sizeof *j->kept);
    j->below = calloc(people, sizeof *j->below);
    j->above = calloc(people, sizeof *j->above);
    v2s_status status = V2S_OK;
    if (share == NULL || j->kept == NULL || j->below == NULL || j->above == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory for %zu assessors", people);
    j->reference = v2s_word_list_find(&p->conditions, REFERENCE);
    j->anchor = v2s_word_list_find(&p->conditions, "anchor70");
    if (j->anchor == V2S_NO_NAME)
        j->anchor = v2s_word_list_find(&p->conditions, "anchor35");
    if (j->reference == V2S_NO_NAME)
        v2s_run_log_warn(j->log, "%s: no hidden reference: nobody is screened by it", j->path);
    if (status == V2S_OK)
        status = item_shares(p, j->anchor, share);
    for (size_t a = 0; a < people && status == V2S_OK; a++) {
        j->below[a] = share_of(p, a, j->reference, false, share);
        j->above[a] = share_of(p, a, j->anchor, true, share);
        j->kept[a] = j->below[a] <= SHARE_MAX && j->above[a] <= SHARE_MAX;
        j->left += j->kept[a];
    }
    free(share);
    if (status == V2S_OK && j->left == 0)
        status = V2S_FAIL(V2S_FORMAT, "%s: post-screening leaves none of %zu assessors", j->path,
                          people);
    return status;
}

static void say_screening(const job *j) {
    cJSON *all = cJSON_AddArrayToObject(j->log->json, "screening");
    cJSON *out = cJSON_AddArrayToObject(j->log->json, "excluded");
    for (size_t a = 0; a < j->panel.assessors.count; a++) {
        const char *name = j->panel.assessors.items[a];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "assessor", name);
        cJSON_AddNumberToObject(o, "reference_below_90", j->below[a]);
        cJSON_AddNumberToObject(o, "anchor_above_90", j->above[a]);
        cJSON_AddBoolToObject(o, "kept", j->kept[a]);
        cJSON_AddItemToArray(all, o);
        if (j->kept[a])
            continue;
        char reason[160];
        bool by_reference = j->below[a] > SHARE_MAX;
        snprintf(reason, sizeof reason, "rates the %s %s 90 in %.0f %% of the items",
                 by_reference ? "hidden reference" : "anchor", by_reference ? "below" : "above",
                 100 * (by_reference ? j->below[a] : j->above[a]));
        o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "assessor", name);
        cJSON_AddStringToObject(o, "reason", reason);
        cJSON_AddItemToArray(out, o);
        v2s_run_log_warn(j->log, "assessor %s %s: left out", name, reason);
    }
}

// ---- means and differences --------------------------------------------------------------------

static v2s_status say_condition(const void *ctx, cJSON *conditions, size_t condition,
                                double *means) {
    const job *j = ctx;
    const v2s_panel *p = &j->panel;
    const char *name = p->conditions.items[condition];
    v2s_sample s;
    V2S_TRY(v2s_panel_means(p, 0, condition, V2S_NO_NAME, j->kept, means));
    V2S_TRY(v2s_sample_of(means, p->assessors.count, &s));
    cJSON *o = v2s_sample_json(&s), *items = cJSON_AddObjectToObject(o, "items");
    cJSON_AddItemToObject(conditions, name, o);
    v2s_panel_row(j->log, name, &s, 1, "");
    for (size_t i = 0; i < p->items.count; i++) {
        V2S_TRY(v2s_panel_means(p, 0, condition, i, j->kept, means));
        V2S_TRY(v2s_sample_of(means, p->assessors.count, &s));
        cJSON_AddItemToObject(items, p->items.items[i], v2s_sample_json(&s));
    }
    return V2S_OK;
}

static bool is_judged(const char *condition) {
    return strcmp(condition, REFERENCE) != 0 && strncmp(condition, "anchor", 6) != 0;
}

static v2s_status say_pair(const void *ctx, cJSON *differences, size_t a, size_t b, double *means) {
    const job *j = ctx;
    const v2s_panel *p = &j->panel;
    size_t people = p->assessors.count;
    v2s_paired r;
    char name[256];
    V2S_TRY(v2s_panel_means(p, 0, a, V2S_NO_NAME, j->kept, means));
    V2S_TRY(v2s_panel_means(p, 0, b, V2S_NO_NAME, j->kept, means + people));
    V2S_TRY(v2s_paired_of(means, means + people, people, &r));
    snprintf(name, sizeof name, "%.120s-%.120s", p->conditions.items[a], p->conditions.items[b]);
    cJSON_AddItemToObject(differences, name, v2s_paired_json(&r));
    v2s_panel_row_paired(j->log, name, &r, 1, "");
    return V2S_OK;
}

static v2s_status say(const job *j) {
    const v2s_panel *p = &j->panel;
    const v2s_panel_study study = {j, say_condition, say_pair, is_judged};
    v2s_run_log_number(j->log, "assessors", (double)p->assessors.count);
    v2s_run_log_number(j->log, "kept", (double)j->left);
    v2s_run_log_number(j->log, "items", (double)p->items.count);
    v2s_run_log_number(j->log, "ratings", (double)p->count);
    v2s_run_log_row(j->log, "assessors", "%zu, %zu of them kept (BS.1534-3, 4.1.2)",
                    p->assessors.count, j->left);
    v2s_run_log_row(j->log, "items", "%zu, %zu ratings", p->items.count, p->count);
    say_screening(j);
    return v2s_panel_say(p, &study, j->log);
}

v2s_status v2s_listening_results(const char *path, v2s_run_log *log) {
    job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    j->path = path;
    j->log = log;
    v2s_status status = read_answers(j);
    if (status == V2S_OK)
        status = screen(j);
    if (status == V2S_OK)
        status = say(j);
    v2s_panel_free(&j->panel);
    free(j->kept);
    free(j->below);
    free(j->above);
    free(j);
    return status;
}
