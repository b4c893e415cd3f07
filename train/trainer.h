// SPDX-License-Identifier: MIT
// One training step after another over an objective: order of clips, forward, loss, backward, sum
// over processes, clipping, optimizer, running average of the weights.
//
//   batch k of epoch e: clips order_e[k b n .. (k+1) b n - 1], b = config.batch, n processes; the
//   last batch of an epoch has what is left, so an epoch takes every clip once
//   loss = mean over the rows of the whole batch;  g = d(loss)/d(weights), summed over processes
//   scale = min(1, clip / (|g| + 1e-6));  weights: kernels/optim.h with the rate of the schedule
//   ema += (1 - decay) (weights - ema)
//
// Determinism  order_e and every row's seed are functions of (config.seed, e, clip) alone: nothing
//              random is carried from step to step, and v2s_train_state with the weights and the
//              averages is all there is of a run. Process r works on rows [r b, (r+1) b) of a
//              batch, so n processes with b rows do what one does with n b rows, up to the order of
//              sums.
// Bad batches  A batch with samples, a loss or a gradient that is not finite changes no weight; it
//              is no step, but the batch counts as taken.
// Queue        Up to dev->queue_depth batches are queued before the first one's result is seen. A
//              bad one among them stops those behind it, and the trainer takes these again: what a
//              run does does not depend on the depth. Weights and `state` belong together when
//              nothing is queued.
// Memory       All of it is taken when the trainer is opened; weights, gradients and averages lie
//              in the device's.
// Threads      One thread calls; rows are prepared on the device's number of threads.
#ifndef V2S_TRAIN_TRAINER_H
#define V2S_TRAIN_TRAINER_H

#include "train/device_step.h"
#include "train/schedule.h"
#include "train/train_state.h"

typedef struct v2s_trainer_config {
    uint64_t seed;
    int batch; // rows per process
    v2s_optim_kind optimizer;
    double decay, momentum; // weight decay; SGD
    double clip_norm;       // 0: off
    double ema_decay;       // 0: off
    v2s_schedule schedule;
} v2s_trainer_config;

// The host's copies, as they were at the last download.
typedef struct v2s_trainer_copies {
    v2s_refiner *weights, *m, *v, *ema; // v, ema: NULL without
} v2s_trainer_copies;

typedef struct v2s_trainer {
    v2s_trainer_config config;
    v2s_objective *objective;       // borrowed
    const v2s_device *dev;          // borrowed
    const v2s_processes *processes; // borrowed
    // the device's
    v2s_refiner *weights, *grads;
    v2s_refiner *m, *v; // the optimizer's averages; v is NULL for SGD
    v2s_refiner *ema;   // NULL without
    v2s_trainer_copies host;
    v2s_train_state state; // after the last batch whose result is known
    v2s_train_state ahead; // steps, epoch and batch as they will be if all that is queued is good
    int queued;            // batches whose results are not known
    // scratch
    v2s_device_step *step;
    size_t *order;                    // [train_clips] of epoch `ordered`
    int64_t ordered;                  // -1: none
    struct v2s_trainer_row *rows;     // [batch]
    struct v2s_trainer_batch *places; // [queue_depth] of the ring of queued batches
    int first;                        // place of the oldest
} v2s_trainer;

typedef struct v2s_step_result {
    bool skipped;
    size_t bad_clip;                  // of a skipped batch: the clip, or one of the batch's
    char reason[V2S_ERROR_TEXT_MAX];  // of a skipped batch, a sentence (empty on other processes)
    double loss, gradient_norm, rate; // of a step
    bool epoch_ended;                 // the batch was the epoch's last
    double epoch_loss;                // then: mean loss of its steps; NAN without one
} v2s_step_result;

// Starts at step 0 with the weights of `init` (copied), or drawn from the seed where it is NULL and
// then set by the objective's `start`. NOMEM says how much was needed, and what makes it less.
V2S_MUST_USE v2s_status v2s_trainer_open(const v2s_trainer_config *config, v2s_objective *objective,
                                         const v2s_device *dev, const v2s_processes *processes,
                                         v2s_refiner *init, v2s_trainer **out);

// Batches of an epoch.
int64_t v2s_trainer_batches(const v2s_trainer *t);

// Queues the next batch; fewer than dev->queue_depth are queued before. Fails (on all processes)
// with CANCELLED, and with what `prepare` says besides NUMERIC; the batch is then not taken.
V2S_MUST_USE v2s_status v2s_trainer_queue(v2s_trainer *t);

// Waits for the oldest queued batch (there is one). Where it is bad, nothing is queued afterwards.
// CUDA: the device failed.
V2S_MUST_USE v2s_status v2s_trainer_collect(v2s_trainer *t, v2s_step_result *result);

// Takes the next batch and waits for it; nothing is queued before.
V2S_MUST_USE v2s_status v2s_trainer_step(v2s_trainer *t, v2s_step_result *result);

// From the device to t->host, and, after t->host and t->state were set, back. CUDA.
V2S_MUST_USE v2s_status v2s_trainer_download(const v2s_trainer *t);
V2S_MUST_USE v2s_status v2s_trainer_upload(v2s_trainer *t);

// The weights that validation judges: the running average if there is one. The device's, and the
// host's copy.
v2s_refiner *v2s_trainer_judged(const v2s_trainer *t);
v2s_refiner *v2s_trainer_judged_copy(const v2s_trainer *t);

void v2s_trainer_close(v2s_trainer **t);

#endif
