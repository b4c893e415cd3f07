// SPDX-License-Identifier: MIT
// A matrix of FIR filters over a stream, in the frequency domain:
//
//   out_o(t) = sum_i sum_k filters[o][i][k] in_i(t - k)
//
// Overlap-save: blocks of `hop` new frames are transformed together with the last taps - 1 ones
// (length n = hop + taps - 1, a power of two), multiplied and summed over the inputs, transformed
// back, and the first taps - 1 samples thrown away. Inputs share their forward transforms over all
// outputs: inputs + outputs transforms a block instead of inputs x outputs.
//
// Shapes    in [frames][inputs], out [frames][outputs], filters [outputs][inputs][taps].
// Delay     Output is late by v2s_convolver_latency_frames() (one hop). Blocks are cut by the
//           count of frames since open, so the output does not depend on how the caller cuts his.
// Threads   A handle is used by one thread at a time.
#ifndef V2S_KERNELS_CONVOLVER_H
#define V2S_KERNELS_CONVOLVER_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_convolver v2s_convolver;

enum { V2S_CONVOLVER_MAX_TAPS = 32768 };

// Copies the filters. ARG for inputs, outputs or taps outside 1..(64, 64, max taps), NOMEM.
V2S_MUST_USE v2s_status v2s_convolver_open(int inputs, int outputs, size_t taps,
                                           const float *filters, v2s_convolver **convolver);

// Any number of frames, also 0. `out` is overwritten and may not overlap `in`.
void v2s_convolver_process(v2s_convolver *convolver, const float *in, size_t frames, float *out);

size_t v2s_convolver_latency_frames(const v2s_convolver *convolver);

// Forgets the past: silence before, as after open.
void v2s_convolver_reset(v2s_convolver *convolver);

void v2s_convolver_close(v2s_convolver **convolver);

#endif
