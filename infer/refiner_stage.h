// SPDX-License-Identifier: MIT
// The refiner between mixer and outputs: the first four channels go through the network at its own
// rate, and its residual, resampled back, is added to the geometric path, which keeps its full
// band. Higher orders stay geometric. Streams in bounded memory.
//
//   geometric --+----------------------------- wait ---------------------(+)--> outputs
//               +-- first 4 channels -> resample -> network -> resample --|  x amount
#ifndef V2S_INFER_REFINER_STAGE_H
#define V2S_INFER_REFINER_STAGE_H

#include "infer/outputs.h"

typedef struct v2s_refiner_stage v2s_refiner_stage;

// Opens --device (even where no refiner was asked for, so that a wrong one is an error before any
// input is read) and loads --refiner; *stage stays NULL where the geometric path is used alone.
V2S_MUST_USE v2s_status v2s_refiner_stage_open(const v2s_settings *settings, v2s_run_log *log,
                                               v2s_refiner_stage **stage);

// rate_hz: of the geometric path. A file that does not name its rate is taken at this one.
V2S_MUST_USE v2s_status v2s_refiner_stage_start(v2s_refiner_stage *stage, double rate_hz,
                                                int channels, v2s_run_log *log);

// ambi[frames][channels], geometric; what is ready goes to `outputs`.
V2S_MUST_USE v2s_status v2s_refiner_stage_push(v2s_refiner_stage *stage, const float *ambi,
                                               size_t frames, v2s_outputs *outputs);

// No more frames: everything that waits goes to `outputs`.
V2S_MUST_USE v2s_status v2s_refiner_stage_finish(v2s_refiner_stage *stage, v2s_outputs *outputs);

// Row, JSON keys and, where the overlap did not suffice, a warning.
void v2s_refiner_stage_report(const v2s_refiner_stage *stage, v2s_run_log *log);

void v2s_refiner_stage_close(v2s_refiner_stage **stage);

#endif
