// SPDX-License-Identifier: MIT
// Labels of sounds with a direction, one row per source and frame of 100 ms, as the DCASE
// challenges (task 3) publish them: TAU-NIGENS 2020/2021, STARSS22, STARSS23, and outputs of
// systems.
//
//   9,1,0,-97,-20
//
// No header; the number of columns tells what they are:
//
//   4  frame, class, azimuth, elevation
//   5  frame, class, source, azimuth, elevation
//   6  frame, class, source, azimuth, elevation, distance
//   7  frame, class, source, x, y, z, distance              (x front, y left, z up, any length)
//
// Frame f, from 0, covers [f/10, (f+1)/10) seconds. Degrees, azimuth counter-clockwise (+90 left)
// in -180..180, elevation up in -90..90; distance in centimetres in published labels and in metres
// in outputs of systems, which the file does not tell.
//
// Refused, with line and column: another number of columns, or not that of the first row; anything
// not a number; frames, classes and sources that are no whole numbers from 0; a frame after a later
// one (wrong time order). Rows with an angle or distance outside its range are kept, marked and
// counted: they say that a source is there, but not where. Blank lines, CRLF and a byte order mark
// are accepted.
#ifndef V2S_DATA_DCASE_CSV_H
#define V2S_DATA_DCASE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"

#define V2S_DCASE_FRAME_S 0.1

typedef enum v2s_dcase_distance { V2S_DCASE_CENTIMETRES, V2S_DCASE_METRES } v2s_dcase_distance;

typedef struct v2s_dcase_row {
    int frame, class_index, source; // source 0 where there is no column for it
    v2s_vec3 unit;                  // direction, length 1
    double distance_m;              // NAN where there is no column for it
    bool out_of_range;              // direction or distance cannot be used
    bool has_direction;             // the direction can
    int line;
} v2s_dcase_row;

typedef struct v2s_dcase_labels {
    int columns; // 4 to 7
    size_t count;
    v2s_dcase_row *rows; // [count], in the order of the file; frames do not decrease
    size_t out_of_range;
} v2s_dcase_labels;

// IO; FORMAT, also for a file without a row; NOMEM. `labels` is untouched on failure.
V2S_MUST_USE v2s_status v2s_dcase_csv_read(const char *path, v2s_dcase_distance unit,
                                           v2s_dcase_labels *labels);
void v2s_dcase_labels_free(v2s_dcase_labels *labels); // accepts a zeroed one

#endif
