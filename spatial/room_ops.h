// SPDX-License-Identifier: MIT
// The two inner loops of a room, and the kernel table that they share.
//
// Kernel    Kaiser-windowed sinc of V2S_ROOM_TAPS samples: error below -70 dB up to 0.85 of the
//           Nyquist frequency. Impulses take it in V2S_ROOM_PHASES phases and linear between two;
//           moving reads in V2S_ROOM_READ_PHASES phases, the nearest. An impulse at position p
//           touches samples floor(p) - V2S_ROOM_HALF + 1 .. floor(p) + V2S_ROOM_HALF.
// Variants  One source per instruction set (room_ops_body.h), the same sums in the same order: a
//           room does not depend on the machine.
#ifndef V2S_SPATIAL_ROOM_OPS_H
#define V2S_SPATIAL_ROOM_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/cpu.h"
#include "kernels/base/status.h"
#include "kernels/fft.h"

enum {
    V2S_ROOM_HALF = 16,
    V2S_ROOM_TAPS = 2 * V2S_ROOM_HALF,
    V2S_ROOM_PHASES = 128,
    V2S_ROOM_READ_BITS = 11,
    V2S_ROOM_READ_PHASES = 1 << V2S_ROOM_READ_BITS,
};

typedef struct v2s_room_ops {
    // at[p * pitch + k] += gain[p] ((1 - share) row[k] + share row[V2S_ROOM_TAPS + k])
    void (*spread)(const float *row, float share, const float *gain, int planes, size_t pitch,
                   float *at);
    // Reads a delay line of 4 outputs' gains along a piece of constant speed:
    //   out[i][c] += x(first + i step) (gain[c] + i slope[c]),   i = 0 .. count-1, a multiple of 4
    // `table` is that of v2s_room_read_kernel_make; `x` points at sample 0 and must be readable
    // V2S_ROOM_HALF samples beyond both ends.
    void (*read)(const float *table, const float *x, double first, double step, int count,
                 const float gain[4], const float slope[4], float *out);
    // y[k] += a[k] x[k]
    void (*multiply_add)(const v2s_complex *a, const v2s_complex *x, size_t count, v2s_complex *y);
} v2s_room_ops;

const v2s_room_ops *v2s_room_ops_for(v2s_isa isa);

// malloc'ed [V2S_ROOM_PHASES + 1][V2S_ROOM_TAPS]; weight k of phase f belongs to sample
// k - V2S_ROOM_HALF + 1 for an impulse at f, and to the same sample when x(f) is read.
V2S_MUST_USE v2s_status v2s_room_kernel_make(float **table);

// The same in V2S_ROOM_READ_PHASES phases, for `read`.
V2S_MUST_USE v2s_status v2s_room_read_kernel_make(float **table);

#endif
