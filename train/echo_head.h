// SPDX-License-Identifier: MIT
// The head that listens: responses of both ears to one impulse from any direction, ready to be
// added to a sound at any fraction of a sample.
//
// A table of the measured responses, at the rate of the sound, shifted by 0 .. 7 eighths of a
// sample (windowed sinc). A direction takes the nearest measured one.
// Time      0 is when the sound reaches the middle of the head: the mean over both ears of the
//           onset (first sample above half the peak) from straight ahead, of all responses alike.
// Level     scaled so that a response has the energy 1 in the mean over directions and ears: a head
//           without effect on the level, whatever the file's own scale is.
// Threads   read-only once it is open.
#ifndef V2S_TRAIN_ECHO_HEAD_H
#define V2S_TRAIN_ECHO_HEAD_H

#include "kernels/base/status.h"
#include "spatial/hrtf.h"

enum {
    V2S_ECHO_HEAD_LEAD = 48, // samples of a response before time 0
    V2S_ECHO_HEAD_TAPS = 176,
    V2S_ECHO_HEAD_PHASES = 8,
};

typedef struct v2s_echo_head v2s_echo_head;

// NOMEM.
V2S_MUST_USE v2s_status v2s_echo_head_open(const v2s_hrtf *hrtf, double rate_hz,
                                           v2s_echo_head **out);

// [V2S_ECHO_HEAD_TAPS] of the left (0) or right ear (1) for a direction (front, left, up; any
// length but 0): what an impulse at phase / 8 samples after time 0 becomes, from sample
// -V2S_ECHO_HEAD_LEAD on.
const float *v2s_echo_head_response(const v2s_echo_head *head, v2s_vec3 direction, int ear,
                                    int phase);

void v2s_echo_head_close(v2s_echo_head **head); // accepts NULL inside

#endif
