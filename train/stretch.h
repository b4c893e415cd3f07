// SPDX-License-Identifier: MIT
// Sound of a wanted length, made of recordings.
#ifndef V2S_TRAIN_STRETCH_H
#define V2S_TRAIN_STRETCH_H

#include "train/sounds.h"

enum { V2S_STRETCH_MAX = 24 }; // most recordings of one stretch

typedef struct v2s_stretch {
    size_t files[V2S_STRETCH_MAX]; // in the order they are first heard; each once
    size_t count;
    char *unusable; // a sentence about a file that was passed over, or NULL; owned
} v2s_stretch;

// Fills mono[frames]: a recording of the split, cropped if it is longer; otherwise repeated or
// followed by others of its folder (never of another split), with pauses of 0.05 to 0.8 s. What a
// recording has below 40 Hz is filtered out, silence at its ends cut off, joints fade over 3 ms.
// What cannot be read, is shorter than 50 ms or silent is passed over: after ten draws that failed,
// the next one in the list that can be used is taken. FORMAT where the split has none, ARG where it
// has no file. The level is the recording's own.
V2S_MUST_USE v2s_status v2s_stretch_draw(const v2s_sounds *sounds, v2s_split split, double rate_hz,
                                         size_t frames, v2s_rng *rng, float *mono,
                                         v2s_stretch *stretch);

// Level of what is heard: root mean square over the blocks of 20 ms that are at most 30 dB below
// the loudest one. 0 for silence.
double v2s_active_rms(const float *mono, size_t frames, double rate_hz);

#endif
