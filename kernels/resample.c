// SPDX-License-Identifier: MIT
#include "kernels/resample.h"

#include <math.h>
#include <soxr.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct v2s_resampler {
    soxr_t soxr; // NULL where the rates are equal: frames are copied
    double in_hz, out_hz;
    int channels;
    uint64_t taken, given; // frames in and out since open
};

enum { MAX_RATIO = 256 };

static v2s_status soxr_failed(const v2s_resampler *r, const char *what) {
    return V2S_FAIL(V2S_NOMEM, "resampling %g Hz to %g Hz, %d channels: %s", r->in_hz, r->out_hz,
                    r->channels, what);
}

v2s_status v2s_resampler_open(double in_hz, double out_hz, int channels,
                              v2s_resampler **resampler) {
    if (!(in_hz > 0.0 && out_hz > 0.0 && isfinite(in_hz) && isfinite(out_hz)) ||
        in_hz > out_hz * MAX_RATIO || out_hz > in_hz * MAX_RATIO || channels < 1)
        return V2S_FAIL(V2S_ARG,
                        "resampling %g Hz to %g Hz, %d channels: rates must be positive, "
                        "their ratio at most %d, channels at least 1",
                        in_hz, out_hz, channels, MAX_RATIO);
    v2s_resampler *r = calloc(1, sizeof *r);
    if (!r)
        return V2S_FAIL(V2S_NOMEM, "resampling: out of memory");
    r->in_hz = in_hz;
    r->out_hz = out_hz;
    r->channels = channels;
    if (in_hz != out_hz) {
        soxr_error_t error = NULL;
        soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
        // Without ROLLOFF_NONE the gain sinks by up to 0.006 dB towards the top of the pass band:
        // 64 dB of signal to error there instead of 151 (measured, 44.1 -> 48 kHz).
        soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, SOXR_ROLLOFF_NONE);
        soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
        r->soxr = soxr_create(in_hz, out_hz, (unsigned)channels, &error, &io, &quality, &runtime);
        if (error || !r->soxr) {
            v2s_status status = soxr_failed(r, error ? error : "out of memory");
            v2s_resampler_close(&r);
            return status;
        }
    }
    *resampler = r;
    return V2S_OK;
}

v2s_status v2s_resampler_process(v2s_resampler *r, const float *in, size_t in_frames,
                                 size_t *in_used, float *out, size_t out_capacity,
                                 size_t *out_frames) {
    size_t used = 0, written = 0;
    if (!r->soxr) {
        used = written = in_frames < out_capacity ? in_frames : out_capacity;
        memcpy(out, in, used * (size_t)r->channels * sizeof *out);
    } else if (in_frames > 0) {
        soxr_error_t error =
            soxr_process(r->soxr, in, in_frames, &used, out, out_capacity, &written);
        if (error)
            return soxr_failed(r, error);
    }
    r->taken += used;
    r->given += written;
    *in_used = used;
    *out_frames = written;
    return V2S_OK;
}

v2s_status v2s_resampler_flush(v2s_resampler *r, float *out, size_t out_capacity,
                               size_t *out_frames) {
    size_t written = 0;
    if (r->soxr && out_capacity > 0) {
        // libsoxr ends one frame early or late of the rounded length: hold it to the exact count.
        uint64_t total = v2s_resampled_frames((size_t)r->taken, r->in_hz, r->out_hz);
        uint64_t left = total > r->given ? total - r->given : 0;
        size_t want = left < out_capacity ? (size_t)left : out_capacity;
        if (want > 0) {
            soxr_error_t error = soxr_process(r->soxr, NULL, 0, NULL, out, want, &written);
            if (error)
                return soxr_failed(r, error);
            if (written == 0) {
                memset(out, 0, want * (size_t)r->channels * sizeof *out);
                written = want;
            }
        }
    }
    r->given += written;
    *out_frames = written;
    return V2S_OK;
}

v2s_status v2s_resampler_reset(v2s_resampler *r) {
    r->taken = r->given = 0;
    if (r->soxr) {
        soxr_error_t error = soxr_clear(r->soxr);
        if (error)
            return soxr_failed(r, error);
    }
    return V2S_OK;
}

void v2s_resampler_close(v2s_resampler **resampler) {
    v2s_resampler *r = *resampler;
    if (!r)
        return;
    soxr_delete(r->soxr);
    free(r);
    *resampler = NULL;
}

size_t v2s_resampled_frames(size_t in_frames, double in_hz, double out_hz) {
    return in_hz == out_hz ? in_frames : (size_t)llround((double)in_frames * out_hz / in_hz);
}

v2s_status v2s_resample(const float *in, size_t in_frames, int channels, double in_hz,
                        double out_hz, float **out, size_t *out_frames) {
    v2s_resampler *r = NULL;
    V2S_TRY(v2s_resampler_open(in_hz, out_hz, channels, &r));
    size_t total = v2s_resampled_frames(in_frames, in_hz, out_hz), done = 0, step = 0;
    size_t width = (size_t)channels;
    float *buffer = calloc(total > 0 ? total : 1, width * sizeof *buffer);
    v2s_status status = buffer ? V2S_OK : soxr_failed(r, "out of memory");
    for (size_t at = 0, used = 0; status == V2S_OK && at < in_frames && done < total; at += used) {
        status = v2s_resampler_process(r, in + at * width, in_frames - at, &used,
                                       buffer + done * width, total - done, &step);
        done += status == V2S_OK ? step : 0;
    }
    // A short sound may not have given anything yet.
    for (step = 1; status == V2S_OK && done < total && step > 0;) {
        status = v2s_resampler_flush(r, buffer + done * width, total - done, &step);
        done += status == V2S_OK ? step : 0;
    }
    v2s_resampler_close(&r);
    if (status != V2S_OK) {
        free(buffer);
        return status;
    }
    *out = buffer;
    *out_frames = total;
    return V2S_OK;
}
