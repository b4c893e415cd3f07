// SPDX-License-Identifier: MIT
// One mono sound through a long response of four channels that does not change: overlap-add of
// large blocks. It makes the tail, and everything of a source that stands still.
#ifndef V2S_SPATIAL_ROOM_FIR_H
#define V2S_SPATIAL_ROOM_FIR_H

#include "kernels/fft.h"
#include "spatial/room_ring.h"

typedef struct v2s_room_fir {
    size_t taps, hop, n, bins;
    int64_t begin; // of the response
    int64_t time;  // of the first sample gathered
    size_t fill;
    v2s_fft_real *fft;
    float *sound, *block;        // [n]
    v2s_complex *filter, *x, *y; // [4][bins], [bins], [bins]
} v2s_room_fir;

// response[taps][4], whose first sample belongs to sample `begin` after the sound. Blocks are
// multiples of `step` frames.
V2S_MUST_USE v2s_status v2s_room_fir_open(const float *response, size_t taps, int64_t begin,
                                          size_t step, v2s_room_fir *fir);

// Takes x[frames], frames at most and a divisor of `step`; adds to the ring when a block is full.
void v2s_room_fir_push(v2s_room_fir *fir, const float *x, size_t frames, v2s_room_ring *ring);

// Frames by which its output may come later than the input that completes a step.
size_t v2s_room_fir_latency_frames(const v2s_room_fir *fir);

void v2s_room_fir_close(v2s_room_fir *fir);

#endif
