// SPDX-License-Identifier: MIT
// The weights of a depth network in training: gradients, the optimizer's averages, the running
// average of the weights, and the update.
//
//   g        those of weights that stay as they are become 0
//   scale    min(1, clip_norm / (|g| + 1e-6)), 1 without clipping
//   weights  kernels/optim.h;  ema += (1 - decay) (weights - ema)
//
// Weights that stay as they are (frozen): q and k of every attention, where it is to look at
// random. They take no part in the norm, and neither decay nor move.
//
// Batch norms: running statistics belong to the raw weights. The average of the weights takes them
// over as they are when it is judged or saved (v2s_depth_weights_judged).
//
// All lie in the device's memory; `host` are copies as they were at the last download (the same
// networks where the device works in the host's memory). One thread calls.
#ifndef V2S_TRAIN_DEPTH_WEIGHTS_H
#define V2S_TRAIN_DEPTH_WEIGHTS_H

#include "nn/depth_net.h"

typedef struct v2s_depth_weights_config {
    uint64_t seed; // of the initial weights
    v2s_optim_kind optimizer;
    double decay, momentum; // weight decay; SGD
    double clip_norm;       // 0: off
    double ema_decay;       // 0: off
    bool freeze_looks;      // q and k of every attention
    double start_depth_m;   // what drawn weights say at first; 0: as they are drawn
} v2s_depth_weights_config;

typedef struct v2s_depth_copies {
    v2s_depth_net *weights, *m, *v, *ema; // v, ema: NULL without
} v2s_depth_copies;

typedef struct v2s_depth_span {
    size_t at, count; // in the flat array
} v2s_depth_span;

typedef struct v2s_depth_weights {
    v2s_depth_weights_config config;
    const v2s_device *dev; // borrowed
    v2s_depth_net *weights, *grads, *m, *v, *ema;
    v2s_depth_copies host;
    v2s_depth_span *frozen; // [frozen_count]
    int frozen_count;
    // the device's
    v2s_arena memory, scratch;
    real *kept_frozen;  // values of the frozen spans, one after the other
    real *kept_buffers; // running statistics before a step
    struct v2s_depth_update *in_device, *staged;
    int64_t *halt;
} v2s_depth_weights;

// Weights of `init` (host memory, same shapes; copied with its running statistics), or drawn from
// the seed where it is NULL. NOMEM.
V2S_MUST_USE v2s_status v2s_depth_weights_open(const v2s_depth_weights_config *config,
                                               const v2s_depth_config *net, const v2s_device *dev,
                                               v2s_depth_net *init, v2s_depth_weights *w);
void v2s_depth_weights_close(v2s_depth_weights *w); // accepts a zeroed one

// Before a step: gradients become 0, running statistics are remembered.
void v2s_depth_weights_begin(v2s_depth_weights *w);

// Ends a step with the gradients as they are: the update number `step` (1 for the first), or, where
// loss or norm are not finite, nothing, and the running statistics are those before the step.
// *norm, *done: what was found and whether weights moved. CUDA: the device failed.
V2S_MUST_USE v2s_status v2s_depth_weights_update(v2s_depth_weights *w, double rate, int64_t step,
                                                 double loss, double *norm, bool *done);

// What validation judges: the average if there is one, with the running statistics of now.
v2s_depth_net *v2s_depth_weights_judged(v2s_depth_weights *w);
v2s_depth_net *v2s_depth_weights_judged_copy(const v2s_depth_weights *w);

// From the device to `host`, and, after `host` was set, back. CUDA.
V2S_MUST_USE v2s_status v2s_depth_weights_download(v2s_depth_weights *w);
V2S_MUST_USE v2s_status v2s_depth_weights_upload(v2s_depth_weights *w);

#endif
