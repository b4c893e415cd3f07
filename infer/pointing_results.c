// SPDX-License-Identifier: MIT
#include "infer/pointing_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/panel.h"
#include "spatial/conventions.h"

static const double MARGIN_DEG = 10;

enum { ERROR, RESOLVED, AZIMUTH, FRONT_BACK, MEASURES };

// Key, words of a row, unit and decimals; a share is shown in percent.
static const struct measure {
    const char *key, *label, *unit;
    int decimals;
} measure[MEASURES] = {
    [ERROR] = {"error_deg", "error", " deg", 1},
    [RESOLVED] = {"resolved_deg", "resolved", " deg", 1},
    [AZIMUTH] = {"azimuth_deg", "azimuth", " deg", 1},
    [FRONT_BACK] = {"front_back", "front-back", "", 3},
};

enum { ASSESSOR, TRIAL, CONDITION, TARGET_AZ, ANSWER_AZ, NEEDED };
enum { TARGET_EL, ANSWER_EL, OPTIONAL };

static const char *const needed[NEEDED] = {"assessor", "trial", "condition", "target_az_deg",
                                           "answer_az_deg"};
static const char *const optional[OPTIONAL] = {"target_el_deg", "answer_el_deg"};

typedef struct job {
    const char *path;
    v2s_run_log *log;
    v2s_panel panel;
    int column[NEEDED], elevation[OPTIONAL]; // -1: none
} job;

static v2s_status find_columns(job *j, const v2s_table *t) {
    for (int i = 0; i < NEEDED; i++) {
        j->column[i] = v2s_table_column(t, needed[i]);
        if (j->column[i] < 0)
            return V2S_FAIL(V2S_FORMAT,
                            "%s: no column %s: expected assessor,trial,condition,target_az_deg,"
                            "target_el_deg,answer_az_deg,answer_el_deg",
                            j->path, needed[i]);
    }
    for (int i = 0; i < OPTIONAL; i++)
        j->elevation[i] = v2s_table_column(t, optional[i]);
    if ((j->elevation[TARGET_EL] < 0) != (j->elevation[ANSWER_EL] < 0))
        return V2S_FAIL(V2S_FORMAT, "%s: target_el_deg and answer_el_deg belong together", j->path);
    return V2S_OK;
}

static v2s_status read_direction(const job *j, const v2s_table *t, int azimuth, int elevation,
                                 v2s_vec3 *u) {
    double az_deg, el_deg = 0;
    V2S_TRY(v2s_table_number(t, j->column[azimuth], -360, 360, &az_deg));
    if (j->elevation[elevation] >= 0)
        V2S_TRY(v2s_table_number(t, j->elevation[elevation], -90, 90, &el_deg));
    *u = v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg));
    return V2S_OK;
}

static double angle_deg(v2s_vec3 a, v2s_vec3 b) {
    return v2s_deg(v2s_angle_between_rad(a, b));
}

// Angle to the frontal plane.
static double to_plane_deg(v2s_vec3 u) {
    return v2s_deg(asin(fmin(1, fabs(u.x))));
}

static void judge(v2s_vec3 target, v2s_vec3 answer, double *value) {
    bool can_be = to_plane_deg(target) > MARGIN_DEG;
    bool confused = can_be && to_plane_deg(answer) > MARGIN_DEG && target.x * answer.x < 0;
    v2s_vec3 resolved = {confused ? -answer.x : answer.x, answer.y, answer.z};
    value[ERROR] = angle_deg(target, answer);
    value[RESOLVED] = angle_deg(target, resolved);
    value[AZIMUTH] =
        v2s_deg(remainder(v2s_azimuth_rad(answer) - v2s_azimuth_rad(target), 2 * V2S_PI));
    value[FRONT_BACK] = can_be ? confused : NAN;
}

