// SPDX-License-Identifier: MIT
// Frames of the `v2s` basis with their gains, rendered to the residual by several threads.
//
// HOW IT WORKS. Blocks of 64 frames in the steps of spatial/foa_tails.h: tails of groups of 8
// frames at once, for all channels together, which reads W's history once; what evens them out,
// frame after frame; residuals of the groups, each overlapped to a patch of sound of its own, added
// up in their order. So the samples do not depend on the number of threads.
#ifndef V2S_INFER_BAND_RENDER_H
#define V2S_INFER_BAND_RENDER_H

#include <stdint.h>

#include "spatial/foa_tails.h"
#include "spatial/trajectory.h"

typedef struct v2s_band_renderer v2s_band_renderer;

// `basis` is borrowed until close.
V2S_MUST_USE v2s_status v2s_band_renderer_open(const v2s_foa_basis *basis, int threads,
                                               v2s_band_renderer **out);
void v2s_band_renderer_close(v2s_band_renderer **r);

typedef struct v2s_band_frames {
    int count;
    int64_t number;             // of the first on the path's clock: it lies at number * hop samples
    const float *spectra;       // [history + count][2][stride] of W
    const float *levels;        // [count][V2S_BASIS_LEVELS]
    const float *gains;         // [count][bands][gains]
    const v2s_trajectory *path; // of the source
} v2s_band_frames;

// Adds the residual of the frames that follow those of the last call to residual[ACN][room], whose
// first sample is number `first_sample` of the sound, a multiple of the hop; what lies outside is
// left out. W's channel is NULL where W has no tails.
void v2s_band_render(v2s_band_renderer *r, const v2s_band_frames *frames, int64_t first_sample,
                     float *const residual[V2S_FOA_CHANNELS], size_t room);

#endif
