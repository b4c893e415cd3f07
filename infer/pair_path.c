// SPDX-License-Identifier: MIT
// Two trajectories (infer/pair_labels.h).
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/trajectory_csv.h"
#include "infer/pair_labels.h"
#include "kernels/base/array.h"
#include "spatial/path_scores.h"

static const double UNEVEN = 0.1; // share of the median step by which steps may differ

typedef struct job {
    const v2s_settings *s;
    v2s_run_log *log;
    v2s_trajectory_set prediction, truth;
    v2s_path_sums sums;
    double relative_distance; // sum over the points
    double fps_hz;            // of the first object
    size_t objects, outside;
} job;

// Points a second; 0 for a single point, which has no step.
static v2s_status rate_of(const job *j, const v2s_trajectory *t, double *fps_hz) {
    size_t n = t->count - 1;
    *fps_hz = j->s->fps_hz;
    if (j->s->fps_hz > 0 || n == 0)
        return V2S_OK;
    double *step_s = malloc(n * sizeof *step_s);
    if (step_s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu points", n);
    for (size_t i = 0; i < n; i++)
        step_s[i] = t->points[i + 1].time_s - t->points[i].time_s;
    qsort(step_s, n, sizeof *step_s, v2s_compare_doubles);
    double median_s = v2s_median_sorted(step_s, n);
    if (step_s[n - 1] > (1 + UNEVEN) * median_s || step_s[0] < (1 - UNEVEN) * median_s)
        v2s_run_log_warn(j->log,
                         "%s: object '%s': steps of %g to %g s, which the jerk takes all as %g s",
                         j->s->truth, t->name, step_s[0], step_s[n - 1], median_s);
    *fps_hz = 1 / median_s;
    free(step_s);
    return V2S_OK;
}

static v2s_status add_object(job *j, const v2s_trajectory *truth, const v2s_trajectory *p) {
    double fps_hz = 0;
    size_t cursor = 0;
    V2S_TRY(rate_of(j, truth, &fps_hz));
    v2s_path_point *points = calloc(truth->count, sizeof *points);
    if (points == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu points", truth->count);
    for (size_t i = 0; i < truth->count; i++) {
        const v2s_point *t = &truth->points[i];
        v2s_point at = v2s_trajectory_at(p, t->time_s, &cursor);
        points[i] = (v2s_path_point){t->unit, at.unit, false};
        j->relative_distance += fabs(at.distance_m - t->distance_m) / t->distance_m;
        j->outside += t->time_s < p->points[0].time_s || t->time_s > p->points[p->count - 1].time_s;
    }
    v2s_status status = v2s_path_add(&j->sums, points, truth->count, fps_hz);
    free(points);
    if (j->objects++ == 0)
        j->fps_hz = fps_hz;
    return status;
}

static const v2s_trajectory *find(const v2s_trajectory_set *set, const char *name) {
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return &set->items[i];
    return NULL;
}

static v2s_status add_objects(job *j) {
    if (j->truth.count == 1 && j->prediction.count == 1)
        return add_object(j, &j->truth.items[0], &j->prediction.items[0]);
    for (size_t i = 0; i < j->truth.count; i++) {
        const v2s_trajectory *p = find(&j->prediction, j->truth.items[i].name);
        if (p != NULL)
            V2S_TRY(add_object(j, &j->truth.items[i], p));
        else
            v2s_run_log_warn(j->log, "%s has no object '%s': left out", j->s->prediction,
                             j->truth.items[i].name);
    }
    for (size_t i = 0; i < j->prediction.count; i++)
        if (find(&j->truth, j->prediction.items[i].name) == NULL)
            v2s_run_log_warn(j->log, "%s has no object '%s': left out", j->s->truth,
                             j->prediction.items[i].name);
    if (j->objects == 0)
        return V2S_FAIL(V2S_FORMAT, "%s and %s have no object of the same name", j->s->prediction,
                        j->s->truth);
    return V2S_OK;
}

static void say(job *j, double *values) {
    v2s_labels_path_values(&j->sums, values);
    v2s_path_scores means = v2s_path_means(&j->sums);
    values[V2S_LABELS_ANGLE] = means.angle_deg;
    values[V2S_LABELS_RELATIVE] = j->relative_distance / (double)j->sums.points;
    if (j->outside > 0)
        v2s_run_log_warn(j->log,
                         "%zu of the truth's %zu points lie outside the time of %s, whose ends are "
                         "held",
                         j->outside, j->sums.points, j->s->prediction);
    v2s_run_log_number(j->log, "points", (double)j->sums.points);
    v2s_run_log_number(j->log, "objects", (double)j->objects);
    v2s_run_log_number(j->log, "fps", j->fps_hz > 0 ? j->fps_hz : NAN);
    v2s_run_log_row(j->log, "points", "%zu, of objects %zu, %.6g a second", j->sums.points,
                    j->objects, j->fps_hz);
}

v2s_status v2s_labels_path(const v2s_settings *s, double *values, v2s_run_log *log) {
    job j = {.s = s, .log = log};
    v2s_status status = v2s_trajectory_csv_read(s->prediction, &j.prediction);
    if (status == V2S_OK)
        status = v2s_trajectory_csv_read(s->truth, &j.truth);
    if (status == V2S_OK)
        status = add_objects(&j);
    if (status == V2S_OK)
        say(&j, values);
    v2s_trajectory_set_free(&j.prediction);
    v2s_trajectory_set_free(&j.truth);
    return status;
}
