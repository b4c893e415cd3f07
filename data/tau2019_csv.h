// SPDX-License-Identifier: MIT
// Labels of TAU Spatial Sound Events 2019: one row per event, with its place.
//
//   sound_event_recording,start_time,end_time,ele,azi,dist
//   cough,0.36645229108,1.33445229108,-10,-10,2
//
// The header must be there, word for word. Seconds; degrees, elevation FIRST, azimuth
// counter-clockwise (+90 left) in -180..180, elevation up in -90..90; metres.
//
// Refused, with line and column: another header or number of columns, anything not a number, a
// start below 0, an end that is not after the start (wrong time order). Rows with an angle or
// distance outside its range are kept, marked and counted. Rows may begin before the row above
// them: counted, and sorted by their start.
#ifndef V2S_DATA_TAU2019_CSV_H
#define V2S_DATA_TAU2019_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"

enum { V2S_TAU2019_NAME_MAX = 64 };

typedef struct v2s_tau2019_event {
    char name[V2S_TAU2019_NAME_MAX]; // of the sound, cut to this length
    double start_s, end_s, distance_m;
    v2s_vec3 unit;     // direction, length 1
    bool out_of_range; // direction or distance cannot be used
    int line;
} v2s_tau2019_event;

typedef struct v2s_tau2019_labels {
    size_t count;
    v2s_tau2019_event *events; // [count], by start, then by line
    size_t out_of_range, unordered;
} v2s_tau2019_labels;

// IO; FORMAT, also for a file without an event; NOMEM. `labels` is untouched on failure.
V2S_MUST_USE v2s_status v2s_tau2019_csv_read(const char *path, v2s_tau2019_labels *labels);
void v2s_tau2019_labels_free(v2s_tau2019_labels *labels); // accepts a zeroed one

#endif
