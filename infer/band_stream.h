// SPDX-License-Identifier: MIT
// The `v2s` refiner on one source of any length, in bounded memory.
//
// HOW IT WORKS. The network reads stretches of 12 s that begin every 8 s; its features are levels
// relative to the stretch's mean. Where two stretches overlap (4 s) their gains are cross-faded.
// A sound of up to 12 s is one stretch. The gains are put on the basis (spatial/foa_basis.h) frame
// by frame. A stretch of pairing `omni` that the network makes less diffuse than 0.075 is dry: it
// is left to geometry altogether. A remainder of less than 4 s does not begin a stretch of its own.
//
// In: W of the geometric path of ONE source, at the basis's rate. Out: the residual to be added,
// [frames][4] AmbiX, frame for frame what went in; it comes late: pull what there is after every
// push. One thread at a time per stream; everything borrowed must outlive it.
#ifndef V2S_INFER_BAND_STREAM_H
#define V2S_INFER_BAND_STREAM_H

#include "infer/band_features.h"
#include "kernels/device.h"
#include "nn/refiner.h"

typedef struct v2s_band_stream v2s_band_stream;

typedef struct v2s_band_stream_config {
    const v2s_foa_basis *basis;
    const v2s_refiner *network; // or NULL:
    const float *constant;      // [V2S_BASIS_BANDS][gains] at all times
    const v2s_device *device;
    const v2s_trajectory *path;     // of the source; time 0 is the first frame pushed
    const v2s_condition *condition; // copied; NULL: pairing `omni`
    bool neutral;                   // the network is told nothing but the sound
} v2s_band_stream_config;

V2S_MUST_USE v2s_status v2s_band_stream_open(const v2s_band_stream_config *config,
                                             v2s_band_stream **out);

// w[n]; n may be 0. NUMERIC: a sample is not finite. ARG: after finish.
V2S_MUST_USE v2s_status v2s_band_stream_push(v2s_band_stream *s, const float *w, size_t n);
V2S_MUST_USE v2s_status v2s_band_stream_finish(v2s_band_stream *s);

// Moves up to `max` frames that are ready to residual[max][4]; returns how many.
size_t v2s_band_stream_pull(v2s_band_stream *s, float *residual, size_t max);

void v2s_band_stream_close(v2s_band_stream **s);

#endif
