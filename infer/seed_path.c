// SPDX-License-Identifier: MIT
#include "infer/seed_path.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/resample.h"
#include "nn/refiner_stream.h"
#include "spatial/conventions.h"

enum { BLOCK_FRAMES = 4096 };

struct v2s_seed_path {
    v2s_refiner_stream *stream;
    v2s_resampler *down, *up; // NULL where the rates agree
    float resampled[BLOCK_FRAMES * V2S_FOA_CHANNELS];
};

v2s_status v2s_seed_path_open(const v2s_refiner *refiner, const v2s_device *device, double rate_hz,
                              double network_hz, v2s_seed_path **out) {
    v2s_seed_path *p = calloc(1, sizeof *p);
    if (p == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    if (network_hz != rate_hz) {
        status = v2s_resampler_open(rate_hz, network_hz, V2S_FOA_CHANNELS, &p->down);
        if (status == V2S_OK)
            status = v2s_resampler_open(network_hz, rate_hz, V2S_FOA_CHANNELS, &p->up);
    }
    if (status == V2S_OK)
        status = v2s_refiner_stream_open(refiner, device, NULL, &p->stream);
    if (status != V2S_OK) {
        v2s_seed_path_close(&p);
        return status;
    }
    *out = p;
    return V2S_OK;
}

// frames x 4 of residual at the network's rate, on to the rate of the geometric path.
static v2s_status take_residual(v2s_seed_path *p, const float *residual, size_t frames,
                                v2s_fifo *to) {
    if (p->up == NULL)
        return v2s_fifo_push(to, residual, frames);
    while (frames > 0) {
        float *at = NULL;
        size_t used = 0, made = 0;
        V2S_TRY(v2s_fifo_reserve(to, BLOCK_FRAMES, &at));
        V2S_TRY(v2s_resampler_process(p->up, residual, frames, &used, at, BLOCK_FRAMES, &made));
        to->count += made;
        residual += used * V2S_FOA_CHANNELS;
        frames -= used;
    }
    return V2S_OK;
}

static v2s_status pull_residual(v2s_seed_path *p, v2s_fifo *to) {
    int n;
    while ((n = v2s_refiner_stream_pull(p->stream, p->resampled, BLOCK_FRAMES)) > 0)
        V2S_TRY(take_residual(p, p->resampled, (size_t)n, to));
    return V2S_OK;
}

static v2s_status feed_network(v2s_seed_path *p, const float *foa, size_t frames, v2s_fifo *to) {
    V2S_TRY(v2s_refiner_stream_push(p->stream, foa, (int)frames));
    return pull_residual(p, to);
}

// At most BLOCK_FRAMES.
static v2s_status feed(v2s_seed_path *p, const float *foa, size_t frames, v2s_fifo *to) {
    if (p->down == NULL)
        return feed_network(p, foa, frames, to);
    while (frames > 0) {
        size_t used = 0, made = 0;
        V2S_TRY(
            v2s_resampler_process(p->down, foa, frames, &used, p->resampled, BLOCK_FRAMES, &made));
        V2S_TRY(feed_network(p, p->resampled, made, to));
        foa += used * V2S_FOA_CHANNELS;
        frames -= used;
    }
    return V2S_OK;
}

v2s_status v2s_seed_path_push(v2s_seed_path *p, const float *foa, size_t frames,
                              v2s_fifo *residual) {
    while (frames > 0) {
        size_t n = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
        V2S_TRY(feed(p, foa, n, residual));
        foa += n * V2S_FOA_CHANNELS;
        frames -= n;
    }
    return V2S_OK;
}

v2s_status v2s_seed_path_finish(v2s_seed_path *p, v2s_fifo *residual) {
    size_t made = 1;
    while (p->down != NULL && made > 0) {
        V2S_TRY(v2s_resampler_flush(p->down, p->resampled, BLOCK_FRAMES, &made));
        V2S_TRY(feed_network(p, p->resampled, made, residual));
    }
    V2S_TRY(v2s_refiner_stream_finish(p->stream));
    V2S_TRY(pull_residual(p, residual));
    for (made = 1; p->up != NULL && made > 0;) {
        float *at = NULL;
        V2S_TRY(v2s_fifo_reserve(residual, BLOCK_FRAMES, &at));
        V2S_TRY(v2s_resampler_flush(p->up, at, BLOCK_FRAMES, &made));
        residual->count += made;
    }
    return V2S_OK;
}

int v2s_seed_path_overlap(const v2s_seed_path *p) {
    return v2s_refiner_stream_get_report(p->stream).lookahead_frames;
}

void v2s_seed_path_report(const v2s_seed_path *p, const char *name, v2s_run_log *log) {
    v2s_refiner_stream_report report = v2s_refiner_stream_get_report(p->stream);
    v2s_run_log_number(log, "refiner_overlap", report.lookahead_frames);
    if (report.open_borders > 0)
        v2s_run_log_warn(log,
                         "%s: the backward direction remembers more than %d samples: %lld of %lld "
                         "chunk borders differ from the whole-file result by up to %.1e",
                         name, report.lookahead_frames, (long long)report.open_borders,
                         (long long)report.chunks, (double)report.border_error);
}

void v2s_seed_path_close(v2s_seed_path **path) {
    v2s_seed_path *p = *path;
    if (p == NULL)
        return;
    v2s_refiner_stream_close(&p->stream);
    v2s_resampler_close(&p->down);
    v2s_resampler_close(&p->up);
    free(p);
    *path = NULL;
}
