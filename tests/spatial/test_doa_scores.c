// SPDX-License-Identifier: MIT
#include "spatial/doa_scores.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "spatial/conventions.h"
#include "tests/support/golden_numbers.h"

static const double TOLERANCE = 1e-6; // of the contract

enum { LABELS_MAX = 2000, SETS_MAX = 8 };

typedef struct side {
    v2s_doa_label labels[LABELS_MAX];
    size_t count;
} side;

static side sets[SETS_MAX][2]; // of the golden file: truth, prediction

static v2s_doa_label label(int frame, int type, double az_deg, double el_deg, double distance_m) {
    return (v2s_doa_label){frame, type, v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg)),
                           distance_m};
}

static void keep_label(const golden_numbers *line, void *context) {
    (void)context;
    const double *x = line->in;
    cr_assert(x[0] < SETS_MAX && line->in_count == 7);
    side *s = &sets[(int)x[0]][(int)x[1]];
    cr_assert_lt(s->count, LABELS_MAX);
    s->labels[s->count++] = label((int)x[2], (int)x[3], x[4], x[5], x[6]);
}

static v2s_doa *judged(bool segments, bool distances, int classes, const side *truth,
                       const side *prediction, int drop) {
    v2s_doa_options options = {segments, distances, classes};
    v2s_doa *s = NULL;
    int frames = truth->count > 0 ? truth->labels[truth->count - 1].frame + 1 - drop : 1;
    cr_assert_eq(v2s_doa_open(&options, &s), V2S_OK);
    cr_assert_eq(v2s_doa_add(s, truth->labels, truth->count, prediction->labels, prediction->count,
                             frames, NULL, NULL),
                 V2S_OK);
    return s;
}

static void check_scores(const golden_numbers *line, void *context) {
    (void)context;
    const double *x = line->in;
    const side *set = sets[(int)x[0]];
    v2s_doa *s = judged(x[1]<2024, x[3]> 0, (int)x[2], &set[0], &set[1], (int)x[4]);
    v2s_doa_scores a = v2s_doa_macro(s), b = v2s_doa_micro(s);
    const double found[] = {a.f20,  a.angle_deg, a.distance_m, a.relative_distance, a.lr, a.er,
                            a.seld, b.f20,       b.angle_deg,  b.relative_distance, b.lr};
    cr_assert_eq(line->out_count, sizeof found / sizeof *found);
    for (size_t i = 0; i < line->out_count; i++)
        golden_numbers_expect(line, i, found[i], TOLERANCE);
    v2s_doa_close(&s);
}

Test(doa_scores, equal_a_restatement_of_the_baselines) {
    golden_numbers_each("metrics_room.txt", "label", keep_label, NULL);
    golden_numbers_each("metrics_room.txt", "scores", check_scores, NULL);
}

// Two sources of class 3 and one of class 7, in 20 frames.
static side two_classes(double off_deg) {
    side s = {.count = 0};
    for (int f = 0; f < 20; f++) {
        s.labels[s.count++] = label(f, 3, 10 + off_deg, 0, 2);
        s.labels[s.count++] = label(f, 3, 100 + off_deg, 30, 2);
        s.labels[s.count++] = label(f, 7, -90 + off_deg, -20, 4);
    }
    return s;
}

Test(doa_scores, of_the_truth_itself_are_perfect) {
    static side t;
    t = two_classes(0);
    for (int segments = 0; segments < 2; segments++) {
        v2s_doa *s = judged(segments, true, 0, &t, &t, 0);
        v2s_doa_scores a = v2s_doa_macro(s);
        cr_expect_float_eq(a.f20, 1, 1e-12);
        cr_expect_float_eq(a.lr, 1, 1e-12);
        cr_expect_float_eq(a.er, 0, 1e-12);
        cr_expect_float_eq(a.angle_deg, v2s_deg(sqrt(2e-10)), 1e-6); // the reference's own
        cr_expect(segments ? isnan(a.relative_distance) : a.relative_distance == 0);
        v2s_doa_close(&s);
    }
}

