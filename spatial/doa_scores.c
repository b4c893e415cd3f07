// SPDX-License-Identifier: MIT
#include "spatial/doa_scores.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/assignment.h"
#include "spatial/conventions.h"

enum { SEGMENT_FRAMES = 10, TRACKS = V2S_DOA_TRACKS_MAX };

static const double ANGLE_MAX_DEG = 20, RELATIVE_DISTANCE_MAX = 1;

// What is counted per class; `pairs` and `missed` are those of lr and angle, the other four of f20.
typedef struct counts {
    double hits, misplaced, surplus, missing, truths;
    double pairs, missed, angle_deg, distance_m, relative_distance;
    bool occurs;
} counts;

struct v2s_doa {
    v2s_doa_options options;
    counts of[V2S_DOA_CLASSES_MAX];
    double errors; // S + D + I
    double *cost;  // [TRACKS][TRACKS]
};

// A label where it is counted: per unit of time (frame or segment) and class, frame by frame.
typedef struct place {
    int unit, type, frame;
    size_t index;
} place;

typedef struct side {
    const v2s_doa_label *labels;
    place *places; // sorted
    size_t count, at;
} side;

// The labels of one class in one unit of time.
typedef struct group {
    const v2s_doa_label *labels;
    const place *places;
    size_t count;
} group;

typedef struct recording {
    v2s_doa *seld;
    side truth, prediction;
    v2s_doa_pair *pairs;
    size_t pair_count;
    double false_positives, false_negatives; // of this unit of time, all classes
} recording;

double v2s_doa_angle_deg(v2s_vec3 a, v2s_vec3 b) {
    double na = sqrt(a.x * a.x + a.y * a.y + a.z * a.z + 1e-10);
    double nb = sqrt(b.x * b.x + b.y * b.y + b.z * b.z + 1e-10);
    double dot = (a.x / na) * (b.x / nb) + (a.y / na) * (b.y / nb) + (a.z / na) * (b.z / nb);
    return acos(fmax(-1, fmin(1, dot))) * 180 / V2S_PI;
}

