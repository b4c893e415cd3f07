// SPDX-License-Identifier: MIT
// Progress of long work on standard error: a bar with rate and time left on a terminal, a plain
// line every few seconds otherwise, nothing when quiet.
#ifndef V2S_INFER_PROGRESS_H
#define V2S_INFER_PROGRESS_H

#include <stdbool.h>

typedef struct v2s_progress {
    const char *what; // "tracking"
    const char *unit; // "frames"
    double total;     // 0: unknown
    double started_s, shown_s;
    bool quiet, terminal, drawn;
} v2s_progress;

v2s_progress v2s_progress_begin(const char *what, const char *unit, double total, bool quiet);

// Cheap: draws at most ten times a second (terminal) or every five seconds.
void v2s_progress_update(v2s_progress *progress, double done);

// Clears the bar.
void v2s_progress_end(v2s_progress *progress);

// Seconds of a monotonic clock.
double v2s_now_s(void);

#endif
