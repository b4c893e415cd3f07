// SPDX-License-Identifier: MIT
// M8: how well sources are found and located, as the DCASE challenges count it.
//
//   angle    u, v divided by sqrt(x^2 + y^2 + z^2 + 1e-10), arccos(clip(u v, -1, 1)) in degrees (so
//            equal directions are 8.1e-4 degrees apart)
//   pairs    per class and frame of 100 ms the assignment of predictions to truths with the least
//            sum of angles
//   macro    means over classes; micro: counts of all classes together
//
// 2024 (SELD_evaluation_metrics.py of the DCASE 2024 baseline, class SELDMetrics), frame by frame:
//   TP       pairs with angle <= 20 deg and, where both sides have distances,
//            |d - d_true| / d_true <= 1; FPs the other pairs; FP surplus predictions, FN surplus
//            truths of the class
//   f20      TP / (TP + FPs + (FP + FN) / 2)
//   angle    sum of the angles of all pairs / pairs; a class without pairs is left out
//   distance_m, relative_distance   the same of |d - d_true| and |d - d_true| / d_true
//   lr       pairs / (pairs + FN)
//   er       (S + D + I) / number of truths, S, D, I per frame over all classes:
//            S = min(FN, FP + FPs), D = max(0, FN - FP - FPs), I = max(0, FP + FPs - FN)
//   seld     mean of (1 - f20, angle / 180, relative_distance) per class, then over classes;
//            without distances of (er, 1 - f20, angle / 180, 1 - lr)
//
// 2022 and 2023 (class SELDMetricsSegmentLevel there), in segments of 1 s:
//   a class in a segment has as many tracks as the most rows it has in one frame; the pairs of all
//   frames of the segment that both sides have are gathered by the truth's row in its frame, and
//   the mean angle of such a row decides: one pair for lr and angle, TP at <= 20 deg, else FPs. FP
//   and FN are the difference of the numbers of tracks. A class that both sides have, but never in
//   the same frame, counts its predicted tracks as FN (sic). Distances are not judged.
//   f20, lr, er, S, D, I as above, per segment; angle: a class without pairs counts 180 deg
//   seld     mean of (er, 1 - f20, angle / 180, 1 - lr)
// The years are therefore not comparable. (Those years' own repositories took the angle from
// azimuth and elevation without the 1e-10, which differs below 1e-3 deg.)
//
// Classes that are averaged over: 0 to classes - 1, as the baselines do with 13 (a class that never
// occurs has f20 = 0, lr = 0; labels of other classes do not count), or with classes = 0 those that
// occur on either side.
//
// Frames run from 0 to `frames` - 1, which is the truth's last one; predictions after it do not
// count (in 1 s segments: after the segment that holds it). The baselines' reader stops one frame
// before the truth's last; give it one frame less to do the same.
//
// One thread at a time per handle.
#ifndef V2S_SPATIAL_DOA_SCORES_H
#define V2S_SPATIAL_DOA_SCORES_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"
#include "kernels/base/vec3.h"

enum { V2S_DOA_CLASSES_MAX = 1000, V2S_DOA_TRACKS_MAX = 256 };

typedef struct v2s_doa_label {
    int frame; // >= 0
    int type;  // the class, 0 to V2S_DOA_CLASSES_MAX - 1
    v2s_vec3 direction;
    double distance_m; // not a number: unknown
} v2s_doa_label;

typedef struct v2s_doa_options {
    bool segments;  // the definition of 2022 and 2023
    bool distances; // judge them (2024)
    int classes;    // 0: those that occur
} v2s_doa_options;

// Not a number where not defined.
typedef struct v2s_doa_scores {
    double f20, er, angle_deg, lr, distance_m, relative_distance, seld;
} v2s_doa_scores;

typedef struct v2s_doa_pair {
    size_t truth, prediction; // indices of the labels given last
    double angle_deg;
} v2s_doa_pair;

typedef struct v2s_doa v2s_doa;

// NOMEM.
V2S_MUST_USE v2s_status v2s_doa_open(const v2s_doa_options *options, v2s_doa **seld);

// One recording more. `pairs` (may be NULL; else room for truth_count) gets the assigned ones.
// FORMAT: more than V2S_DOA_TRACKS_MAX labels of a class in a frame; NOMEM.
V2S_MUST_USE v2s_status v2s_doa_add(v2s_doa *seld, const v2s_doa_label *truth, size_t truth_count,
                                    const v2s_doa_label *prediction, size_t prediction_count,
                                    int frames, v2s_doa_pair *pairs, size_t *pair_count);

v2s_doa_scores v2s_doa_macro(const v2s_doa *seld);
v2s_doa_scores v2s_doa_micro(const v2s_doa *seld);

// Of one class; false: not one of those that are averaged over.
bool v2s_doa_of_class(const v2s_doa *seld, int type, v2s_doa_scores *scores);

void v2s_doa_close(v2s_doa **seld);

// The angle of M8.
double v2s_doa_angle_deg(v2s_vec3 a, v2s_vec3 b);

#endif
