// SPDX-License-Identifier: MIT
// A signal that can be read at any fractional position: x(p) by Kaiser-windowed sinc.
//
//   x(p) = sum_k x[k] sinc(p - k) w(p - k),    |p - k| <= V2S_DELAY_HALF_TAPS
//
// Reading at position p needs the samples up to floor(p) + V2S_DELAY_HALF_TAPS. Before the first
// sample there is silence. The table of the kernel has fine phases and linear interpolation
// between them; measured error: below -98 dB up to 0.85 of Nyquist. Reading faster than written
// (an approaching source) aliases the band that passes Nyquist, as in any resampler with a fixed
// kernel.
#ifndef V2S_SPATIAL_DELAY_LINE_H
#define V2S_SPATIAL_DELAY_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/status.h"

enum { V2S_DELAY_HALF_TAPS = 24 };

typedef struct v2s_delay_line v2s_delay_line;

// Keeps at least `history_frames` samples behind the newest one readable. NOMEM.
V2S_MUST_USE v2s_status v2s_delay_line_open(size_t history_frames, v2s_delay_line **line);

// Appends samples; the first one ever has position 0.
void v2s_delay_line_write(v2s_delay_line *line, const float *x, size_t frames);

// Number of samples written so far.
int64_t v2s_delay_line_written(const v2s_delay_line *line);

// out[i] = x(position[i]); floor(position) + V2S_DELAY_HALF_TAPS < written, not older than the
// history.
void v2s_delay_line_read(const v2s_delay_line *line, const double *position, size_t frames,
                         float *out);

void v2s_delay_line_close(v2s_delay_line **line);

#endif
