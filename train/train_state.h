// SPDX-License-Identifier: MIT
// Where a training run is, and how that stands in `last.safetensors`.
#ifndef V2S_TRAIN_TRAIN_STATE_H
#define V2S_TRAIN_TRAIN_STATE_H

#include "train/tensor_list.h"

// All of it goes into checkpoints.
typedef struct v2s_train_state {
    int64_t steps;          // optimizer steps done
    int64_t epoch, batch;   // of the next batch, from 0
    int64_t skipped;        // bad batches
    int64_t skipped_in_row; // of them since the last step
    int64_t stale;          // validations since the best one
    int64_t has_best;
    int64_t pending;   // 1: the validation after the last step was interrupted and is still due
    double best;       // score
    double loss_sum;   // of the steps of this epoch
    double loss_count; // number of them
} v2s_train_state;

// What a file says of its making.
typedef struct v2s_run_provenance {
    const char *command;  // the command line that began the run
    double wall_s, cpu_s; // spent so far, over all resumed parts and (cpu_s) processes
} v2s_run_provenance;

enum { V2S_TRAIN_COUNTERS = 9, V2S_TRAIN_SCORES = 3 };

// The numbers of the tensors trainer.counters (I64) and trainer.scores (F64).
typedef struct v2s_train_numbers {
    int64_t counters[V2S_TRAIN_COUNTERS];
    double scores[V2S_TRAIN_SCORES];
} v2s_train_numbers;

// Adds both; *numbers holds them until the list is written.
void v2s_train_state_list(v2s_tensor_list *list, const v2s_train_state *state, uint64_t seed,
                          v2s_train_numbers *numbers);

// Adds steps, seed, wall_s, cpu_s, command and version to the texts.
void v2s_train_state_list_texts(v2s_tensor_list *list, const v2s_train_state *state, uint64_t seed,
                                const v2s_run_provenance *provenance);

// FORMAT, UNSUPPORTED: the sentence names the file and what does not fit. `batches` of an epoch.
V2S_MUST_USE v2s_status v2s_train_state_load(v2s_safetensors *file, const char *path, uint64_t seed,
                                             int64_t batches, v2s_train_state *state);

// A number among the texts of a file; 0 where it is not there.
double v2s_train_state_text_number(const v2s_safetensors *file, const char *key);

#endif
