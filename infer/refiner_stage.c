// SPDX-License-Identifier: MIT
#include "infer/refiner_stage.h"

#include <stdlib.h>
#include <string.h>

#include "infer/fifo.h"
#include "infer/refiner_file.h"
#include "kernels/resample.h"
#include "nn/refiner_stream.h"
#include "spatial/conventions.h"

enum { BLOCK_FRAMES = 4096 };

struct v2s_refiner_stage {
    const v2s_settings *settings;
    v2s_device *device;
    v2s_refiner *refiner;
    v2s_refiner_info info;
    double rate_hz; // of the network
    size_t channels;
    v2s_refiner_stream *stream;
    v2s_resampler *down, *up; // NULL where the rates agree
    v2s_fifo geometric;       // waits for its residual
    v2s_fifo residual;        // at the rate of the geometric path
    float foa[BLOCK_FRAMES * V2S_FOA_CHANNELS];
    float resampled[BLOCK_FRAMES * V2S_FOA_CHANNELS];
};

static v2s_status load_refiner(v2s_refiner_stage *s) {
    V2S_TRY(v2s_refiner_load(s->settings->refiner, &s->refiner, &s->info));
    const v2s_refiner_config *c = &s->info.config;
    if (c->inputs != V2S_REFINER_CHANNELS || c->outputs != V2S_REFINER_CHANNELS)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected a network of %d inputs and %d outputs, found %d and %d",
                        s->settings->refiner, V2S_REFINER_CHANNELS, V2S_REFINER_CHANNELS, c->inputs,
                        c->outputs);
    return V2S_OK;
}

v2s_status v2s_refiner_stage_open(const v2s_settings *settings, v2s_run_log *log,
                                  v2s_refiner_stage **stage) {
    v2s_refiner_stage *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->settings = settings;
    v2s_status status = v2s_device_open_precision(settings->device, (int)settings->threads,
                                                  (v2s_precision)settings->precision, &s->device);
    if (status == V2S_ARG)
        status = V2S_USAGE; // the spec came from the command line
    if (status == V2S_OK)
        v2s_run_log_text(log, "device", s->device->name);
    bool wanted = settings->refiner != NULL && strcmp(settings->refiner, "none") != 0;
    if (status == V2S_OK && wanted)
        status = load_refiner(s);
    if (status != V2S_OK || !wanted) {
        v2s_refiner_stage_close(&s);
        return status;
    }
    *stage = s;
    return V2S_OK;
}

v2s_status v2s_refiner_stage_start(v2s_refiner_stage *s, double rate_hz, int channels,
                                   v2s_run_log *log) {
    s->channels = s->geometric.channels = (size_t)channels;
    s->residual.channels = V2S_FOA_CHANNELS;
    s->rate_hz = s->info.rate_hz;
    if (s->rate_hz <= 0) {
        s->rate_hz = rate_hz;
        v2s_run_log_warn(log, "%s: no rate_hz in the metadata: used at the sound's %.0f Hz",
                         s->settings->refiner, rate_hz);
    }
    if (s->rate_hz != rate_hz) {
        V2S_TRY(v2s_resampler_open(rate_hz, s->rate_hz, V2S_FOA_CHANNELS, &s->down));
        V2S_TRY(v2s_resampler_open(s->rate_hz, rate_hz, V2S_FOA_CHANNELS, &s->up));
    }
    return v2s_refiner_stream_open(s->refiner, s->device, NULL, &s->stream);
}

// frames x 4 of residual at the network's rate, on to the rate of the geometric path.
static v2s_status take_residual(v2s_refiner_stage *s, const float *residual, size_t frames) {
    if (s->up == NULL)
        return v2s_fifo_push(&s->residual, residual, frames);
    while (frames > 0) {
        float *at = NULL;
        size_t used = 0, made = 0;
        V2S_TRY(v2s_fifo_reserve(&s->residual, BLOCK_FRAMES, &at));
        V2S_TRY(v2s_resampler_process(s->up, residual, frames, &used, at, BLOCK_FRAMES, &made));
        s->residual.count += made;
        residual += used * V2S_FOA_CHANNELS;
        frames -= used;
    }
    return V2S_OK;
}

static v2s_status pull_residual(v2s_refiner_stage *s) {
    int n;
    while ((n = v2s_refiner_stream_pull(s->stream, s->resampled, BLOCK_FRAMES)) > 0)
        V2S_TRY(take_residual(s, s->resampled, (size_t)n));
    return V2S_OK;
}

static v2s_status feed_network(v2s_refiner_stage *s, const float *foa, size_t frames) {
    V2S_TRY(v2s_refiner_stream_push(s->stream, foa, (int)frames));
    return pull_residual(s);
}

