// SPDX-License-Identifier: MIT
#include "infer/band_stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/band_render.h"
#include "kernels/band_gains.h"
#include "kernels/band_split.h"
#include "kernels/fft.h"
#include "nn/refiner_runner.h"
#include "spatial/foa_transform.h"

enum { BANDS = V2S_BASIS_BANDS, OVERLAP = 4 /* windows over a sample */ };

#define STRETCH_S 12.0
#define FADE_S 4.0
#define DRY_DIFFUSENESS 0.075 // below it, a stretch is left to geometry

struct v2s_band_stream {
    v2s_band_stream_config config;
    v2s_condition condition;
    v2s_foa_transform transform; // of W
    v2s_band_renderer *renderer;
    v2s_refiner_runner *runner; // NULL: constant gains
    int stretch, fade;          // frames
    int inputs, outputs;
    bool finished;

    // Samples that frames still need: the first one is number w_first, a multiple of the hop.
    float *w;
    size_t w_count, w_room;
    int64_t w_first, pushed;

    // Frames `first` .. first + count - 1, analysed and not yet rendered.
    int64_t first;
    int count, room;
    float *spectra; // [history + room][2][stride]; number `first` is [history]
    float *energy;  // [room][BANDS]
    float *levels;  // [room][V2S_BASIS_LEVELS]
    float *gains;   // [room][outputs]; a sum of faded stretches
    int64_t next;   // where the next stretch begins

    float *x, *raw, *y; // [stretch][inputs], [stretch][outputs] as they come, and as gains
    v2s_foa_levels running;
    float *residual[V2S_FOA_CHANNELS]; // [out_room] each, from sample out_first on
    size_t out_room, out_taken;
    int64_t out_first, out_done; // samples before out_done are complete
};

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

static v2s_status open_parts(v2s_band_stream *s) {
    const v2s_foa_basis *b = s->config.basis;
    size_t room = (size_t)s->room, row = 2 * (size_t)b->stride;
    V2S_TRY(v2s_foa_levels_open(b, &s->running));
    V2S_TRY(v2s_foa_transform_open(b, &s->transform));
    V2S_TRY(v2s_band_renderer_open(b, s->config.device->threads, &s->renderer));
    if (s->config.network != NULL)
        V2S_TRY(v2s_refiner_runner_open(s->config.network, s->config.device, 1, s->stretch,
                                        &s->runner));
    s->out_room = (room + OVERLAP) * (size_t)b->hop;
    s->spectra = v2s_fft_alloc(((size_t)b->history + room) * row, sizeof(float));
    s->energy = malloc(room * BANDS * sizeof(float));
    s->levels = malloc(room * V2S_BASIS_LEVELS * sizeof(float));
    s->gains = calloc(room * (size_t)s->outputs, sizeof(float));
    s->x = malloc((size_t)s->stretch * (size_t)s->inputs * sizeof(float));
    s->y = malloc((size_t)s->stretch * (size_t)s->outputs * sizeof(float));
    s->raw = malloc((size_t)s->stretch * (size_t)s->outputs * sizeof(float));
    bool ok = true;
    for (int c = 0; c < V2S_FOA_CHANNELS; c++)
        ok = (s->residual[c] = calloc(s->out_room, sizeof(float))) != NULL && ok;
    if (s->spectra == NULL || s->energy == NULL || s->levels == NULL || s->gains == NULL ||
        s->x == NULL || s->y == NULL || s->raw == NULL || !ok)
        return no_memory();
    return V2S_OK;
}

v2s_status v2s_band_stream_open(const v2s_band_stream_config *config, v2s_band_stream **out) {
    const v2s_foa_basis *b = config->basis;
    v2s_band_stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return no_memory();
    double frames_per_s = b->rate_hz / b->hop;
    s->config = *config;
    if (config->condition != NULL) {
        s->condition = *config->condition;
        s->config.condition = &s->condition;
    }
    s->stretch = (int)lround(STRETCH_S * frames_per_s);
    s->fade = (int)lround(FADE_S * frames_per_s);
    s->room = s->stretch + s->fade;
    s->inputs = config->condition != NULL ? V2S_BAND_INPUTS_DRY : V2S_BAND_INPUTS_OMNI;
    s->outputs = BANDS * b->gains;
    v2s_status status = open_parts(s);
    if (status != V2S_OK) {
        v2s_band_stream_close(&s);
        return status;
    }
    *out = s;
    return V2S_OK;
}

void v2s_band_stream_close(v2s_band_stream **stream) {
    v2s_band_stream *s = *stream;
    if (s == NULL)
        return;
    v2s_foa_transform_close(&s->transform);
    v2s_band_renderer_close(&s->renderer);
    v2s_refiner_runner_close(&s->runner);
    free(s->w);
    v2s_fft_free(s->spectra);
    free(s->energy);
    free(s->levels);
    v2s_foa_levels_close(&s->running);
    free(s->gains);
    free(s->x);
    free(s->y);
    free(s->raw);
    for (int c = 0; c < V2S_FOA_CHANNELS; c++)
        free(s->residual[c]);
    free(s);
    *stream = NULL;
}

