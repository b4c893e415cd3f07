// SPDX-License-Identifier: MIT
// The two weight files of a depth run (tensors and metadata: checkpoints/format.md).
//
//   last.safetensors   raw weights and running statistics under their PyTorch names; optimizer.m.*,
//                      optimizer.v.*, ema.* of every parameter; trainer.counters, trainer.scores
//   best.safetensors   the weights that validation judged best, ready for v2s-infer depth
//
// Both carry the floors floor.mean_depth and floor.constant. They appear only when complete and
// synced. All tensors of `last` are functions of the run's options and steps; what depends on the
// machine's clock stands in the metadata.
#ifndef V2S_TRAIN_DEPTH_CHECKPOINT_H
#define V2S_TRAIN_DEPTH_CHECKPOINT_H

#include "train/depth_trainer.h"

V2S_MUST_USE v2s_status v2s_depth_checkpoint_save_last(const char *path, v2s_depth_trainer *t,
                                                       int rate_hz,
                                                       const v2s_run_provenance *provenance);
V2S_MUST_USE v2s_status v2s_depth_checkpoint_save_best(const char *path, v2s_depth_trainer *t,
                                                       int rate_hz,
                                                       const v2s_run_provenance *provenance);

// Puts weights, averages and state of a `last` file into the trainer, and the times into *wall_s
// and *cpu_s. FORMAT names the file and the tensor that is missing or does not fit.
V2S_MUST_USE v2s_status v2s_depth_checkpoint_load_last(const char *path, v2s_depth_trainer *t,
                                                       double *wall_s, double *cpu_s);

#endif
