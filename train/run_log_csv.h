// SPDX-License-Identifier: MIT
// log.csv of a training run: one line per step, every step once, also after kill and resume.
//
//   step,epoch,loss,learning_rate,...
//   1,1,0.0123456789012345,0.001,...
//
// The first column is the step, a whole number that grows; the others are numbers with 17
// significant digits (they read back as the same doubles) or empty where there is none. Lines are
// written whole, in one write each, to a file that grows. A resumed run first cuts off what lies
// after its checkpoint: the kept lines are written to a temporary file that replaces the log, so
// that a kill at any moment leaves either the old lines or the new ones. One thread at a time.
#ifndef V2S_TRAIN_RUN_LOG_CSV_H
#define V2S_TRAIN_RUN_LOG_CSV_H

#include <stdint.h>

#include "kernels/base/status.h"

typedef struct v2s_run_log_csv v2s_run_log_csv;

// Opens `path` for the steps after last_step (0: an empty log). `columns` are the names after
// "step"; NULL ends them. A log that is not there begins anew. IO; FORMAT where the file's first
// line has other columns.
V2S_MUST_USE v2s_status v2s_run_log_csv_open(const char *path, const char *const *columns,
                                             int64_t last_step, v2s_run_log_csv **out);

// values [columns]; NAN is an empty field. `step` is later than every one before it.
V2S_MUST_USE v2s_status v2s_run_log_csv_write(v2s_run_log_csv *log, int64_t step,
                                              const double *values);

// Makes sure that the lines survive a power cut: before a checkpoint that stands for them.
V2S_MUST_USE v2s_status v2s_run_log_csv_sync(v2s_run_log_csv *log);

void v2s_run_log_csv_close(v2s_run_log_csv **log);

#endif
