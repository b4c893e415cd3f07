// SPDX-License-Identifier: MIT
// Ambisonics to two ears.
//
// A bank of (order+1)^2 x 2 FIR filters, designed at open from head-related impulse responses.
// The formulas stand in binaural_design.h.
//
//   MAGLS     least squares below a transition frequency, magnitude least squares above
//             (Schoerkhuber, Zaunschirm, Hoeldrich, "Binaural rendering of Ambisonic signals via
//             magnitude least squares", DAGA 2018).
//   SPEAKERS  virtual loudspeakers on a regular layout, max-rE weights (Zotter, Frank,
//             "Ambisonics", Springer 2019, sections 4.11 and 4.4), each played through the
//             response of its direction.
//
// Level     Both are equalised by one short filter, common to the two ears and all channels, so
//           that a plane wave of power P gives (P_left + P_right) / 2 = P on the mean over the
//           horizontal directions, in every band: as loud and as bright as the mono source.
// Time      Filters are aligned to the middle of the head: the output is late by exactly
//           v2s_binaural_latency_frames(). Drop as many frames at the start and push as many zeros
//           at the end, and the preview is time-aligned with the ambisonic file.
// Shapes    ambi [frames][(order+1)^2], ACN order, SN3D; stereo [frames][2], left and right.
// Threads   A handle is used by one thread at a time. Blocks of any size give the same output.
#ifndef V2S_SPATIAL_BINAURAL_H
#define V2S_SPATIAL_BINAURAL_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/hrtf.h"

typedef enum v2s_binaural_method { V2S_BINAURAL_MAGLS, V2S_BINAURAL_SPEAKERS } v2s_binaural_method;

typedef struct v2s_binaural v2s_binaural;

// Designs the filters and resamples them to rate_hz; the responses are not needed afterwards.
// ARG: order outside 1..V2S_MAX_ORDER, a rate outside 4..400 kHz; FORMAT: responses too few or
// too one-sided for the order, or all zero; NOMEM.
V2S_MUST_USE v2s_status v2s_binaural_open(const v2s_hrtf *hrtf, int order, double rate_hz,
                                          v2s_binaural_method method, v2s_binaural **binaural);

// `stereo` is overwritten and may not overlap `ambi`.
V2S_MUST_USE v2s_status v2s_binaural_process(v2s_binaural *binaural, const float *ambi,
                                             size_t frames, float *stereo);

size_t v2s_binaural_latency_frames(const v2s_binaural *binaural);

void v2s_binaural_close(v2s_binaural **binaural);

#endif
