// SPDX-License-Identifier: MIT
// Progress of training on standard error: a bar with loss, rate and time left on a terminal, a
// plain line every few seconds otherwise, nothing when quiet.
#ifndef V2S_TRAIN_TRAIN_PROGRESS_H
#define V2S_TRAIN_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct v2s_train_progress {
    double started_s, shown_s, first_share;
    int64_t first_step;
    bool quiet, terminal, drawn;
} v2s_train_progress;

// `step` and `share` (0..1 of the run) are where it begins.
v2s_train_progress v2s_train_progress_begin(int64_t step, double share, bool quiet);

// Cheap: draws at most ten times a second (terminal) or every five seconds.
void v2s_train_progress_update(v2s_train_progress *p, int64_t step, int64_t epoch, double loss,
                               double share);

// Clears the bar, so that a line can be printed.
void v2s_train_progress_clear(v2s_train_progress *p);

#endif
