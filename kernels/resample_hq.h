// SPDX-License-Identifier: MIT
// The sample rate conversion that published distances of sounds are taken after: libsoxr's "high"
// quality (20 bits, its own roll-off), which librosa >= 0.10 calls soxr_hq and converts with by
// default (librosa.resample, librosa.load). kernels/resample.h is the better one for listening.
//
// Length    ceil(in_frames * (out_hz / in_hz)), what libsoxr does not give filled with zeros: so
//           does librosa. Frame 0 of input and output coincide.
// Digits    libsoxr computes this quality in single precision; numbers come out as double.
#ifndef V2S_KERNELS_RESAMPLE_HQ_H
#define V2S_KERNELS_RESAMPLE_HQ_H

#include <stddef.h>

#include "kernels/base/status.h"

// in [in_frames][channels]; *out is malloc'ed [*out_frames][channels], freed by the caller; equal
// rates give a copy. ARG: rates that are not positive and finite, a ratio outside 1/256..256, or
// channels < 1. NOMEM.
V2S_MUST_USE v2s_status v2s_resample_hq(const float *in, size_t in_frames, int channels,
                                        double in_hz, double out_hz, double **out,
                                        size_t *out_frames);

#endif
