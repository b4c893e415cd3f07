// SPDX-License-Identifier: MIT
// The refiner on a sound of any length, in bounded memory.
//
// HOW IT WORKS. Samples are taken in chunks. The forward GRU carries its state from chunk to
// chunk, so it computes what the whole file would. The backward GRU ought to start at the end of
// the file; it starts `lookahead` frames behind the chunk instead and warms up on them. The warm-up
// is run twice, from two opposite corners of the cube [-1,1]^hidden that holds every possible
// state: where both runs meet at the chunk's border, the state there does not depend on what lies
// behind, and the chunk equals the whole-file result. Where they do not, the look-ahead is doubled
// and the chunk waits for more input. Nothing is silent:
// past lookahead_max the chunk is computed all the same, counted in the report, and the caller has
// to say so. As a second check every border is compared afterwards with the state that the next
// chunk's own backward run, which saw more of the file, has there. Close to the end of the file
// the backward run starts at the true end.
//
// How far two states are apart is measured by what they do to the residual: V2S_REFINER_GAIN *
// sum_j |w[c,j]| |a_j - b_j|, the largest over the channels c. (The states themselves stop short of
// each other: an update gate z rounds steps below 2^-24 / (1 - z) away, 2e-6 at z = 0.98, in
// silence for ever.) They meet where that is at most the tolerance, and no two units differ by
// more than 100 times the tolerance. On a BF16 device both limits are 256 times as large, which is
// what its rounding leaves (its own error against FP32 is of that size).
//
// Frames are interleaved: foa[4*i + channel], AmbiX order W, Y, Z, X, at the refiner's own rate.
// What comes out is the residual (V2S_REFINER_GAIN * r), same layout, frame for frame what went
// in; the caller adds amount * residual. It comes late: pull what there is after every push.
// The network's buffers and states lie in the device's memory; frames go up, and residuals and the
// states to be compared come down, once a chunk.
// One thread at a time per stream; several streams may share a device. Model (of the host) and
// device must outlive it.
#ifndef V2S_NN_REFINER_STREAM_H
#define V2S_NN_REFINER_STREAM_H

#include <stdint.h>

#include "nn/refiner.h"

typedef struct v2s_refiner_stream v2s_refiner_stream;

typedef struct v2s_refiner_stream_config {
    int chunk_frames;         // computed at a time, >= 1
    int lookahead_frames;     // overlap of the backward direction at the start, >= 1
    int lookahead_max_frames; // bound of its doubling
    float tolerance;          // of the residual at a border, full scale 1 (see above)
} v2s_refiner_stream_config;

// 8192, 256, 32768 frames, 1e-6.
v2s_refiner_stream_config v2s_refiner_stream_defaults(void);

typedef struct v2s_refiner_stream_report {
    int64_t frames;          // residual frames computed so far
    int lookahead_frames;    // overlap in use now
    int64_t chunks;          // chunks computed
    int64_t open_borders;    // borders where the warm-ups had not met at lookahead_max_frames, or
                             // where the later check found more than 10 x tolerance
    float border_difference; // largest difference of two warm-ups that was accepted, of residuals
    float border_error;      // largest difference that the later check found, of residuals
} v2s_refiner_stream_report;

// `config` NULL means the defaults. ARG names the field that is out of range, or says that the
// network does not take and give 4 columns.
V2S_MUST_USE v2s_status v2s_refiner_stream_open(const v2s_refiner *m, const v2s_device *dev,
                                                const v2s_refiner_stream_config *config,
                                                v2s_refiner_stream **out);

// Takes n frames (n may be 0) and computes the chunks that became complete. Residuals wait inside
// until they are pulled: memory is bounded if they are pulled after every push. NUMERIC: a sample
// is not finite, or a residual would not be. CUDA: the device failed. ARG: after finish.
V2S_MUST_USE v2s_status v2s_refiner_stream_push(v2s_refiner_stream *s, const float *foa, int n);

// No more frames will come: computes the rest.
V2S_MUST_USE v2s_status v2s_refiner_stream_finish(v2s_refiner_stream *s);

// Moves up to `max` frames that are ready to `residual`; returns how many.
int v2s_refiner_stream_pull(v2s_refiner_stream *s, float *residual, int max);

// Most frames that a pushed frame's residual may wait for, with the present look-ahead.
int v2s_refiner_stream_delay_frames(const v2s_refiner_stream *s);

v2s_refiner_stream_report v2s_refiner_stream_get_report(const v2s_refiner_stream *s);

// Frees and sets *s to NULL; accepts NULL inside.
void v2s_refiner_stream_close(v2s_refiner_stream **s);

#endif