Test(doa_scores, the_order_of_the_labels_does_not_matter) {
    static side t, p;
    t = two_classes(0);
    p = two_classes(5);
    v2s_doa *s = judged(false, true, 0, &t, &p, 0);
    double angle_deg = v2s_doa_macro(s).angle_deg;
    v2s_doa_close(&s);
    for (size_t i = 0; i + 2 < p.count; i += 3) {
        v2s_doa_label first = p.labels[i];
        p.labels[i] = p.labels[i + 2];
        p.labels[i + 2] = p.labels[i + 1];
        p.labels[i + 1] = first;
    }
    s = judged(false, true, 0, &t, &p, 0);
    cr_expect_float_eq(v2s_doa_macro(s).angle_deg, angle_deg, 1e-12);
    cr_expect(angle_deg > 4 && angle_deg < 5);
    v2s_doa_close(&s);
}

Test(doa_scores, a_class_that_is_never_found_counts_180_or_is_left_out) {
    static side t, p;
    t = two_classes(0);
    p.count = 0;
    for (size_t i = 0; i < t.count; i++)
        if (t.labels[i].type == 3)
            p.labels[p.count++] = t.labels[i];
    v2s_doa *s = judged(false, true, 0, &t, &p, 0);
    v2s_doa_scores of_7, all = v2s_doa_macro(s);
    cr_expect(all.angle_deg < 1e-3);
    cr_expect(v2s_doa_of_class(s, 7, &of_7) && isnan(of_7.angle_deg) && of_7.f20 == 0);
    cr_expect_not(v2s_doa_of_class(s, 4, &of_7));
    cr_expect_float_eq(all.f20, 0.5, 1e-9);
    v2s_doa_close(&s);
    s = judged(true, false, 0, &t, &p, 0);
    cr_expect_float_eq(v2s_doa_macro(s).angle_deg, 90, 1e-3);
    v2s_doa_close(&s);
    p.count = 0;
    s = judged(false, true, 0, &t, &p, 0);
    all = v2s_doa_macro(s);
    cr_expect(isnan(all.angle_deg) && isnan(all.relative_distance));
    cr_expect(all.f20 == 0 && all.lr == 0 && fabs(all.er - 1) < 1e-12);
    v2s_doa_close(&s);
}

Test(doa_scores, pairs_tell_which_prediction_belongs_to_which_truth) {
    v2s_doa_label t[] = {label(0, 1, 0, 0, NAN), label(0, 1, 90, 0, NAN), label(0, 2, 0, 0, NAN)};
    v2s_doa_label p[] = {label(0, 1, 80, 0, NAN), label(0, 1, -170, 0, NAN),
                         label(0, 1, 1, 0, NAN)};
    v2s_doa_options options = {false, false, 0};
    v2s_doa *s = NULL;
    v2s_doa_pair pairs[3];
    size_t count = 0;
    cr_assert_eq(v2s_doa_open(&options, &s), V2S_OK);
    cr_assert_eq(v2s_doa_add(s, t, 3, p, 3, 1, pairs, &count), V2S_OK);
    cr_assert_eq(count, 2);
    cr_expect(pairs[0].truth == 0 && pairs[0].prediction == 2);
    cr_expect(pairs[1].truth == 1 && pairs[1].prediction == 0);
    cr_expect_float_eq(pairs[1].angle_deg, 10, 1e-6);
    v2s_doa_close(&s);
}

Test(doa_scores, too_many_sources_are_refused) {
    static side t;
    for (t.count = 0; t.count <= V2S_DOA_TRACKS_MAX; t.count++)
        t.labels[t.count] = label(0, 5, 0, 0, 1);
    v2s_doa_options options = {false, false, 0};
    v2s_doa *s = NULL;
    cr_assert_eq(v2s_doa_open(&options, &s), V2S_OK);
    cr_expect_eq(v2s_doa_add(s, t.labels, t.count, t.labels, t.count, 1, NULL, NULL), V2S_FORMAT);
    v2s_doa_close(&s);
}
