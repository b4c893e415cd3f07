// SPDX-License-Identifier: MIT
// The envelope of a sound: the size of its analytic signal, by one transform over the whole of it
// (what scipy.signal.hilbert gives), in double.
//
//   e_t = sqrt(x_t^2 + h_t^2),   H_k = -i sgn(k) X_k,  H_0 = H_{n/2} = 0
//
// Two sounds go through one transform: h is real where x is, so h of x + i y is h_x + i h_y.
//
// Lengths   any up to V2S_ENVELOPE_FRAMES_MAX.
// Threads   A handle is used by one thread at a time.
#ifndef V2S_SPATIAL_ENVELOPE_H
#define V2S_SPATIAL_ENVELOPE_H

#include <stddef.h>

#include "kernels/base/status.h"

#define V2S_ENVELOPE_FRAMES_MAX ((size_t)1 << 25) // 35 minutes at 16 kHz

typedef struct v2s_envelope v2s_envelope;

// FORMAT: no frame or too many. NOMEM.
V2S_MUST_USE v2s_status v2s_envelope_open(size_t frames, v2s_envelope **envelope);

// Samples t of the two are a[t * stride] and b[t * stride]; their envelopes go to out_a and out_b
// [frames]. b and out_b may be NULL.
void v2s_envelope_take(v2s_envelope *envelope, const double *a, const double *b, size_t stride,
                       double *out_a, double *out_b);

void v2s_envelope_close(v2s_envelope **envelope);

#endif
