// SPDX-License-Identifier: MIT
#include "infer/ear_decoder.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/convolver.h"
#include "spatial/binaural_design.h"

struct v2s_ear_decoder {
    v2s_convolver *filters;
    size_t latency; // of the filters and their blocks
};

v2s_status v2s_ear_decoder_open(const v2s_hrtf *hrtf, double rate_hz, v2s_ear_decoder **decoder) {
    float *filters = NULL;
    size_t taps = 0, delay = 0;
    v2s_ear_decoder *d = calloc(1, sizeof *d);
    if (d == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status =
        v2s_binaural_design(hrtf, 1, rate_hz, V2S_BINAURAL_MAGLS, &filters, &taps, &delay);
    if (status == V2S_OK)
        status = v2s_convolver_open(V2S_FOA_CHANNELS, 2, taps, filters, &d->filters);
    free(filters);
    if (status != V2S_OK) {
        free(d);
        return status;
    }
    d->latency = delay + v2s_convolver_latency_frames(d->filters);
    *decoder = d;
    return V2S_OK;
}

v2s_status v2s_ear_decoder_apply(v2s_ear_decoder *d, size_t frames, const float *foa,
                                 float **stereo) {
    float *late = malloc((frames + d->latency) * 2 * sizeof *late);
    float *zeros = calloc(d->latency + 1, V2S_FOA_CHANNELS * sizeof *zeros);
    if (late == NULL || zeros == NULL) {
        free(late);
        free(zeros);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    v2s_convolver_reset(d->filters);
    v2s_convolver_process(d->filters, foa, frames, late);
    v2s_convolver_process(d->filters, zeros, d->latency, late + 2 * frames);
    memmove(late, late + 2 * d->latency, frames * 2 * sizeof *late);
    free(zeros);
    *stereo = late;
    return V2S_OK;
}

void v2s_ear_decoder_close(v2s_ear_decoder **decoder) {
    if (*decoder == NULL)
        return;
    v2s_convolver_close(&(*decoder)->filters);
    free(*decoder);
    *decoder = NULL;
}
