// SPDX-License-Identifier: MIT
// compare --pred A.csv --truth B.csv: two files with directions of sources, trajectories
// (data/trajectory_csv.h) or DCASE labels (data/dcase_csv.h); or two folders with DCASE labels,
// whose files of one name, in whatever subfolder, are judged together as the challenge does.
//
// The first line tells which: DCASE labels begin with a number. An empty prediction beside DCASE
// labels is a system that heard nothing.
//
//   DCASE          M8 as spatial/doa_scores.h. Distances of --truth are centimetres and those of
//                  --pred metres, as in published labels and in outputs of systems; the files do
//                  not tell, so --truth-distance and --pred-distance say otherwise. Rows whose
//                  direction is out of range are left out and counted. M12 (spatial/path_scores.h)
//                  follows each truth (class, source) along the predictions that M8 assigns to it;
//                  gaps of either end the differences of the jerk.
//   trajectories   Objects of one name belong together, or the only one of either file. All is
//                  taken at the truth's times, at which the prediction is interpolated
//                  (spatial/trajectory.h): M8_angle_deg and the other means are over them. Points
//                  a second, for the jerk: the reciprocal of the truth's median step.
//
// JSON      metrics.M8_*, metrics.M12_*, null where not defined; DCASE: seld_year, frames,
//           labels.{prediction,truth}, recordings, classes: [{class, M8_...}]; trajectories:
//           points, objects, fps
#ifndef V2S_INFER_PAIR_LABELS_H
#define V2S_INFER_PAIR_LABELS_H

#include <stdbool.h>

#include "infer/compare.h"
#include "infer/pair_folder.h"
#include "infer/run_log.h"
#include "infer/settings.h"
#include "spatial/path_scores.h"

// Whether --pred or --truth is a .csv, or a folder that is not one of responses.
bool v2s_pair_labels_asked(const v2s_settings *settings);

// FORMAT: only one of them is, or their kinds differ; IO; USAGE: a metric that labels do not have.
V2S_MUST_USE v2s_status v2s_pair_labels(const v2s_settings *settings, v2s_run_log *log);

// ---- between the files of this stem -----------------------------------------------------------

enum {
    V2S_LABELS_F20,
    V2S_LABELS_ANGLE,
    V2S_LABELS_DISTANCE,
    V2S_LABELS_RELATIVE,
    V2S_LABELS_LR,
    V2S_LABELS_ER,
    V2S_LABELS_SELD,
    V2S_LABELS_F20_MICRO,
    V2S_LABELS_ANGLE_MICRO,
    V2S_LABELS_RELATIVE_MICRO,
    V2S_LABELS_LR_MICRO,
    V2S_LABELS_AZIMUTH,
    V2S_LABELS_ELEVATION,
    V2S_LABELS_JERK,
    V2S_LABELS_JERK_TRUTH,
    V2S_LABELS_AMPLITUDE,
    V2S_LABELS_ELEVATION_JERK,
    V2S_LABELS_ELEVATION_JERK_TRUTH,
    V2S_LABELS_ELEVATION_AMPLITUDE,
    V2S_LABELS_COUNT
};
extern const v2s_metric v2s_labels_metrics[V2S_LABELS_COUNT];

// Sets the values of M12.
void v2s_labels_path_values(const v2s_path_sums *sums, double *values);

// Both fill values [V2S_LABELS_COUNT] and add what is theirs alone to the log (pair_seld.c,
// pair_path.c). `pairs` [count] are the files that belong together.
V2S_MUST_USE v2s_status v2s_labels_seld(const v2s_settings *settings, const v2s_file_pair *pairs,
                                        size_t count, double *values, v2s_run_log *log);
V2S_MUST_USE v2s_status v2s_labels_path(const v2s_settings *settings, double *values,
                                        v2s_run_log *log);

#endif
