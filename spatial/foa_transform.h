// SPDX-License-Identifier: MIT
// Frames of the v2s refiner's transform (spatial/foa_basis.h) over a sound in memory: sine window,
// hop a quarter, samples outside the sound are zero. Analysis and synthesis of the frames from -1
// on give the sound back; from 0 on, as the refiner takes them, its first hop fades in.
// One thread at a time per handle.
#ifndef V2S_SPATIAL_FOA_TRANSFORM_H
#define V2S_SPATIAL_FOA_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/fft.h"
#include "spatial/foa_basis.h"

typedef struct v2s_foa_transform {
    const v2s_foa_basis *basis; // borrowed
    v2s_fft_real *fft;
    float *x;              // [N]
    v2s_complex *spectrum; // [bins]
} v2s_foa_transform;

V2S_MUST_USE v2s_status v2s_foa_transform_open(const v2s_foa_basis *b, v2s_foa_transform *out);
void v2s_foa_transform_close(v2s_foa_transform *f);

// Spectrum [2][stride] of frame t of channel `channel` of sound[samples][channels]. t may be any
// number.
void v2s_foa_analyse(v2s_foa_transform *f, const float *sound, size_t samples, int channels,
                     int channel, int64_t t, float *spectrum);

// Adds frame t back, to the samples that lie inside.
void v2s_foa_synthesise(v2s_foa_transform *f, const float *spectrum, int64_t t, float *sound,
                        size_t samples, int channels, int channel);

#endif
