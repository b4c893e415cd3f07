// SPDX-License-Identifier: MIT
// DCASE labels against DCASE labels (infer/pair_labels.h).
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/dcase_csv.h"
#include "infer/pair_labels.h"
#include "infer/pair_metrics.h"
#include "kernels/base/cancel.h"
#include "spatial/doa_scores.h"
#include "spatial/path_scores.h"

enum { YEAR_2024 = 2 }; // of settings->seld_year

// Distances so far apart are of different units.
static const double UNIT_RATIO = 25;

// What is judged of one file.
typedef struct labels {
    v2s_dcase_labels file;
    v2s_doa_label *items; // [count], those whose direction can be used
    int *source;          // [count]
    size_t count;
} labels;

typedef struct job {
    const v2s_settings *s;
    v2s_run_log *log;
    v2s_doa *seld;
    v2s_path_sums paths;
    double fps_hz;
    bool distances;
    size_t frames, predicted, true_labels, unusable;
} job;

static void labels_free(labels *l) {
    v2s_dcase_labels_free(&l->file);
    free(l->items);
    free(l->source);
    *l = (labels){0};
}

static v2s_status read_labels(job *j, const char *path, int unit, labels *l) {
    V2S_TRY(
        v2s_dcase_csv_read(path, unit == 0 ? V2S_DCASE_CENTIMETRES : V2S_DCASE_METRES, &l->file));
    l->items = calloc(l->file.count, sizeof *l->items);
    l->source = calloc(l->file.count, sizeof *l->source);
    if (l->items == NULL || l->source == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < l->file.count; i++) {
        const v2s_dcase_row *row = &l->file.rows[i];
        int most = j->s->seld_classes > 0 ? (int)j->s->seld_classes : V2S_DOA_CLASSES_MAX;
        if (row->class_index >= most)
            return V2S_FAIL(V2S_FORMAT, "%s: line %d: class: expected 0 to %d, found %d", path,
                            row->line, most - 1, row->class_index);
        j->unusable += !row->has_direction;
        if (!row->has_direction)
            continue;
        l->source[l->count] = row->source;
        l->items[l->count++] = (v2s_doa_label){row->frame, row->class_index, row->unit,
                                               row->out_of_range ? NAN : row->distance_m};
    }
    return V2S_OK;
}

static bool all_have_distance(const labels *l) {
    for (size_t i = 0; i < l->count; i++)
        if (isnan(l->items[i].distance_m))
            return false;
    return true;
}

static double mean_distance_m(const labels *l) {
    double sum = 0;
    for (size_t i = 0; i < l->count; i++)
        sum += l->items[i].distance_m / (double)l->count;
    return sum;
}

static void check_units(const job *j, const v2s_file_pair *pair, const labels *p, const labels *t) {
    double ratio = mean_distance_m(p) / mean_distance_m(t);
    if (ratio > UNIT_RATIO || ratio < 1 / UNIT_RATIO)
        v2s_run_log_warn(j->log,
                         "%s: a mean distance of %.3g m, and %.3g m in %s: are the units those of "
                         "--pred-distance %s and --truth-distance %s?",
                         pair->prediction, mean_distance_m(p), mean_distance_m(t), pair->truth,
                         j->s->prediction_distance == 0 ? "cm" : "m",
                         j->s->truth_distance == 0 ? "cm" : "m");
}

// ---- paths of the truth's sources -------------------------------------------------------------

// A pair with what it is sorted by.
typedef struct step {
    int type, source, frame;
    v2s_path_point point;
} step;

