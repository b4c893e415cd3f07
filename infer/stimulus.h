// SPDX-License-Identifier: MIT
// Sounds for listeners: two channels at 48 kHz, their loudness, and the anchors of BS.1534.
//
// Loudness  integrated, ITU-R BS.1770-4, by libebur128, in LUFS.
// anchor35  low-pass of 3.5 kHz: linear phase, Kaiser's window, 0.1 dB ripple at most below
//           3.5 kHz, 60 dB down from 4 kHz on (BS.1534-3 wants 25 dB at 4 kHz and 50 dB at
//           4.5 kHz), in time with its source.
// mono      both channels the mean of both.
#ifndef V2S_INFER_STIMULUS_H
#define V2S_INFER_STIMULUS_H

#include <stddef.h>

#include "kernels/base/status.h"

#define V2S_STIMULUS_RATE_HZ 48000.0
#define V2S_STIMULUS_LUFS (-23.0)     // of every stimulus, before all are lowered together
#define V2S_STIMULUS_PEAK 0.891250938 // -1 dBFS: the largest sample of a package

enum { V2S_STIMULUS_CHANNELS = 2 };

// Not a number where no block of 0.4 s is above the gates (silence, or shorter than that). NOMEM.
V2S_MUST_USE v2s_status v2s_stimulus_loudness(const float *stereo, size_t frames, double *lufs);

// Scales to `lufs` within 0.05 LU; *gain_db: what it took. FORMAT: it has no loudness.
V2S_MUST_USE v2s_status v2s_stimulus_match(float *stereo, size_t frames, double lufs,
                                           double *gain_db);

// out [frames][2], not `in`. NOMEM.
V2S_MUST_USE v2s_status v2s_stimulus_anchor35(const float *in, size_t frames, float *out);
void v2s_stimulus_mono(const float *in, size_t frames, float *out);

// Half a cosine of 10 ms at both ends.
void v2s_stimulus_fade(float *stereo, size_t frames);

double v2s_stimulus_peak(const float *stereo, size_t frames);

// A WAV file of 24 bits, frames times `gain`; shorter sounds than `length` frames end in silence.
V2S_MUST_USE v2s_status v2s_stimulus_write(const char *path, const float *stereo, size_t frames,
                                           double gain, size_t length);

#endif
