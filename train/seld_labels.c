// SPDX-License-Identifier: MIT
#include "train/seld_labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/array.h"

// Rounding of times that are multiples of a frame.
#define SLACK_S 1e-6

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

static void span_free(v2s_seld_span *s) {
    v2s_trajectory_free(&s->path);
}

void v2s_seld_labels_free(v2s_seld_labels *labels) {
    for (size_t i = 0; i < labels->count; i++)
        span_free(&labels->spans[i]);
    free(labels->spans);
    free(labels->row_end_s);
    *labels = (v2s_seld_labels){0};
}

// `most` spans and all rows.
static v2s_status make_room(v2s_seld_labels *labels, size_t most, size_t rows) {
    labels->spans = calloc(most + 1, sizeof *labels->spans);
    labels->row_end_s = calloc(rows + 1, sizeof *labels->row_end_s);
    labels->rows = rows;
    labels->class_max = -1;
    return labels->spans != NULL && labels->row_end_s != NULL ? V2S_OK : no_memory();
}

// ---- frames -----------------------------------------------------------------------------------

static double start_of(int frame) {
    return frame / 10.0;
}

// First row behind the frame of row i.
static size_t frame_end(const v2s_dcase_labels *m, size_t i) {
    size_t j = i;
    while (j < m->count && m->rows[j].frame == m->rows[i].frame)
        j++;
    return j;
}

static bool is_next(const v2s_dcase_row *a, const v2s_dcase_row *b) {
    return b->frame == a->frame + 1 && b->class_index == a->class_index && b->source == a->source;
}

// rows[first .. first + frames - 1], one a frame, of one source.
static v2s_status make_path(const v2s_dcase_row *rows, size_t frames, double distance_m,
                            v2s_seld_span *s) {
    v2s_trajectory *t = &s->path;
    t->points = malloc((frames + 2) * sizeof *t->points);
    if (t->points == NULL)
        return no_memory();
    t->count = frames + 2;
    memcpy(t->name, "1", 2);
    for (size_t k = 0; k < t->count; k++) {
        const v2s_dcase_row *r = &rows[k == 0 ? 0 : k <= frames ? k - 1 : frames - 1];
        double time_s = k == 0        ? start_of(r->frame)
                        : k <= frames ? start_of(r->frame) + V2S_DCASE_FRAME_S / 2
                                      : start_of(r->frame + 1);
        t->points[k] =
            (v2s_point){time_s, r->unit, isfinite(r->distance_m) ? r->distance_m : distance_m, 1};
    }
    return V2S_OK;
}

static v2s_status add_frames(const v2s_dcase_row *rows, size_t frames, double distance_m,
                             v2s_seld_labels *labels) {
    v2s_seld_span *s = &labels->spans[labels->count++];
    *s = (v2s_seld_span){.start_s = start_of(rows[0].frame),
                         .end_s = start_of(rows[frames - 1].frame + 1),
                         .class_index = rows[0].class_index};
    return make_path(rows, frames, distance_m, s);
}

static v2s_status find_spans(const v2s_dcase_labels *m, double distance_m,
                             v2s_seld_labels *labels) {
    int overlapped = -2; // the last frame with several sources
    for (size_t i = 0; i < m->count;) {
        size_t end = frame_end(m, i), first = i;
        if (end - i > 1) {
            labels->overlaps += m->rows[i].frame != overlapped + 1;
            labels->overlapped_s += V2S_DCASE_FRAME_S;
            overlapped = m->rows[i].frame;
        }
        i = end;
        if (end - first > 1 || m->rows[first].out_of_range)
            continue;
        while (i < m->count && frame_end(m, i) == i + 1 && !m->rows[i].out_of_range &&
               is_next(&m->rows[i - 1], &m->rows[i]))
            i++;
        V2S_TRY(add_frames(&m->rows[first], i - first, distance_m, labels));
    }
    return V2S_OK;
}

v2s_status v2s_seld_from_rows(const v2s_dcase_labels *rows, double distance_m,
                              v2s_seld_labels *labels) {
    v2s_seld_labels made = {.out_of_range = rows->out_of_range};
    v2s_status status = make_room(&made, rows->count, rows->count);
    for (size_t i = 0; status == V2S_OK && i < rows->count; i++) {
        made.row_end_s[i] = start_of(rows->rows[i].frame + 1);
        made.class_max =
            rows->rows[i].class_index > made.class_max ? rows->rows[i].class_index : made.class_max;
    }
    if (status == V2S_OK)
        status = find_spans(rows, distance_m, &made);
    if (status != V2S_OK) {
        v2s_seld_labels_free(&made);
        return status;
    }
    *labels = made;
    return V2S_OK;
}

