// SPDX-License-Identifier: MIT
// The refiner between mixer and outputs: its residual is added to the first four channels of the
// geometric path, which keeps its full band. Higher orders stay geometric. Streams in bounded
// memory.
//
//   geometric --+----------------------------- wait ---------------------(+)--> outputs
//               +-- seed: the 4 channels at the network's rate -----------|  x amount
//   W of each object -- v2s: one stream per object (infer/band_path.h) ---|
#ifndef V2S_INFER_REFINER_STAGE_H
#define V2S_INFER_REFINER_STAGE_H

#include "infer/mixer.h"
#include "infer/outputs.h"
#include "infer/refiner_choice.h"

typedef struct v2s_refiner_stage v2s_refiner_stage;

// Opens --device and loads the refiner of `choice` (borrowed); where the geometric path is used
// alone, no device is opened and *stage stays NULL. USAGE: --rt60 or --room do not go with this
// refiner.
V2S_MUST_USE v2s_status v2s_refiner_stage_open(const v2s_settings *settings,
                                               const v2s_refiner_choice *choice, v2s_run_log *log,
                                               v2s_refiner_stage **stage);

// rate_hz: of the geometric path. A seed file that does not name its rate is taken at this one.
// `objects` is borrowed until close.
V2S_MUST_USE v2s_status v2s_refiner_stage_start(v2s_refiner_stage *stage, double rate_hz,
                                                int channels, const v2s_trajectory_set *objects,
                                                v2s_run_log *log);

// Sets the tap of object `index` where the refiner needs its W, and what it adds to its length.
void v2s_refiner_stage_tap(v2s_refiner_stage *stage, size_t index, v2s_mixer_input *input);

// ambi[frames][channels], geometric; what is ready goes to `outputs`.
V2S_MUST_USE v2s_status v2s_refiner_stage_push(v2s_refiner_stage *stage, const float *ambi,
                                               size_t frames, v2s_outputs *outputs);

// No more frames: everything that waits goes to `outputs`.
V2S_MUST_USE v2s_status v2s_refiner_stage_finish(v2s_refiner_stage *stage, v2s_outputs *outputs);

// Row, JSON keys and, where a seed's overlap did not suffice, a warning.
void v2s_refiner_stage_report(const v2s_refiner_stage *stage, v2s_run_log *log);

void v2s_refiner_stage_close(v2s_refiner_stage **stage);

#endif
