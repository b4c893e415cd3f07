// SPDX-License-Identifier: MIT
// First-order ambisonics to two ears, whole sounds at once, in time with them: spatial/binaural.h's
// MagLS filters with their delay taken off.
//
// Shapes    foa [frames][4] AmbiX, stereo [frames][2]: left and right.
// Threads   A handle is used by one thread at a time.
#ifndef V2S_INFER_EAR_DECODER_H
#define V2S_INFER_EAR_DECODER_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/hrtf.h"

typedef struct v2s_ear_decoder v2s_ear_decoder;

// The responses are not needed afterwards. Errors as v2s_binaural_open.
V2S_MUST_USE v2s_status v2s_ear_decoder_open(const v2s_hrtf *hrtf, double rate_hz,
                                             v2s_ear_decoder **decoder);

// *stereo is malloc'ed [frames][2], the caller's. NOMEM.
V2S_MUST_USE v2s_status v2s_ear_decoder_apply(v2s_ear_decoder *decoder, size_t frames,
                                              const float *foa, float **stereo);

void v2s_ear_decoder_close(v2s_ear_decoder **decoder);

#endif
