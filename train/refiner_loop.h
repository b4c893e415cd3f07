// SPDX-License-Identifier: MIT
// The loop of a refiner run: steps, validation, best and last checkpoint, logs, and when it ends.
//
//   ends      --steps, --epochs or --minutes reached; --patience validations without a better
//             score; --max-skipped bad batches in a row (an error); an interruption (CANCELLED,
//             after `last` was written)
//   score     of the objective on the validation clips, or, without any, the mean loss of the
//             training epoch; the lowest makes best.safetensors
//   order     best is written before the `last` that knows of it, and the log is synced before
//             both: a kill at any moment leaves files from which the same run goes on
//   minutes   cosine: the rate follows the time that is over in place of the steps
#ifndef V2S_TRAIN_REFINER_LOOP_H
#define V2S_TRAIN_REFINER_LOOP_H

#include "infer/run_log.h"
#include "train/run_checkpoint.h"
#include "train/run_log_csv.h"
#include "train/settings.h"
#include "train/tensorboard.h"
#include "train/trainer.h"

// Columns of log.csv after the step.
extern const char *const v2s_refiner_log_columns[];

typedef struct v2s_refiner_loop {
    const v2s_refiner_settings *settings;
    v2s_trainer *trainer;
    // of process 0, NULL in others
    v2s_run_log *log;
    v2s_run_log_csv *csv;
    v2s_tensorboard *events;
    const char *last_path, *best_path, *command;
    double wall_before_s, cpu_before_s; // spent before this start
    // results
    const char *ended_by;         // "steps", "epochs", "minutes", "patience", "interrupted"
    double first_loss, last_loss; // NAN: no step was taken
    double wall_s, cpu_s;         // all starts together
    int64_t steps_taken;          // of this start
    double seconds_taken;
} v2s_refiner_loop;

// Sets the results; the status is that of the run.
V2S_MUST_USE v2s_status v2s_refiner_loop_run(v2s_refiner_loop *loop);

#endif
