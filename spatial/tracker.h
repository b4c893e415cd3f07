// SPDX-License-Identifier: MIT
// Single-object visual tracker: KCF for position, a DSST scale filter for size.
// (contract; see tracker.c for HOW IT WORKS)
#ifndef V2S_SPATIAL_TRACKER_H
#define V2S_SPATIAL_TRACKER_H

#include <stdbool.h>

#include "kernels/base/status.h"
#include "spatial/picture.h"

typedef struct v2s_tracker v2s_tracker;

typedef enum v2s_track_state {
    V2S_TRACKED,    // found where it was expected
    V2S_HELD,       // lost: the box is the last one that was trusted
    V2S_REDETECTED, // found again in this picture after having been held
} v2s_track_state;

typedef struct v2s_track {
    v2s_box box; // pixels of the displayed picture
    v2s_track_state state;
    double confidence; // 0..1, a monotone map of the peak-to-sidelobe ratio; falls while held
    double psr;        // peak-to-sidelobe ratio of the response
} v2s_track;

// Learns the object from `box` in the first picture. ARG if the box is not at least partly inside
// the picture or smaller than 2 pixels; the picture is not kept.
V2S_MUST_USE v2s_status v2s_tracker_open(const v2s_picture *picture, v2s_box box,
                                         v2s_tracker **tracker);

// Finds the object in the next picture. ARG if the picture's size differs from the first one's.
V2S_MUST_USE v2s_status v2s_tracker_update(v2s_tracker *tracker, const v2s_picture *picture,
                                           v2s_track *track);

void v2s_tracker_close(v2s_tracker **tracker);

#endif