static int by_source(const void *a, const void *b) {
    const step *x = a, *y = b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

static v2s_status add_sources(job *j, step *steps, size_t count) {
    v2s_path_point *points = calloc(count + 1, sizeof *points);
    v2s_status status = points != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    qsort(steps, count, sizeof *steps, by_source);
    for (size_t i = 0, n = 0; i < count && status == V2S_OK; i += n) {
        for (n = 0; i + n < count && steps[i + n].type == steps[i].type &&
                    steps[i + n].source == steps[i].source;
             n++) {
            points[n] = steps[i + n].point;
            points[n].gap = n > 0 && steps[i + n].frame != steps[i + n - 1].frame + 1;
        }
        status = v2s_path_add(&j->paths, points, n, j->fps_hz);
    }
    free(points);
    return status;
}

static v2s_status add_paths(job *j, const labels *p, const labels *t, const v2s_doa_pair *pairs,
                            size_t count) {
    step *steps = calloc(count + 1, sizeof *steps);
    if (steps == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu labels", count);
    for (size_t i = 0; i < count; i++) {
        const v2s_doa_label *truth = &t->items[pairs[i].truth];
        steps[i] = (step){truth->type,
                          t->source[pairs[i].truth],
                          truth->frame,
                          {truth->direction, p->items[pairs[i].prediction].direction, false}};
    }
    v2s_status status = add_sources(j, steps, count);
    free(steps);
    return status;
}

// ---- recordings -------------------------------------------------------------------------------

static v2s_status judge(job *j, const labels *p, const labels *t) {
    size_t count = 0;
    int frames = t->file.rows[t->file.count - 1].frame + (j->s->seld_drop_last ? 0 : 1);
    v2s_doa_pair *pairs = calloc(t->count + 1, sizeof *pairs);
    if (pairs == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu labels", t->count);
    v2s_status status =
        v2s_doa_add(j->seld, t->items, t->count, p->items, p->count, frames, pairs, &count);
    if (status == V2S_OK)
        status = add_paths(j, p, t, pairs, count);
    free(pairs);
    j->frames += (size_t)frames;
    j->predicted += p->count;
    j->true_labels += t->count;
    return status;
}

static v2s_status open_seld(job *j) {
    v2s_doa_options options = {.segments = j->s->seld_year < YEAR_2024,
                               .distances = j->distances,
                               .classes = (int)j->s->seld_classes};
    return v2s_doa_open(&options, &j->seld);
}

// Both files of a pair; the first tells whether distances are judged.
static v2s_status add_recording(job *j, const v2s_file_pair *pair, bool first) {
    labels p = {0}, t = {0};
    v2s_status status = read_labels(j, pair->truth, j->s->truth_distance, &t);
    if (status == V2S_OK && pair->prediction != NULL)
        status = read_labels(j, pair->prediction, j->s->prediction_distance, &p);
    bool distances = all_have_distance(&t) && all_have_distance(&p);
    if (status == V2S_OK && distances && p.count > 0 && t.count > 0)
        check_units(j, pair, &p, &t);
    if (status == V2S_OK && !distances && p.file.columns > 5 && t.file.columns > 5 &&
        j->s->seld_year == YEAR_2024)
        v2s_run_log_warn(j->log, "%s: has distances that cannot be used: they are not judged",
                         all_have_distance(&t) ? pair->prediction : pair->truth);
    if (status == V2S_OK && first) {
        j->distances = distances && j->s->seld_year == YEAR_2024;
        status = open_seld(j);
    } else if (status == V2S_OK && j->distances && !distances) {
        status = V2S_FAIL(V2S_FORMAT, "%s: no distance, which the files before have",
                          all_have_distance(&t) ? pair->prediction : pair->truth);
    }
    if (status == V2S_OK) {
        status = judge(j, &p, &t);
        if (status != V2S_OK)
            status = v2s_error_prefix(status, "%s", pair->truth);
    }
    labels_free(&p);
    labels_free(&t);
    return status;
}

// ---- what is said -----------------------------------------------------------------------------

static void set_values(const job *j, double *values) {
    v2s_doa_scores macro = v2s_doa_macro(j->seld), micro = v2s_doa_micro(j->seld);
    values[V2S_LABELS_F20] = macro.f20;
    values[V2S_LABELS_ANGLE] = macro.angle_deg;
    values[V2S_LABELS_DISTANCE] = macro.distance_m;
    values[V2S_LABELS_RELATIVE] = macro.relative_distance;
    values[V2S_LABELS_LR] = macro.lr;
    values[V2S_LABELS_ER] = macro.er;
    values[V2S_LABELS_SELD] = macro.seld;
    values[V2S_LABELS_F20_MICRO] = micro.f20;
    values[V2S_LABELS_ANGLE_MICRO] = micro.angle_deg;
    values[V2S_LABELS_RELATIVE_MICRO] = micro.relative_distance;
    values[V2S_LABELS_LR_MICRO] = micro.lr;
    v2s_labels_path_values(&j->paths, values);
}

static void say_classes(const job *j) {
    cJSON *list = cJSON_AddArrayToObject(j->log->json, "classes");
    int used = 0;
    for (int c = 0; c < V2S_DOA_CLASSES_MAX; c++) {
        v2s_doa_scores r;
        if (!v2s_doa_of_class(j->seld, c, &r))
            continue;
        cJSON *o = cJSON_CreateObject();
        cJSON_AddNumberToObject(o, "class", c);
        v2s_pair_number(o, "M8_f20", r.f20);
        v2s_pair_number(o, "M8_angle_deg", r.angle_deg);
        v2s_pair_number(o, "M8_relative_distance", r.relative_distance);
        v2s_pair_number(o, "M8_lr", r.lr);
        cJSON_AddItemToArray(list, o);
        used++;
    }
    v2s_run_log_row(j->log, "classes", "mean of %d%s", used,
                    j->s->seld_classes > 0 ? "" : ", those that occur");
}

static void say(const job *j, size_t recordings) {
    int year = 2022 + j->s->seld_year;
    v2s_run_log_number(j->log, "seld_year", year);
    v2s_run_log_number(j->log, "frames", (double)j->frames);
    v2s_run_log_number(j->log, "recordings", (double)recordings);
    cJSON *o = cJSON_AddObjectToObject(j->log->json, "labels");
    cJSON_AddNumberToObject(o, "prediction", (double)j->predicted);
    cJSON_AddNumberToObject(o, "truth", (double)j->true_labels);
    v2s_run_log_row(j->log, "labels", "%zu predicted, %zu true, %zu recordings, %zu frames",
                    j->predicted, j->true_labels, recordings, j->frames);
    v2s_run_log_row(j->log, "definition", "DCASE %d, %s", year,
                    j->s->seld_year < YEAR_2024 ? "segments of 1 s"
                    : j->distances              ? "frames, with distances"
                                                : "frames, without distances");
    say_classes(j);
    if (j->unusable > 0)
        v2s_run_log_warn(j->log, "%zu labels with a direction out of range: left out", j->unusable);
}

v2s_status v2s_labels_seld(const v2s_settings *s, const v2s_file_pair *pairs, size_t count,
                           double *values, v2s_run_log *log) {
    job j = {.s = s, .log = log, .fps_hz = s->fps_hz > 0 ? s->fps_hz : 1 / V2S_DCASE_FRAME_S};
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < count && status == V2S_OK; i++) {
        status = v2s_cancel_check();
        if (status == V2S_OK)
            status = add_recording(&j, &pairs[i], i == 0);
    }
    if (status == V2S_OK) {
        set_values(&j, values);
        say(&j, count);
    }
    v2s_doa_close(&j.seld);
    return status;
}
