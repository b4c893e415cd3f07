// SPDX-License-Identifier: MIT
// One training step on a device, from rows in host memory to updated weights, without the host in
// between: upload, forward, loss, backward, sum over processes, update.
//
//   staging   two slots of host memory (x, what else rows carry, learning rate and step number):
//             the host fills one while the device may still read the other
//   work      the same for every batch of a size, so it is queued once as it is and recorded when
//             the size comes again
//   results   a ring of dev->queue_depth places; number i mod queue_depth is read with
//             v2s_device_step_result before it is used again
//
// A batch that is not finite changes no weight, nor do those that were queued behind it
// (kernels/optim.h): the host reads that in its result and calls v2s_device_step_go_on.
//
// Memory    All of it is taken when the step is opened; recordings take what the device needs for
//           them when a size comes the second time.
// Threads   One thread calls.
#ifndef V2S_TRAIN_DEVICE_STEP_H
#define V2S_TRAIN_DEVICE_STEP_H

#include "kernels/optim.h"
#include "train/objective.h"
#include "train/parallel_mpi.h"

typedef struct v2s_device_step v2s_device_step;

// Borrowed, all of it. Models are the device's.
typedef struct v2s_device_step_setup {
    v2s_objective *objective;
    const v2s_device *dev;
    const v2s_processes *processes;
    int batch; // most rows
    v2s_refiner *weights, *grads;
    v2s_refiner *m, *v, *ema;    // v, ema: NULL without
    v2s_optim_update_args optim; // kind and constants; the rest is set here
} v2s_device_step_setup;

// A batch of which the rows are staged.
typedef struct v2s_device_batch {
    int rows;   // of this process, 0 .. batch
    size_t all; // of all processes
    bool full;  // all processes have `batch` rows
    v2s_optim_now now;
} v2s_device_batch;

// NOMEM; what objective->open_device says.
V2S_MUST_USE v2s_status v2s_device_step_open(const v2s_device_step_setup *setup,
                                             v2s_device_step **out);
void v2s_device_step_close(v2s_device_step **step); // accepts NULL inside

// Memory of the next batch's rows, free to be filled: x [batch,T,inputs], extra [batch,row_bytes].
void v2s_device_step_stage(v2s_device_step *step, float **x, unsigned char **extra);

// Queues the batch that is staged; its result will be in place `place` of the ring.
V2S_MUST_USE v2s_status v2s_device_step_queue(v2s_device_step *step, const v2s_device_batch *batch,
                                              int place);

// Waits for the result of `place`, and for all that was queued if `all`. losses: those of this
// process's rows. Both are readable until the place is used again. CUDA: the device failed.
V2S_MUST_USE v2s_status v2s_device_step_result(v2s_device_step *step, int place, bool all,
                                               const v2s_optim_result **result,
                                               const double **losses);

// Lets batches that are queued from now on update the weights again; results that were not read
// are lost.
V2S_MUST_USE v2s_status v2s_device_step_go_on(v2s_device_step *step);

#endif
