// SPDX-License-Identifier: MIT
// What a preset trains on and towards: the part of refiner training that `seed` and `v2s` do not
// share. The trainer owns network, optimizer, order of clips, checkpoints and logs; an objective
// turns clips into rows of network input, and network output into a loss and its gradient.
//
// A training row is one clip (or a stretch of it): x [T,inputs] -> network -> residual [T,outputs]
// -> loss. The loss of a batch is the mean over its rows of the rows' losses. Everything random
// about a row (stretch, rotation, equaliser) is drawn from item.seed alone, which the trainer
// derives from the run's seed, the epoch and the clip: so rows do not depend on batch size, number
// of threads or processes.
//
// Rows are prepared in host memory, x and beside it `row_bytes` bytes of whatever the loss needs;
// both travel to the device in one go. Everything after that happens on the device.
#ifndef V2S_TRAIN_OBJECTIVE_H
#define V2S_TRAIN_OBJECTIVE_H

#include <stdint.h>

#include "checkpoints/safetensors.h"
#include "data/manifest.h"
#include "kernels/device.h"
#include "nn/refiner.h"

typedef struct v2s_row_item {
    size_t clip; // index into the training clips
    uint64_t seed;
} v2s_row_item;

typedef struct v2s_objective v2s_objective;

typedef struct v2s_objective_class {
    const char *preset;
    // Fills x [T,inputs] and extra [row_bytes] of row `row` (0 .. rows-1 of this process's batch),
    // in host memory. Different rows may be prepared by different threads at once. NUMERIC: the
    // clip has a sample that is not finite (the trainer names it, skips the batch and counts).
    v2s_status (*prepare)(v2s_objective *o, int row, const v2s_row_item *item, float *x,
                          void *extra);
    // Once, before the first `loss`: handles and work space of `loss` for batches of up to `rows`
    // rows on `dev`, which outlives the objective. NULL: nothing to open. NOMEM.
    v2s_status (*open_device)(v2s_objective *o, const v2s_device *dev, int rows);
    // Losses of `rows` rows into values [rows], and d(loss)/d(residual) times `scale` into
    // dresidual [rows,T,outputs], both overwritten; x [rows,T,inputs] and extra [rows,row_bytes]
    // are what was prepared, residual [rows,T,outputs] what the network gave. All are the device's
    // memory. Queues work and nothing else, so that it can be recorded.
    void (*loss)(v2s_objective *o, int rows, const float *x, const void *extra,
                 const float *residual, double scale, float *dresidual, double *values);
    // Scores the weights, a model of the device, on the validation clips (at least one): *score is
    // what early stopping minimises (a weighted sum of spatial metrics for v2s, the waveform loss
    // for seed); names and values for the log, at most V2S_OBJECTIVE_SCORES.
    v2s_status (*validate)(v2s_objective *o, const v2s_refiner *m, const v2s_device *dev,
                           double *score);
    // Sets what the drawn weights of a new run are to start from. NULL: nothing.
    void (*start)(const v2s_objective *o, v2s_refiner *m);
    // Tensor `index` that every checkpoint carries besides the weights (floors, band tables), named
    // so that no parameter is meant; false past the last one. NULL: none.
    bool (*extra_tensor)(const v2s_objective *o, int index, v2s_safetensors_tensor *tensor);
    // The same for metadata: rate_hz, pairing and what else a reader needs. NULL: none.
    bool (*metadata)(const v2s_objective *o, int index, v2s_safetensors_pair *pair);
    void (*close)(v2s_objective *o);
} v2s_objective_class;

enum { V2S_OBJECTIVE_SCORES = 12 };

struct v2s_objective {
    const v2s_objective_class *cls;
    v2s_refiner_config config; // of the network
    int T;                     // steps of a training row
    int rows;                  // most rows of a batch
    size_t row_bytes;          // of what a row carries besides x; the first starts on 256 bytes
    size_t train_clips, val_clips;
    size_t skipped_clips;         // of both splits: could not be used, named in the log
    const v2s_clip *const *train; // [train_clips], for their names
    const char *score_names[V2S_OBJECTIVE_SCORES]; // of the last validation; NULL ends
    double scores[V2S_OBJECTIVE_SCORES];
};

#endif