// ---- events -----------------------------------------------------------------------------------

static v2s_status add_event(const v2s_tau2019_event *e, double from_s, double to_s,
                            v2s_seld_labels *labels) {
    v2s_seld_span *s = &labels->spans[labels->count++];
    *s = (v2s_seld_span){.start_s = from_s, .end_s = to_s, .class_index = -1};
    snprintf(s->sound, sizeof s->sound, "%s", e->name);
    s->path.points = malloc(2 * sizeof *s->path.points);
    if (s->path.points == NULL)
        return no_memory();
    s->path.count = 2;
    memcpy(s->path.name, "1", 2);
    s->path.points[0] = (v2s_point){from_s, e->unit, e->distance_m, 1};
    s->path.points[1] = (v2s_point){to_s, e->unit, e->distance_m, 1};
    return V2S_OK;
}

// Between two neighbouring borders (starts and ends of events) the same events sound. A border is
// where one begins or ends, so a stretch with one event is maximal.
static v2s_status sweep(const v2s_tau2019_labels *m, const double *border, size_t borders,
                        v2s_seld_labels *labels) {
    bool overlapped = false;
    size_t first = 0; // no event before it sounds
    for (size_t b = 0; b + 1 < borders; b++) {
        double from_s = border[b], to_s = border[b + 1];
        size_t active = 0, which = 0;
        if (to_s <= from_s)
            continue;
        while (first < m->count && m->events[first].end_s <= from_s)
            first++;
        for (size_t i = first; i < m->count && m->events[i].start_s <= from_s; i++)
            if (m->events[i].end_s > from_s) {
                active++;
                which = i;
            }
        labels->overlaps += active > 1 && !overlapped;
        labels->overlapped_s += active > 1 ? to_s - from_s : 0;
        overlapped = active > 1;
        if (active == 1 && !m->events[which].out_of_range)
            V2S_TRY(add_event(&m->events[which], from_s, to_s, labels));
    }
    return V2S_OK;
}

v2s_status v2s_seld_from_events(const v2s_tau2019_labels *events, v2s_seld_labels *labels) {
    v2s_seld_labels made = {.out_of_range = events->out_of_range, .unordered = events->unordered};
    size_t borders = 2 * events->count;
    double *border = malloc(borders * sizeof *border);
    v2s_status status = make_room(&made, borders, events->count);
    if (border == NULL)
        status = no_memory();
    for (size_t i = 0; status == V2S_OK && i < events->count; i++) {
        border[2 * i] = events->events[i].start_s;
        border[2 * i + 1] = made.row_end_s[i] = events->events[i].end_s;
    }
    if (status == V2S_OK) {
        qsort(border, borders, sizeof *border, v2s_compare_doubles);
        status = sweep(events, border, borders, &made);
    }
    free(border);
    if (status != V2S_OK) {
        v2s_seld_labels_free(&made);
        return status;
    }
    *labels = made;
    return V2S_OK;
}

// ---- the sound's end --------------------------------------------------------------------------

// Points up to end_s, and one there.
static void cut_path(v2s_trajectory *t, double end_s) {
    v2s_point at_end = v2s_trajectory_at(t, end_s, NULL);
    size_t n = t->count;
    while (n > 1 && t->points[n - 1].time_s >= end_s - SLACK_S)
        n--;
    at_end.time_s = end_s;
    t->points[n++] = at_end; // one of those that were cut off
    t->count = n;
}

size_t v2s_seld_cut(v2s_seld_labels *labels, double duration_s) {
    size_t beyond = 0, kept = 0;
    for (size_t i = 0; i < labels->rows; i++)
        beyond += labels->row_end_s[i] > duration_s + V2S_DCASE_FRAME_S - SLACK_S;
    for (size_t i = 0; i < labels->count; i++) {
        v2s_seld_span *s = &labels->spans[i];
        if (s->start_s >= duration_s - SLACK_S) {
            span_free(s);
            continue;
        }
        if (s->end_s > duration_s) {
            s->end_s = duration_s;
            cut_path(&s->path, duration_s);
        }
        labels->spans[kept++] = *s;
    }
    labels->count = kept;
    return beyond;
}
