// SPDX-License-Identifier: MIT
// Sample rate conversion of interleaved sound, as a stream or in one call, by libsoxr.
//
// Quality   soxr "very high" (28 bits, linear phase): pass band to 0.913 of the lower Nyquist
//           frequency, stop band from 1.0 on, signal to error above 140 dB up to 0.9 of Nyquist.
// Delay     Compensated: output frame m belongs to the time m / out_hz of the input, so frame 0
//           of input and output coincide. After the flush round(in_frames * out_hz / in_hz)
//           frames have come out.
// Shapes    in [frames][channels], out [frames][channels].
// Threads   A handle is used by one thread at a time. Memory is constant.
#ifndef V2S_KERNELS_RESAMPLE_H
#define V2S_KERNELS_RESAMPLE_H

#include <stddef.h>

#include "kernels/base/status.h"

typedef struct v2s_resampler v2s_resampler;

// ARG for rates that are not positive and finite, a ratio outside 1/256..256, or channels < 1.
V2S_MUST_USE v2s_status v2s_resampler_open(double in_hz, double out_hz, int channels,
                                           v2s_resampler **resampler);

// Takes frames from `in` and writes what is ready, at most `out_capacity` frames. *in_used may be
// less than `in_frames` when `out` is full: call again with the rest. Progress is always made when
// out_capacity > 0.
V2S_MUST_USE v2s_status v2s_resampler_process(v2s_resampler *resampler, const float *in,
                                              size_t in_frames, size_t *in_used, float *out,
                                              size_t out_capacity, size_t *out_frames);

// End of input: writes the rest; call until *out_frames is 0. Then only v2s_resampler_reset or
// close may follow.
V2S_MUST_USE v2s_status v2s_resampler_flush(v2s_resampler *resampler, float *out,
                                            size_t out_capacity, size_t *out_frames);

// Back to the state after open.
V2S_MUST_USE v2s_status v2s_resampler_reset(v2s_resampler *resampler);

void v2s_resampler_close(v2s_resampler **resampler);

// Frames that `in_frames` become.
size_t v2s_resampled_frames(size_t in_frames, double in_hz, double out_hz);

// The whole of a short sound at once: *out is malloc'ed [*out_frames][channels], freed by the
// caller; equal rates give a copy.
V2S_MUST_USE v2s_status v2s_resample(const float *in, size_t in_frames, int channels, double in_hz,
                                     double out_hz, float **out, size_t *out_frames);

#endif
