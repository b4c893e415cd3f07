// SPDX-License-Identifier: MIT
// The learning rate of every optimizer step: constant, cosine or step, after a linear warm-up.
//
//   step i (0 is the first) of `total`, warm-up of w steps:
//   i < w      rate * (i + 1) / (w + 1)
//   constant   rate
//   cosine     low + (rate - low) (1 + cos(pi u)) / 2,  u = (i - w) / (total - w), low = floor *
//   rate step       rate * factor^floor((i - w) / every)
//
// With w = 0 these are torch.optim.lr_scheduler.CosineAnnealingLR(T_max = total, eta_min = low) and
// StepLR(every, factor). A schedule is a value; the rate is a function of i, so that a run that is
// resumed needs nothing but its step.
#ifndef V2S_TRAIN_SCHEDULE_H
#define V2S_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum v2s_schedule_kind {
    V2S_SCHEDULE_COSINE = 0,
    V2S_SCHEDULE_STEP,
    V2S_SCHEDULE_CONSTANT
} v2s_schedule_kind;

typedef struct v2s_schedule {
    v2s_schedule_kind kind;
    double rate;         // after the warm-up
    int64_t total_steps; // cosine: reaches its floor here and stays there
    int64_t warmup_steps;
    double floor;        // cosine: lowest rate, as a part of `rate`
    int64_t every_steps; // step, >= 1
    double factor;       // step
} v2s_schedule;

double v2s_schedule_rate(const v2s_schedule *s, int64_t step);

#endif