// ---- rendering --------------------------------------------------------------------------------

static float *spectrum_of(const v2s_band_stream *s, int at) {
    const v2s_foa_basis *b = s->config.basis;
    return s->spectra + (size_t)(b->history + at) * 2 * (size_t)b->stride;
}

// Forgets the frames before `at`, which have been rendered.
static void drop_frames(v2s_band_stream *s, int at) {
    size_t row = 2 * (size_t)s->config.basis->stride, left = (size_t)(s->count - at);
    size_t outputs = (size_t)s->outputs;
    size_t history = (size_t)s->config.basis->history;
    memmove(s->spectra, s->spectra + (size_t)at * row, (history + left) * row * sizeof(float));
    memmove(s->energy, s->energy + (size_t)at * BANDS, left * BANDS * sizeof(float));
    memmove(s->levels, s->levels + (size_t)at * V2S_BASIS_LEVELS,
            left * V2S_BASIS_LEVELS * sizeof(float));
    memmove(s->gains, s->gains + (size_t)at * outputs, left * outputs * sizeof(float));
    memset(s->gains + left * outputs, 0, (size_t)at * outputs * sizeof(float));
    s->first += at;
    s->count -= at;
}

// What was taken makes way, in whole hops, so that the frames' grid is kept.
static void drop_taken(v2s_band_stream *s) {
    size_t hop = (size_t)s->config.basis->hop, gone = s->out_taken / hop * hop;
    for (int c = 0; c < V2S_FOA_CHANNELS; c++) {
        memmove(s->residual[c], s->residual[c] + gone, (s->out_room - gone) * sizeof(float));
        memset(s->residual[c] + s->out_room - gone, 0, gone * sizeof(float));
    }
    s->out_first += (int64_t)gone;
    s->out_taken -= gone;
}

static v2s_status make_room(v2s_band_stream *s, int frames) {
    drop_taken(s);
    size_t needed = (size_t)(s->first - s->out_first / s->config.basis->hop + frames + OVERLAP) *
                    (size_t)s->config.basis->hop;
    if (needed <= s->out_room)
        return V2S_OK;
    for (int c = 0; c < V2S_FOA_CHANNELS; c++) {
        float *more = realloc(s->residual[c], needed * sizeof *more);
        if (more == NULL)
            return no_memory();
        memset(more + s->out_room, 0, (needed - s->out_room) * sizeof *more);
        s->residual[c] = more;
    }
    s->out_room = needed;
    return V2S_OK;
}

static v2s_status render(v2s_band_stream *s, int frames) {
    V2S_TRY(make_room(s, frames));
    const v2s_band_frames block = {.count = frames,
                                   .number = s->first,
                                   .spectra = s->spectra,
                                   .levels = s->levels,
                                   .gains = s->gains,
                                   .path = s->config.path};
    v2s_band_render(s->renderer, &block, s->out_first, s->residual, s->out_room);
    drop_frames(s, frames);
    // A sample is done when the last of the windows over it, two frames later, has been added.
    int64_t done = (s->first - 2) * s->config.basis->hop;
    bool all = s->finished && s->count == 0;
    s->out_done = all ? s->pushed : done;
    return V2S_OK;
}

// ---- stretches --------------------------------------------------------------------------------

// How diffuse the gains y of `length` frames from `from` on make the sound: 1 - mean |c|, weighted
// by energy.
static double diffuseness(const v2s_band_stream *s, int from, int length) {
    const v2s_foa_basis *b = s->config.basis;
    double all = 0, coherent = 0;
    size_t cursor = 0;
    for (int t = 0; t < length; t++) {
        double time_s = (double)(s->first + from + t) * b->hop / b->rate_hz;
        v2s_vec3 u = v2s_trajectory_at(s->config.path, time_s, &cursor).unit;
        const float *energy = s->energy + (size_t)(from + t) * BANDS;
        const float *gains = s->y + (size_t)t * (size_t)s->outputs;
        for (int i = 0; i < BANDS; i++) {
            v2s_vec3 c = v2s_band_split_of(gains + (size_t)i * b->gains, false, u).c;
            all += energy[i];
            coherent += energy[i] * v2s_norm(c);
        }
    }
    return all > 0 ? 1 - coherent / all : 0;
}

