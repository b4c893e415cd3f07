// SPDX-License-Identifier: MIT
// The loop of a depth run: steps, validation, best and last checkpoint, logs, and when it ends
// (train/run_course.h; --max-skipped bad batches in a row are an error; an interruption is
// CANCELLED, after `last` was written).
//
//   score   val_l1, or, without validation samples, the mean loss of the training epoch; the lowest
//           makes best.safetensors. One that is not finite is logged and never the best
//   order   best is written before the `last` that knows of it, and the log is synced before both:
//           a kill at any moment leaves files from which the same run goes on. An interrupted
//           validation is done when the run is resumed
#ifndef V2S_TRAIN_DEPTH_LOOP_H
#define V2S_TRAIN_DEPTH_LOOP_H

#include "infer/run_log.h"
#include "train/depth_trainer.h"
#include "train/run_course.h"
#include "train/run_log_csv.h"
#include "train/settings.h"
#include "train/tensorboard.h"

// Columns of log.csv after the step.
extern const char *const v2s_depth_log_columns[];

typedef struct v2s_depth_loop {
    const v2s_depth_settings *settings;
    v2s_depth_trainer *trainer;
    v2s_run_log *log;
    v2s_run_log_csv *csv;
    v2s_tensorboard *events;
    const char *last_path, *best_path, *command;
    v2s_run_course course; // its ends and the time before this start
    // results
    const char *ended_by;         // "steps", "epochs", "minutes", "patience", "interrupted"
    double first_loss, last_loss; // NAN: no step was taken
    double val_l1;                // of the last validation; NAN: none
    double wall_s, cpu_s;         // all starts together
    int64_t steps_taken;          // of this start
    double seconds_taken;
} v2s_depth_loop;

// Sets the results; the status is that of the run.
V2S_MUST_USE v2s_status v2s_depth_loop_run(v2s_depth_loop *loop);

#endif
