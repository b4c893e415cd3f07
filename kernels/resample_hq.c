// SPDX-License-Identifier: MIT
#include "kernels/resample_hq.h"

#include <math.h>
#include <soxr.h>
#include <stdlib.h>

enum { MAX_RATIO = 256 };

// As many of `total` frames as libsoxr gives.
static soxr_error_t convert(const float *in, size_t in_frames, unsigned channels, double in_hz,
                            double out_hz, double *out, size_t total) {
    soxr_error_t error = NULL;
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT64_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_t soxr = soxr_create(in_hz, out_hz, channels, &error, &io, &quality, &runtime);
    size_t used = 0, at = 0, done = 0, step = 1;
    while (error == NULL && at < in_frames && done < total && step + used > 0) {
        error = soxr_process(soxr, in + at * channels, in_frames - at, &used, out + done * channels,
                             total - done, &step);
        at += used;
        done += step;
    }
    for (step = 1; error == NULL && done < total && step > 0; done += step)
        error = soxr_process(soxr, NULL, 0, NULL, out + done * channels, total - done, &step);
    soxr_delete(soxr);
    return error;
}

v2s_status v2s_resample_hq(const float *in, size_t in_frames, int channels, double in_hz,
                           double out_hz, double **out, size_t *out_frames) {
    if (!(in_hz > 0.0 && out_hz > 0.0 && isfinite(in_hz) && isfinite(out_hz)) ||
        in_hz > out_hz * MAX_RATIO || out_hz > in_hz * MAX_RATIO || channels < 1)
        return V2S_FAIL(V2S_ARG,
                        "resampling %g Hz to %g Hz, %d channels: rates must be positive, "
                        "their ratio at most %d, channels at least 1",
                        in_hz, out_hz, channels, MAX_RATIO);
    size_t width = (size_t)channels;
    size_t total = in_hz == out_hz ? in_frames : (size_t)ceil((double)in_frames * (out_hz / in_hz));
    double *made = calloc(total > 0 ? total : 1, width * sizeof *made);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "resampling %zu frames: out of memory", in_frames);
    soxr_error_t error = NULL;
    if (in_hz == out_hz)
        for (size_t i = 0; i < in_frames * width; i++)
            made[i] = (double)in[i];
    else
        error = convert(in, in_frames, (unsigned)channels, in_hz, out_hz, made, total);
    if (error != NULL) {
        free(made);
        return V2S_FAIL(V2S_NOMEM, "resampling %g Hz to %g Hz: %s", in_hz, out_hz, error);
    }
    *out = made;
    *out_frames = total;
    return V2S_OK;
}