// Gains of the stretch of `length` frames that begins at s->next, faded in and out.
static v2s_status run_stretch(v2s_band_stream *s, int length, bool last) {
    const v2s_foa_basis *b = s->config.basis;
    int from = (int)(s->next - s->first);
    float *to = s->gains + (size_t)from * (size_t)s->outputs;
    const float *y = s->y;
    if (s->config.network != NULL) {
        double hop_s = b->hop / b->rate_hz;
        v2s_band_clock clock = {(double)s->next * hop_s, hop_s, b->bands.used};
        v2s_band_features(&clock, s->energy + (size_t)from * BANDS, length, s->config.path,
                          s->config.condition, s->x);
        if (s->config.neutral)
            v2s_band_features_neutral(length, s->config.condition != NULL, s->x);
        V2S_TRY(v2s_refiner_runner_forward(s->runner, 1, length, s->x, s->raw));
        v2s_band_gains(b->with_w, length, s->outputs, s->raw, s->y);
        if (!b->with_w && diffuseness(s, from, length) < DRY_DIFFUSENESS)
            memset(s->y, 0, (size_t)length * (size_t)s->outputs * sizeof *s->y);
    }
    for (int t = 0; t < length; t++, to += s->outputs) {
        float in = s->next == 0 ? 1 : (t + 0.5f) / (float)s->fade;
        float out = last ? 1 : (s->stretch - t - 0.5f) / (float)s->fade;
        float share = fminf(fminf(in, out), 1);
        if (s->config.network == NULL)
            y = s->config.constant;
        for (int i = 0; i < s->outputs; i++)
            to[i] += share * y[i];
        if (s->config.network != NULL)
            y += s->outputs;
    }
    return V2S_OK;
}

static void analyse(v2s_band_stream *s) {
    const v2s_foa_basis *b = s->config.basis;
    float *spectrum = spectrum_of(s, s->count);
    int64_t t = s->first + s->count - s->w_first / b->hop;
    v2s_foa_analyse(&s->transform, s->w, s->w_count, 1, 0, t, spectrum);
    v2s_foa_levels_next(&s->running, spectrum, s->energy + (size_t)s->count * BANDS,
                        s->levels + (size_t)s->count * V2S_BASIS_LEVELS);
    s->count++;
}

// Frames that can be analysed or, at the end, that there are.
static int64_t frames_known(const v2s_band_stream *s) {
    const v2s_foa_basis *b = s->config.basis;
    if (s->finished)
        return v2s_foa_basis_frames(b, (size_t)s->pushed);
    return s->pushed / b->hop - 1; // frame t ends with sample (t + 2) hop - 1
}

static v2s_status advance(v2s_band_stream *s) {
    for (;;) {
        int64_t known = frames_known(s);
        while (s->first + s->count < known && s->count < s->room)
            analyse(s);
        int64_t behind = s->first + s->count - s->next;
        bool last = s->finished && s->first + s->count == known && behind <= s->stretch;
        if (!last && behind <= s->stretch)
            return V2S_OK;
        V2S_TRY(run_stretch(s, last ? (int)behind : s->stretch, last));
        s->next += last ? behind : s->stretch - s->fade;
        V2S_TRY(render(s, (int)(s->next - s->first)));
        if (last)
            return V2S_OK;
    }
}

// Samples before the first frame that is still to be analysed are not needed any more.
static void drop_samples(v2s_band_stream *s) {
    int hop = s->config.basis->hop;
    int64_t needed = (s->first + s->count - 2) * hop;
    if (needed <= s->w_first)
        return;
    size_t gone = (size_t)(needed - s->w_first);
    gone = gone < s->w_count ? gone / (size_t)hop * (size_t)hop
                             : s->w_count / (size_t)hop * (size_t)hop;
    memmove(s->w, s->w + gone, (s->w_count - gone) * sizeof *s->w);
    s->w_count -= gone;
    s->w_first += (int64_t)gone;
}

v2s_status v2s_band_stream_push(v2s_band_stream *s, const float *w, size_t n) {
    if (s->finished)
        return V2S_FAIL(V2S_ARG, "v2s refiner: samples after the end");
    for (size_t i = 0; i < n; i++)
        if (!isfinite(w[i]))
            return V2S_FAIL(V2S_NUMERIC, "v2s refiner: sample %lld is not a finite number",
                            (long long)(s->pushed + (int64_t)i));
    if (s->w_count + n > s->w_room) {
        size_t room = 2 * (s->w_count + n);
        float *more = realloc(s->w, room * sizeof *more);
        if (more == NULL)
            return no_memory();
        s->w = more;
        s->w_room = room;
    }
    memcpy(s->w + s->w_count, w, n * sizeof *w);
    s->w_count += n;
    s->pushed += (int64_t)n;
    V2S_TRY(advance(s));
    drop_samples(s);
    return V2S_OK;
}

v2s_status v2s_band_stream_finish(v2s_band_stream *s) {
    if (s->finished)
        return V2S_FAIL(V2S_ARG, "v2s refiner: finished twice");
    s->finished = true;
    return s->pushed > 0 ? advance(s) : V2S_OK;
}

size_t v2s_band_stream_pull(v2s_band_stream *s, float *residual, size_t max) {
    int64_t ready = s->out_done - s->out_first - (int64_t)s->out_taken;
    size_t n = ready > 0 ? (size_t)ready : 0;
    n = n < max ? n : max;
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < V2S_FOA_CHANNELS; c++)
            residual[i * V2S_FOA_CHANNELS + (size_t)c] = s->residual[c][s->out_taken + i];
    s->out_taken += n;
    return n;
}
