// SPDX-License-Identifier: MIT
// The course of a run: its time, what ends it, when `last` is due, and where a cosine is aimed.
//
//   ends      --steps, --epochs or --minutes reached; --patience validations without a better score
//   saving    every --save-every steps, or once a minute
//   minutes   cosine: the rate follows the time that is over in place of the steps
#ifndef V2S_TRAIN_RUN_COURSE_H
#define V2S_TRAIN_RUN_COURSE_H

#include <stdbool.h>

#include "train/schedule.h"
#include "train/train_state.h"

typedef struct v2s_run_course {
    int64_t steps, epochs; // 0: not given
    double minutes;        // 0: not given
    int64_t patience, save_every;
    int processes;                      // that work as long as this one
    double wall_before_s, cpu_before_s; // spent before this start
    double started_s, saved_s;          // set by v2s_run_course_start
} v2s_run_course;

void v2s_run_course_start(v2s_run_course *c);

// Over all starts; processor time of all processes.
double v2s_run_course_wall_s(const v2s_run_course *c);
double v2s_run_course_cpu_s(const v2s_run_course *c);

// Part of the run that is over; `batches` of an epoch.
double v2s_run_course_share(const v2s_run_course *c, const v2s_train_state *state, int64_t batches);

// What ended a run of which `share` is over: "steps", "epochs", "minutes", "patience"; NULL: it
// goes on.
const char *v2s_run_course_end(const v2s_run_course *c, const v2s_train_state *state, double share);

// With --minutes: sets the schedule's end to where the steps will be when the time is over.
void v2s_run_course_aim(const v2s_run_course *c, int64_t steps, double share, v2s_schedule *s);

// Whether a minute is over since `saved_s`, where steps do not say when to save.
bool v2s_run_course_save_time(const v2s_run_course *c);

bool v2s_run_course_is_every(int64_t steps, int64_t every); // false where every is 0

#endif
