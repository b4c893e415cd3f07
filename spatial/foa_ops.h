// SPDX-License-Identifier: MIT
// The inner loops of the v2s basis (spatial/foa_basis.h), one source per instruction set
// (foa_ops_body.h): the same sums in the same order, so a result does not depend on the machine.
//
// Spectra are split: real parts in x[0 .. row-1], imaginary ones in x[row .. 2 row-1]; row is a
// multiple of 16 with at least 7 floats behind the last bin, which are zero.
#ifndef V2S_SPATIAL_FOA_OPS_H
#define V2S_SPATIAL_FOA_OPS_H

#include <stddef.h>

#include "kernels/base/cpu.h"
#include "spatial/erb_bands.h"

typedef struct v2s_foa_ops {
    // out[c] = sum over the taps i of e_ci * w[-delay[i]], where e_ci = noise[shift[c][i] ..] and w
    // points at the newest of a run of spectra [2][row]; noise is split as well, noise_im lies at
    // noise + pitch. 1 to 4 channels c; each has the same bits whatever the others.
    void (*tail)(int channels, int taps, const int *delay, const int *const *shift,
                 const float *noise, size_t pitch, const float *w, int row, float *const *out);
    // energy[band] = sum of Re(conj(x) y) with the bands' weights.
    void (*collect)(const v2s_erb_bands *b, const float *x, const float *y, int row, float *energy);
    // out += g x with the gain g interpolated from gain[band * stride].
    void (*mix)(const v2s_erb_bands *b, const float *gain, int stride, const float *x, int row,
                float *out);
} v2s_foa_ops;

const v2s_foa_ops *v2s_foa_ops_for(v2s_isa isa);

#endif
