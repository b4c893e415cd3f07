// SPDX-License-Identifier: MIT
// The residual of a `seed` refiner for render: four channels in, resampled to the network's rate
// and back, in bounded memory.
#ifndef V2S_INFER_SEED_PATH_H
#define V2S_INFER_SEED_PATH_H

#include "infer/fifo.h"
#include "infer/run_log.h"
#include "kernels/device.h"
#include "nn/refiner.h"

typedef struct v2s_seed_path v2s_seed_path;

// rate_hz: of the sound; network_hz: of the network. Both models are borrowed until close.
V2S_MUST_USE v2s_status v2s_seed_path_open(const v2s_refiner *refiner, const v2s_device *device,
                                           double rate_hz, double network_hz, v2s_seed_path **out);

// foa[frames][4]; what is ready goes to `residual` (4 channels, at rate_hz).
V2S_MUST_USE v2s_status v2s_seed_path_push(v2s_seed_path *p, const float *foa, size_t frames,
                                           v2s_fifo *residual);
V2S_MUST_USE v2s_status v2s_seed_path_finish(v2s_seed_path *p, v2s_fifo *residual);

// Row's part about the chunks, JSON, and a warning where the overlap did not suffice.
void v2s_seed_path_report(const v2s_seed_path *p, const char *name, v2s_run_log *log);
int v2s_seed_path_overlap(const v2s_seed_path *p);

void v2s_seed_path_close(v2s_seed_path **p);

#endif