static int by_place(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

// The first labels of `g` that share a frame.
static size_t frame_size(const group *g, size_t from) {
    size_t n = 1;
    while (from + n < g->count && g->places[from + n].frame == g->places[from].frame)
        n++;
    return n;
}

static size_t tracks_of(const group *g) {
    size_t most = 0;
    for (size_t i = 0; i < g->count; i += frame_size(g, i))
        most = frame_size(g, i) > most ? frame_size(g, i) : most;
    return most;
}

// Assigns the predictions of one frame to its truths: pair_of [truths] is the prediction's place in
// its frame, and the angle.
static v2s_status assign(const recording *r, const group *t, size_t nt, const group *p, size_t np,
                         size_t *pair_of, double *angle_deg) {
    double *cost = r->seld->cost;
    for (size_t i = 0; i < nt; i++)
        for (size_t j = 0; j < np; j++)
            cost[i * np + j] = v2s_doa_angle_deg(t->labels[t->places[i].index].direction,
                                                 p->labels[p->places[j].index].direction);
    V2S_TRY(v2s_assign(nt, np, cost, pair_of));
    for (size_t i = 0; i < nt; i++)
        if (pair_of[i] != V2S_UNASSIGNED)
            angle_deg[i] = cost[i * np + pair_of[i]];
    return V2S_OK;
}

static void keep_pair(recording *r, const place *truth, const place *prediction, double angle) {
    if (r->pairs != NULL)
        r->pairs[r->pair_count++] = (v2s_doa_pair){truth->index, prediction->index, angle};
}

static void count_surplus(recording *r, counts *c, size_t truths, size_t predictions) {
    double surplus = predictions > truths ? (double)(predictions - truths) : 0;
    double missing = truths > predictions ? (double)(truths - predictions) : 0;
    c->surplus += surplus;
    c->missing += missing;
    c->missed += missing;
    r->false_positives += surplus;
    r->false_negatives += missing;
}

static void count_pair(recording *r, counts *c, double angle_deg, bool well_placed) {
    c->pairs += 1;
    c->angle_deg += angle_deg;
    c->hits += well_placed;
    c->misplaced += !well_placed;
    r->false_positives += !well_placed;
}

// One class in one frame, both sides there.
static v2s_status judge_frame(recording *r, counts *c, const group *t, const group *p) {
    size_t pair_of[TRACKS];
    double angle_deg[TRACKS];
    V2S_TRY(assign(r, t, t->count, p, p->count, pair_of, angle_deg));
    for (size_t i = 0; i < t->count; i++) {
        if (pair_of[i] == V2S_UNASSIGNED)
            continue;
        const place *other = &p->places[pair_of[i]];
        double truth_m = t->labels[t->places[i].index].distance_m;
        double error_m = fabs(truth_m - p->labels[other->index].distance_m);
        double relative = error_m / (truth_m + DBL_EPSILON);
        bool far = r->seld->options.distances && relative > RELATIVE_DISTANCE_MAX;
        c->distance_m += error_m;
        c->relative_distance += relative;
        count_pair(r, c, angle_deg[i], angle_deg[i] <= ANGLE_MAX_DEG && !far);
        keep_pair(r, &t->places[i], other, angle_deg[i]);
    }
    count_surplus(r, c, t->count, p->count);
    return V2S_OK;
}

// One class in one segment, both sides there.
static v2s_status judge_segment(recording *r, counts *c, const group *t, const group *p) {
    size_t pair_of[TRACKS], times[TRACKS] = {0}, found = 0, tracks = tracks_of(p);
    double angle_deg[TRACKS], sum_deg[TRACKS] = {0};
    size_t j = 0;
    for (size_t i = 0; i < t->count;) {
        size_t nt = frame_size(t, i);
        while (j < p->count && p->places[j].frame < t->places[i].frame)
            j++;
        if (j < p->count && p->places[j].frame == t->places[i].frame) {
            group truths = {t->labels, t->places + i, nt};
            group predictions = {p->labels, p->places + j, frame_size(p, j)};
            V2S_TRY(assign(r, &truths, nt, &predictions, predictions.count, pair_of, angle_deg));
            for (size_t k = 0; k < nt; k++)
                if (pair_of[k] != V2S_UNASSIGNED) {
                    sum_deg[k] += angle_deg[k];
                    times[k]++;
                    keep_pair(r, &truths.places[k], &predictions.places[pair_of[k]], angle_deg[k]);
                }
        }
        i += nt;
    }
    for (size_t k = 0; k < TRACKS; k++)
        if (times[k] > 0) {
            double mean_deg = sum_deg[k] / (double)times[k];
            count_pair(r, c, mean_deg, mean_deg <= ANGLE_MAX_DEG);
            found++;
        }
    if (found > 0)
        count_surplus(r, c, tracks_of(t), tracks);
    else
        count_surplus(r, c, tracks, 0);
    return V2S_OK;
}

// The labels of the next class of this unit of time, if it is `type`.
static group take(side *s, int unit, int type) {
    group g = {s->labels, s->places + s->at, 0};
    while (s->at < s->count && s->places[s->at].unit == unit && s->places[s->at].type == type) {
        s->at++;
        g.count++;
    }
    return g;
}

static v2s_status judge_class(recording *r, int unit, int type) {
    group t = take(&r->truth, unit, type), p = take(&r->prediction, unit, type);
    counts *c = &r->seld->of[type];
    size_t truths = tracks_of(&t), predictions = tracks_of(&p);
    if (truths > TRACKS || predictions > TRACKS)
        return V2S_FAIL(V2S_FORMAT, "class %d has more than %d sources in one frame", type, TRACKS);
    c->occurs = true;
    c->truths += (double)truths;
    if (truths == 0 || predictions == 0)
        count_surplus(r, c, truths, predictions);
    else if (r->seld->options.segments)
        V2S_TRY(judge_segment(r, c, &t, &p));
    else
        V2S_TRY(judge_frame(r, c, &t, &p));
    return V2S_OK;
}

static const place *head(const side *s) {
    return s->at < s->count ? &s->places[s->at] : NULL;
}

// All classes of the next unit of time that has any label.
static v2s_status judge_unit(recording *r) {
    const place *t = head(&r->truth), *p = head(&r->prediction);
    int unit = t == NULL || (p != NULL && p->unit < t->unit) ? p->unit : t->unit;
    r->false_positives = r->false_negatives = 0;
    for (;;) {
        t = head(&r->truth);
        p = head(&r->prediction);
        bool has_t = t != NULL && t->unit == unit, has_p = p != NULL && p->unit == unit;
        if (!has_t && !has_p)
            break;
        int type = !has_t || (has_p && p->type < t->type) ? p->type : t->type;
        V2S_TRY(judge_class(r, unit, type));
    }
    r->seld->errors += fmax(r->false_positives, r->false_negatives); // S + D + I
    return V2S_OK;
}

static v2s_status sort_side(const v2s_doa_label *labels, size_t count, int unit_frames, int limit,
                            int classes, side *s) {
    *s = (side){.labels = labels, .places = malloc((count + 1) * sizeof *s->places)};
    if (s->places == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for %zu labels", count);
    for (size_t i = 0; i < count; i++) {
        V2S_ASSERT(labels[i].frame >= 0 && labels[i].type >= 0 &&
                   labels[i].type < V2S_DOA_CLASSES_MAX);
        if (labels[i].frame < limit && (classes == 0 || labels[i].type < classes))
            s->places[s->count++] =
                (place){labels[i].frame / unit_frames, labels[i].type, labels[i].frame, i};
    }
    qsort(s->places, s->count, sizeof *s->places, by_place);
    return V2S_OK;
}

v2s_status v2s_doa_open(const v2s_doa_options *options, v2s_doa **seld) {
    V2S_ASSERT(options->classes >= 0 && options->classes <= V2S_DOA_CLASSES_MAX);
    v2s_doa *s = calloc(1, sizeof *s);
    double *cost = malloc((size_t)TRACKS * TRACKS * sizeof *cost);
    if (s == NULL || cost == NULL) {
        free(s);
        free(cost);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    s->options = *options;
    s->options.distances &= !options->segments;
    s->cost = cost;
    *seld = s;
    return V2S_OK;
}

v2s_status v2s_doa_add(v2s_doa *seld, const v2s_doa_label *truth, size_t truth_count,
                       const v2s_doa_label *prediction, size_t prediction_count, int frames,
                       v2s_doa_pair *pairs, size_t *pair_count) {
    recording r = {.seld = seld, .pairs = pairs};
    int unit_frames = seld->options.segments ? SEGMENT_FRAMES : 1;
    // The segment that the last frame stands in is judged whole.
    int limit = seld->options.segments
                    ? (frames + SEGMENT_FRAMES - 1) / SEGMENT_FRAMES * SEGMENT_FRAMES
                    : frames;
    v2s_status status =
        sort_side(truth, truth_count, unit_frames, limit, seld->options.classes, &r.truth);
    if (status == V2S_OK)
        status = sort_side(prediction, prediction_count, unit_frames, limit, seld->options.classes,
                           &r.prediction);
    while (status == V2S_OK && (head(&r.truth) != NULL || head(&r.prediction) != NULL))
        status = judge_unit(&r);
    free(r.truth.places);
    free(r.prediction.places);
    if (status == V2S_OK && pair_count != NULL)
        *pair_count = r.pair_count;
    return status;
}

static double mean_of_numbers(const double *x, int n) {
    double sum = 0;
    int used = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(x[i])) {
            sum += x[i];
            used++;
        }
    return sum / used; // 0 / 0 where there is none
}

static double error_rate(const v2s_doa *s) {
    double truths = 0;
    for (int c = 0; c < V2S_DOA_CLASSES_MAX; c++)
        truths += s->of[c].truths;
    return s->errors / (truths + DBL_EPSILON);
}

static v2s_doa_scores scores_of(const v2s_doa *s, const counts *c) {
    double nothing = s->options.segments ? 180 : NAN;
    bool distances = s->options.distances && c->pairs > 0;
    v2s_doa_scores r = {
        .f20 = c->hits / (DBL_EPSILON + c->hits + c->misplaced + 0.5 * (c->surplus + c->missing)),
        .er = error_rate(s),
        .angle_deg = c->pairs > 0 ? c->angle_deg / (c->pairs + DBL_EPSILON) : nothing,
        .lr = c->pairs / (DBL_EPSILON + c->pairs + c->missed),
        .distance_m = distances ? c->distance_m / (c->pairs + DBL_EPSILON) : NAN,
        .relative_distance = distances ? c->relative_distance / (c->pairs + DBL_EPSILON) : NAN,
    };
    const double of_2024[] = {1 - r.f20, r.angle_deg / 180, r.relative_distance};
    const double of_2023[] = {r.er, 1 - r.f20, r.angle_deg / 180, 1 - r.lr};
    r.seld = s->options.distances ? mean_of_numbers(of_2024, 3) : mean_of_numbers(of_2023, 4);
    return r;
}

bool v2s_doa_of_class(const v2s_doa *s, int type, v2s_doa_scores *scores) {
    V2S_ASSERT(type >= 0 && type < V2S_DOA_CLASSES_MAX);
    if (s->options.classes > 0 ? type >= s->options.classes : !s->of[type].occurs)
        return false;
    *scores = scores_of(s, &s->of[type]);
    return true;
}

v2s_doa_scores v2s_doa_macro(const v2s_doa *s) {
    double sum[6] = {0};
    int used[6] = {0};
    for (int c = 0; c < V2S_DOA_CLASSES_MAX; c++) {
        v2s_doa_scores r;
        if (!v2s_doa_of_class(s, c, &r))
            continue;
        const double value[6] = {r.f20,        r.angle_deg,         r.lr,
                                 r.distance_m, r.relative_distance, r.seld};
        for (int k = 0; k < 6; k++)
            if (!isnan(value[k])) {
                sum[k] += value[k];
                used[k]++;
            }
    }
    return (v2s_doa_scores){.f20 = sum[0] / used[0],
                            .er = error_rate(s),
                            .angle_deg = sum[1] / used[1],
                            .lr = sum[2] / used[2],
                            .distance_m = sum[3] / used[3],
                            .relative_distance = sum[4] / used[4],
                            .seld = sum[5] / used[5]};
}

v2s_doa_scores v2s_doa_micro(const v2s_doa *s) {
    counts all = {0};
    for (int c = 0; c < V2S_DOA_CLASSES_MAX; c++) {
        const counts *one = &s->of[c];
        v2s_doa_scores unused;
        if (!v2s_doa_of_class(s, c, &unused))
            continue;
        all.hits += one->hits;
        all.misplaced += one->misplaced;
        all.surplus += one->surplus;
        all.missing += one->missing;
        all.pairs += one->pairs;
        all.missed += one->missed;
        all.angle_deg += one->angle_deg;
        all.distance_m += one->distance_m;
        all.relative_distance += one->relative_distance;
    }
    return scores_of(s, &all);
}

void v2s_doa_close(v2s_doa **seld) {
    if (*seld != NULL)
        free((*seld)->cost);
    free(*seld);
    *seld = NULL;
}