static v2s_status read_answer(job *j, const v2s_table *t) {
    v2s_answer answer = {0};
    v2s_vec3 target, pointed;
    v2s_word_list *const names[] = {&j->panel.assessors, &j->panel.items, &j->panel.conditions};
    size_t *const index[] = {&answer.assessor, &answer.item, &answer.condition};
    for (int i = 0; i < 3; i++) {
        const char *name = v2s_table_field(t, j->column[i]);
        if (name[0] == '\0')
            return v2s_table_bad(t, "%s: expected a name, found none", needed[i]);
        v2s_status status = v2s_word_list_index(names[i], name, index[i]);
        if (status != V2S_OK)
            return v2s_error_prefix(status, "%s", j->path);
    }
    V2S_TRY(read_direction(j, t, TARGET_AZ, TARGET_EL, &target));
    V2S_TRY(read_direction(j, t, ANSWER_AZ, ANSWER_EL, &pointed));
    judge(target, pointed, answer.value);
    return v2s_panel_add(&j->panel, &answer);
}

static v2s_status read_answers(job *j) {
    v2s_table *t = NULL;
    V2S_TRY(v2s_table_open(j->path, "the results of a pointing test", &t));
    v2s_status status = find_columns(j, t);
    while (status == V2S_OK && (status = v2s_table_next(t)) == V2S_OK)
        status = read_answer(j, t);
    v2s_table_close(&t);
    if (status != V2S_END)
        return status;
    if (j->panel.count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no answers below the header", j->path);
    return V2S_OK;
}

static size_t answers_of(const v2s_panel *p, size_t condition) {
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        n += p->answers[i].condition == condition;
    return n;
}

static v2s_status say_condition(const void *ctx, cJSON *conditions, size_t condition,
                                double *means) {
    const job *j = ctx;
    const v2s_panel *p = &j->panel;
    cJSON *o = cJSON_AddObjectToObject(conditions, p->conditions.items[condition]);
    cJSON_AddNumberToObject(o, "answers", (double)answers_of(p, condition));
    for (int m = 0; m < MEASURES; m++) {
        v2s_sample s;
        char label[160];
        V2S_TRY(v2s_panel_means(p, m, condition, V2S_NO_NAME, NULL, means));
        V2S_TRY(v2s_sample_of(means, p->assessors.count, &s));
        cJSON_AddItemToObject(o, measure[m].key, v2s_sample_json(&s));
        snprintf(label, sizeof label, "%.120s %s", p->conditions.items[condition],
                 measure[m].label);
        v2s_panel_row(j->log, label, &s, measure[m].decimals, measure[m].unit);
    }
    return V2S_OK;
}

static v2s_status say_pair(const void *ctx, cJSON *differences, size_t a, size_t b, double *means) {
    const job *j = ctx;
    const v2s_panel *p = &j->panel;
    size_t people = p->assessors.count;
    char name[256], label[300];
    snprintf(name, sizeof name, "%.120s-%.120s", p->conditions.items[a], p->conditions.items[b]);
    cJSON *o = cJSON_AddObjectToObject(differences, name);
    for (int m = 0; m < MEASURES; m++) {
        v2s_paired r;
        V2S_TRY(v2s_panel_means(p, m, a, V2S_NO_NAME, NULL, means));
        V2S_TRY(v2s_panel_means(p, m, b, V2S_NO_NAME, NULL, means + people));
        V2S_TRY(v2s_paired_of(means, means + people, people, &r));
        cJSON_AddItemToObject(o, measure[m].key, v2s_paired_json(&r));
        snprintf(label, sizeof label, "%s %s", name, measure[m].label);
        v2s_panel_row_paired(j->log, label, &r, measure[m].decimals, measure[m].unit);
    }
    return V2S_OK;
}

static v2s_status say(const job *j) {
    const v2s_panel *p = &j->panel;
    const v2s_panel_study study = {j, say_condition, say_pair, NULL};
    v2s_run_log_number(j->log, "assessors", (double)p->assessors.count);
    v2s_run_log_number(j->log, "trials", (double)p->items.count);
    v2s_run_log_number(j->log, "answers", (double)p->count);
    v2s_run_log_row(j->log, "answers", "%zu by %zu assessors, %zu trials", p->count,
                    p->assessors.count, p->items.count);
    if (j->elevation[TARGET_EL] < 0)
        v2s_run_log_row(j->log, "elevation", "not told: azimuth alone is judged");
    return v2s_panel_say(p, &study, j->log);
}

v2s_status v2s_pointing_results(const char *path, v2s_run_log *log) {
    job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    j->path = path;
    j->log = log;
    v2s_status status = read_answers(j);
    if (status == V2S_OK)
        status = say(j);
    v2s_panel_free(&j->panel);
    free(j);
    return status;
}
