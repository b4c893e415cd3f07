// SPDX-License-Identifier: MIT
// The two weight files of a training run (tensors and metadata: checkpoints/format.md).
//
//   last.safetensors   raw weights under their PyTorch names, and all else that a resumed run needs
//   best.safetensors   the weights that validation judged best, ready for render and compare
//
// Both appear only when complete and synced (kernels/base/file_out.h): a kill at any moment leaves
// the old file or the new one. All tensors of `last` are functions of the run's options and steps;
// what depends on the machine's clock stands in the metadata.
#ifndef V2S_TRAIN_RUN_CHECKPOINT_H
#define V2S_TRAIN_RUN_CHECKPOINT_H

#include "train/trainer.h"

// Nothing is queued in a trainer that is saved.

V2S_MUST_USE v2s_status v2s_run_checkpoint_save_last(const char *path, const v2s_trainer *t,
                                                     const v2s_run_provenance *provenance);
V2S_MUST_USE v2s_status v2s_run_checkpoint_save_best(const char *path, const v2s_trainer *t,
                                                     const v2s_run_provenance *provenance);

// Puts weights, averages and state of a `last` file into the trainer, and the times into *wall_s
// and *cpu_s. FORMAT names the file and the tensor that is missing or does not fit.
V2S_MUST_USE v2s_status v2s_run_checkpoint_load_last(const char *path, v2s_trainer *t,
                                                     double *wall_s, double *cpu_s);

// Weights of any checkpoint of a model of this config (--init).
V2S_MUST_USE v2s_status v2s_run_checkpoint_load_weights(const char *path, v2s_refiner *m);

#endif
