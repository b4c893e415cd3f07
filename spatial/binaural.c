// SPDX-License-Identifier: MIT
#include "spatial/binaural.h"

#include <stdlib.h>

#include "kernels/convolver.h"
#include "spatial/binaural_design.h"

struct v2s_binaural {
    v2s_convolver *convolver;
    size_t latency; // frames: the filters' own delay and the convolver's
};

v2s_status v2s_binaural_open(const v2s_hrtf *hrtf, int order, double rate_hz,
                             v2s_binaural_method method, v2s_binaural **binaural) {
    float *filters = NULL;
    size_t taps = 0, delay = 0;
    V2S_TRY(v2s_binaural_design(hrtf, order, rate_hz, method, &filters, &taps, &delay));
    v2s_binaural *b = calloc(1, sizeof *b);
    v2s_status status = b ? V2S_OK : V2S_FAIL(V2S_NOMEM, "binaural decoder: out of memory");
    if (status == V2S_OK)
        status = v2s_convolver_open(v2s_channels_of_order(order), 2, taps, filters, &b->convolver);
    free(filters);
    if (status != V2S_OK) {
        free(b);
        return status;
    }
    b->latency = delay + v2s_convolver_latency_frames(b->convolver);
    *binaural = b;
    return V2S_OK;
}

v2s_status v2s_binaural_process(v2s_binaural *binaural, const float *ambi, size_t frames,
                                float *stereo) {
    v2s_convolver_process(binaural->convolver, ambi, frames, stereo);
    return V2S_OK;
}

size_t v2s_binaural_latency_frames(const v2s_binaural *binaural) {
    return binaural->latency;
}

void v2s_binaural_close(v2s_binaural **binaural) {
    v2s_binaural *b = *binaural;
    if (!b)
        return;
    v2s_convolver_close(&b->convolver);
    free(b);
    *binaural = NULL;
}
