// SPDX-License-Identifier: MIT
// Single-object visual tracker: KCF for position, a colour histogram beside it, a DSST filter for
// size. tracker.c opens with how it works, what happens when the object is lost, and its limits.
//
// Shapes, units: boxes in pixels of the displayed picture (picture.h), fractional, possibly partly
// outside it; time is one step per call, in the order of the pictures.
// Ownership and threads: pictures are only read during the call. A tracker is used by one thread
// at a time; several trackers may run at once. The result depends on the pictures alone: every
// instruction set and every run gives the same bits.
// Memory: taken once by open (about 1.8 MB + 1 byte a pixel of the picture); update allocates
// nothing. Time: see tests/bench/bench_tracker.c; a held picture costs at most twice a tracked one.
#ifndef V2S_SPATIAL_TRACKER_H
#define V2S_SPATIAL_TRACKER_H

#include <stdbool.h>

#include "kernels/base/status.h"
#include "spatial/picture.h"

typedef struct v2s_tracker v2s_tracker;

typedef enum v2s_track_state {
    V2S_TRACKED,    // found where it was expected
    V2S_HELD,       // lost: the box is the last one that was trusted, and stays the same
    V2S_REDETECTED, // found again in this picture after having been held
} v2s_track_state;

typedef struct v2s_track {
    v2s_box box;
    v2s_track_state state;
    // psr^2 / (psr^2 + 100): 0.2 at PSR 5, 0.5 at 10, 0.8 at 20, 0.9 at 30. While held it starts
    // no higher than that and falls by a tenth each picture.
    double confidence;
    double psr; // peak-to-sidelobe ratio of the KCF response; of the best window while held
} v2s_track;

// Learns the object from `box` in the first picture. Box sides are 2 pixels to 4 times the
// picture's. ARG (the text names the box) if it is not finite, too small, too large or entirely
// outside the picture; NOMEM.
V2S_MUST_USE v2s_status v2s_tracker_open(const v2s_picture *picture, v2s_box box,
                                         v2s_tracker **tracker);

// Finds the object in the next picture. ARG if its size differs from the first one's, or if one
// has chroma and the other has not; the tracker stays usable.
V2S_MUST_USE v2s_status v2s_tracker_update(v2s_tracker *tracker, const v2s_picture *picture,
                                           v2s_track *track);

// Sets *tracker to NULL; accepts NULL there.
void v2s_tracker_close(v2s_tracker **tracker);

#endif
