// SPDX-License-Identifier: MIT
// The device of a training process, as the command line asks for it.
//
// One process takes what --device names. Of several, each takes a GPU of its own: "cuda" and "auto"
// mean the one whose number is the process's among those of its machine. "auto" without a GPU for
// any process is the processor for all.
#ifndef V2S_TRAIN_TRAIN_DEVICE_H
#define V2S_TRAIN_TRAIN_DEVICE_H

#include "train/parallel_mpi.h"
#include "train/settings.h"

// Opens it in --precision, and joins it with the other processes' devices. Collective. USAGE for a
// word that is no device; UNSUPPORTED for a device or a precision that is not there, and where
// GPUs are fewer than processes; CUDA.
V2S_MUST_USE v2s_status v2s_train_device_open(const v2s_refiner_settings *settings,
                                              const v2s_processes *processes, v2s_device **out);

#endif
