// SPDX-License-Identifier: MIT
// Training steps of a depth network: order of samples, forward, loss, backward, update.
//
//   step k of epoch e   samples order_e[k n .. (k+1) n - 1], n = batch * accumulate, in pieces of
//                       `batch`; the last step of an epoch has what is left, so an epoch takes
//                       every sample once
//   loss                kernels/loss_depth.h, its counts of valid pixels over the whole step: the
//                       gradients of the pieces add up to those of one batch, but for the
//                       statistics of the batch norms, which are each piece's own
//   curriculum          adaptive: L1 alone in epochs 1 .. 20, + 0.2 edge in 21 .. 60, + 0.1 smooth
//                       from 61 on; else all three from the first step
//   swap                half of the rows, in the mirror (train/depth_data.h)
//
// Determinism  order_e and a row's swap are functions of (config.seed, e, sample) alone: nothing
//              random is carried from step to step, and v2s_train_state with weights, running
//              statistics and averages is all there is of a run.
// Bad batches  A step whose loss or gradient is not finite changes nothing, running statistics
//              included; it is no step, but its samples count as taken.
// Memory       All of it is taken when the trainer is opened.
// Threads      One thread calls; samples that are not in memory are read by another.
#ifndef V2S_TRAIN_DEPTH_TRAINER_H
#define V2S_TRAIN_DEPTH_TRAINER_H

#include "train/depth_loader.h"
#include "train/depth_weights.h"
#include "train/schedule.h"
#include "train/train_state.h"

enum { V2S_DEPTH_EPOCHS_L1 = 20, V2S_DEPTH_EPOCHS_EDGE = 60 }; // of the adaptive curriculum
enum { V2S_DEPTH_VIEWS = 3, V2S_DEPTH_SLOTS = 2 };

typedef struct v2s_depth_trainer_config {
    uint64_t seed;
    int batch, accumulate; // samples of a piece, pieces of a step; smaller where the set is
    bool swap, adaptive;
    v2s_depth_weights_config weights; // its seed is set here
    v2s_schedule schedule;
} v2s_depth_trainer_config;

// Rows of a step that were asked for.
typedef struct v2s_depth_slot {
    int64_t epoch, batch; // of the step; -1: none
    int count;
    v2s_depth_row *rows; // [batch * accumulate]
    float *x, *truth;    // host_take: [rows][2,size,size], [rows][size,size]
} v2s_depth_slot;

// A validation sample as the network sees it, host memory.
typedef struct v2s_depth_view {
    const char *id;
    float *x, *truth, *depth; // [2,size,size], [size,size], [size,size]
} v2s_depth_view;

typedef struct v2s_depth_trainer {
    v2s_depth_trainer_config config;
    v2s_depth_config net;
    const v2s_depth_data *data; // borrowed
    const v2s_device *dev;      // borrowed
    v2s_depth_weights w;
    v2s_train_state state;
    v2s_depth_loader loader;
    v2s_depth_slot slots[V2S_DEPTH_SLOTS];
    int next; // slot of the step that comes
    size_t *order;
    int64_t ordered; // epoch of `order`; -1: none
    v2s_depth_view views[V2S_DEPTH_VIEWS];
    int view_count;
    // the device's
    v2s_depth_work *work;
    v2s_arena memory, scratch;
    float *x, *truth, *depth, *ddepth;
    double *terms;
    // the host's
    double *found; // [accumulate][3]
    float *judged; // [batch,size,size]
} v2s_depth_trainer;

typedef struct v2s_depth_result {
    bool skipped;
    char reason[V2S_ERROR_TEXT_MAX]; // of a skipped step: a sentence that names a sample
    double loss, l1, edge, smooth;   // terms without weights
    double gradient_norm, rate;
    bool epoch_ended;
    double epoch_loss; // then: mean loss of its steps; NAN without one
} v2s_depth_result;

// Starts at step 0 with the weights of `init` (copied), or drawn from the seed. NOMEM says what
// makes it less.
V2S_MUST_USE v2s_status v2s_depth_trainer_open(const v2s_depth_trainer_config *config,
                                               const v2s_depth_config *net,
                                               const v2s_depth_data *data, const v2s_device *dev,
                                               v2s_depth_net *init, v2s_depth_trainer **out);
void v2s_depth_trainer_close(v2s_depth_trainer **t); // accepts NULL inside

int64_t v2s_depth_trainer_batches(const v2s_depth_trainer *t); // steps of an epoch

// The terms' weights in an epoch (0 is the first).
void v2s_depth_trainer_term_weights(bool adaptive, int64_t epoch, double weights[3]);

// Rows of step `batch` of `epoch` (both from 0); returns their number.
int v2s_depth_trainer_rows(v2s_depth_trainer *t, int64_t epoch, int64_t batch, v2s_depth_row *rows);

// Takes the next step. CANCELLED before it began; a sample that cannot be read any more; CUDA.
V2S_MUST_USE v2s_status v2s_depth_trainer_step(v2s_depth_trainer *t, v2s_depth_result *result);

// *l1: mean |depth - truth| over all valid pixels of the validation samples, in metres, by the
// judged weights and running statistics; fills t->views. There is at least one validation sample.
V2S_MUST_USE v2s_status v2s_depth_trainer_validate(v2s_depth_trainer *t, double *l1);

#endif