// frames x 4 at the rate of the geometric path, at most BLOCK_FRAMES.
static v2s_status feed(v2s_refiner_stage *s, const float *foa, size_t frames) {
    if (s->down == NULL)
        return feed_network(s, foa, frames);
    while (frames > 0) {
        size_t used = 0, made = 0;
        V2S_TRY(
            v2s_resampler_process(s->down, foa, frames, &used, s->resampled, BLOCK_FRAMES, &made));
        V2S_TRY(feed_network(s, s->resampled, made));
        foa += used * V2S_FOA_CHANNELS;
        frames -= used;
    }
    return V2S_OK;
}

// Geometric frames whose residual has come.
static v2s_status emit(v2s_refiner_stage *s, v2s_outputs *outputs) {
    size_t ready = s->geometric.count < s->residual.count ? s->geometric.count : s->residual.count;
    if (ready == 0)
        return V2S_OK;
    float amount = (float)s->settings->refiner_amount;
    float *ambi = v2s_fifo_front(&s->geometric);
    const float *residual = v2s_fifo_front(&s->residual);
    for (size_t i = 0; i < ready; i++)
        for (size_t c = 0; c < V2S_FOA_CHANNELS; c++)
            ambi[i * s->channels + c] += amount * residual[i * V2S_FOA_CHANNELS + c];
    V2S_TRY(v2s_outputs_write(outputs, ambi, ready));
    v2s_fifo_drop(&s->geometric, ready);
    v2s_fifo_drop(&s->residual, ready);
    return V2S_OK;
}

v2s_status v2s_refiner_stage_push(v2s_refiner_stage *s, const float *ambi, size_t frames,
                                  v2s_outputs *outputs) {
    V2S_TRY(v2s_fifo_push(&s->geometric, ambi, frames));
    while (frames > 0) {
        size_t n = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
        for (size_t i = 0; i < n; i++)
            memcpy(s->foa + i * V2S_FOA_CHANNELS, ambi + i * s->channels,
                   V2S_FOA_CHANNELS * sizeof(float));
        V2S_TRY(feed(s, s->foa, n));
        ambi += n * s->channels;
        frames -= n;
    }
    return emit(s, outputs);
}

v2s_status v2s_refiner_stage_finish(v2s_refiner_stage *s, v2s_outputs *outputs) {
    size_t made = 1;
    while (s->down != NULL && made > 0) {
        V2S_TRY(v2s_resampler_flush(s->down, s->resampled, BLOCK_FRAMES, &made));
        V2S_TRY(feed_network(s, s->resampled, made));
    }
    V2S_TRY(v2s_refiner_stream_finish(s->stream));
    V2S_TRY(pull_residual(s));
    for (made = 1; s->up != NULL && made > 0;) {
        float *at = NULL;
        V2S_TRY(v2s_fifo_reserve(&s->residual, BLOCK_FRAMES, &at));
        V2S_TRY(v2s_resampler_flush(s->up, at, BLOCK_FRAMES, &made));
        s->residual.count += made;
    }
    // Two conversions round the length: the last sample or two may have no residual.
    if (s->residual.count < s->geometric.count) {
        float *at = NULL;
        size_t missing = s->geometric.count - s->residual.count;
        V2S_TRY(v2s_fifo_reserve(&s->residual, missing, &at));
        memset(at, 0, missing * V2S_FOA_CHANNELS * sizeof *at);
        s->residual.count += missing;
    }
    return emit(s, outputs);
}

void v2s_refiner_stage_report(const v2s_refiner_stage *s, v2s_run_log *log) {
    v2s_refiner_stream_report report = v2s_refiner_stream_get_report(s->stream);
    v2s_run_log_row(log, "refiner",
                    "%s (%s, CRC-32 %08x), amount %.2f, at %.0f Hz, chunks overlap by %d samples",
                    s->settings->refiner, s->info.preset, (unsigned)s->info.crc32,
                    s->settings->refiner_amount, s->rate_hz, report.lookahead_frames);
    if (s->settings->verbose)
        v2s_run_log_row(log, "kernels", "%s", s->device->name);
    v2s_run_log_text(log, "refiner", s->settings->refiner);
    v2s_run_log_number(log, "refiner_rate_hz", s->rate_hz);
    v2s_run_log_number(log, "refiner_amount", s->settings->refiner_amount);
    v2s_run_log_number(log, "refiner_overlap", report.lookahead_frames);
    if (report.open_borders > 0)
        v2s_run_log_warn(log,
                         "%s: the backward direction remembers more than %d samples: %lld of %lld "
                         "chunk borders differ from the whole-file result by up to %.1e",
                         s->settings->refiner, report.lookahead_frames,
                         (long long)report.open_borders, (long long)report.chunks,
                         (double)report.border_error);
}

void v2s_refiner_stage_close(v2s_refiner_stage **stage) {
    v2s_refiner_stage *s = *stage;
    if (s == NULL)
        return;
    v2s_refiner_stream_close(&s->stream);
    v2s_resampler_close(&s->down);
    v2s_resampler_close(&s->up);
    v2s_fifo_free(&s->geometric);
    v2s_fifo_free(&s->residual);
    v2s_refiner_close(&s->refiner);
    v2s_device_close(&s->device);
    free(s);
    *stage = NULL;
}
