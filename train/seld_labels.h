// SPDX-License-Identifier: MIT
// Stretches of a recording in which its labels say that exactly one source sounds, and where it is.
//
// A span is maximal: one source (the same class and source index, or the same event) and nothing
// else from its start to its end. Times are those of the recording.
//
//   frames (DCASE csv)  frame f covers [f/10, (f+1)/10) s. The path has a point in the middle of
//                       every frame, and one at either end with the direction of its frame.
//   events (TAU 2019)   any times; the path is one place from start to end.
//
// A row that is out of range sounds, but has no usable direction: it ends spans.
#ifndef V2S_TRAIN_SELD_LABELS_H
#define V2S_TRAIN_SELD_LABELS_H

#include "data/dcase_csv.h"
#include "data/tau2019_csv.h"
#include "spatial/trajectory.h"

typedef struct v2s_seld_span {
    double start_s, end_s;
    int class_index;                  // -1: `sound` tells
    char sound[V2S_TAU2019_NAME_MAX]; // of an event; empty for frames
    v2s_trajectory path;              // owned
} v2s_seld_span;

typedef struct v2s_seld_labels {
    size_t count;
    v2s_seld_span *spans; // by start
    size_t rows, out_of_range, unordered;
    double *row_end_s;   // [rows]
    size_t overlaps;     // stretches with more than one source
    double overlapped_s; // their length together
    int class_max;       // largest class index; -1: none
} v2s_seld_labels;

// Distances that the rows do not have become distance_m. NOMEM.
V2S_MUST_USE v2s_status v2s_seld_from_rows(const v2s_dcase_labels *rows, double distance_m,
                                           v2s_seld_labels *labels);
V2S_MUST_USE v2s_status v2s_seld_from_events(const v2s_tau2019_labels *events,
                                             v2s_seld_labels *labels);

// Cuts spans at the sound's end, and says how many rows end more than a frame later than it.
size_t v2s_seld_cut(v2s_seld_labels *labels, double duration_s);

void v2s_seld_labels_free(v2s_seld_labels *labels); // accepts a zeroed one

#endif
