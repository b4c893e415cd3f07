// SPDX-License-Identifier: MIT
#include "train/band_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/foa_tails.h"
#include "spatial/foa_transform.h"

enum { BANDS = V2S_BASIS_BANDS };

typedef struct analysis {
    const v2s_foa_basis *b;
    v2s_foa_transform transform;
    size_t samples;
    int frames;
    float *geometric; // [history + frames][2][stride] W of the geometric path
    float *truth;     // [4][2][stride]
    v2s_foa_levels running;
    float *levels;        // [frames][V2S_BASIS_LEVELS]
    float *spectrum;      // [2][stride]
    float *tails;         // [K][samples] of one channel, as they are heard
    v2s_band_stat *stats; // [frames][BANDS]
} analysis;

static v2s_status open_analysis(const v2s_foa_basis *b, size_t samples, int frames, analysis *a) {
    *a = (analysis){.b = b, .samples = samples, .frames = frames};
    size_t row = 2 * (size_t)b->stride, bands = (size_t)frames * BANDS;
    V2S_TRY(v2s_foa_transform_open(b, &a->transform));
    V2S_TRY(v2s_foa_levels_open(b, &a->running));
    a->geometric = v2s_fft_alloc((size_t)(b->history + frames) * row, sizeof(float));
    a->truth = v2s_fft_alloc(4 * row, sizeof(float));
    a->levels = malloc((size_t)frames * V2S_BASIS_LEVELS * sizeof *a->levels);
    a->spectrum = v2s_fft_alloc(row, sizeof *a->spectrum);
    a->tails = malloc((size_t)b->segments * samples * sizeof *a->tails);
    a->stats = calloc(bands, sizeof *a->stats);
    if (a->geometric == NULL || a->truth == NULL || a->levels == NULL || a->spectrum == NULL ||
        a->tails == NULL || a->stats == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return V2S_OK;
}

static void close_analysis(analysis *a) {
    v2s_foa_transform_close(&a->transform);
    v2s_fft_free(a->geometric);
    v2s_fft_free(a->truth);
    free(a->levels);
    v2s_fft_free(a->spectrum);
    v2s_foa_levels_close(&a->running);
    free(a->tails);
    free(a->stats);
}

static const float *frame_of_w(const analysis *a, int t) {
    return a->geometric + (size_t)(a->b->history + t) * 2 * (size_t)a->b->stride;
}

// stats[].field = Re<x* y> per band.
#define STORE(field, x, y)                                                                         \
    do {                                                                                           \
        b->ops->collect(&b->bands, (x), (y), b->stride, band);                                     \
        for (int i = 0; i < BANDS; i++)                                                            \
            stats[i].field = band[i];                                                              \
    } while (0)

static void sums_of_frame(const analysis *a, const float *g, v2s_band_stat *stats) {
    const v2s_foa_basis *b = a->b;
    size_t row = 2 * (size_t)b->stride;
    float band[BANDS];
    const float *w = a->truth, *y = w + row, *z = y + row, *x = z + row;
    STORE(g, g, g);
    STORE(t, w, w);
    STORE(gt, g, w);
    STORE(ix, w, x);
    STORE(iy, w, y);
    STORE(iz, w, z);
    STORE(px, g, x);
    STORE(py, g, y);
    STORE(pz, g, z);
    STORE(ez, z, z);
    STORE(e, x, x);
    b->ops->collect(&b->bands, y, y, b->stride, band);
    for (int i = 0; i < BANDS; i++)
        stats[i].e += band[i] + stats[i].ez;
}

static void both_paths(analysis *a, const v2s_pair *pair) {
    const v2s_foa_basis *b = a->b;
    size_t row = 2 * (size_t)b->stride;
    float energy[BANDS];
    for (int t = 0; t < a->frames; t++) {
        float *w = a->geometric + (size_t)(b->history + t) * row;
        v2s_foa_analyse(&a->transform, pair->geometric, a->samples, 4, 0, t, w);
        for (int c = 0; c < 4; c++)
            v2s_foa_analyse(&a->transform, pair->truth, a->samples, 4, c, t,
                            a->truth + (size_t)c * row);
        v2s_foa_levels_next(&a->running, w, energy, a->levels + (size_t)t * V2S_BASIS_LEVELS);
        sums_of_frame(a, w, a->stats + (size_t)t * BANDS);
    }
}

// Frames of tails lose energy when they overlap to a sound, how much depends on the sound: so the
// tails are made to sound, and that is analysed again.
static v2s_status tails_of_channel(analysis *a, int channel) {
    const v2s_foa_basis *b = a->b;
    v2s_foa_tails tails;
    V2S_TRY(v2s_foa_tails_open(b, channel, &tails));
    memset(a->tails, 0, (size_t)b->segments * a->samples * sizeof *a->tails);
    for (int t = 0; t < a->frames; t++) {
        v2s_foa_tails_next(&tails, frame_of_w(a, t), a->levels + (size_t)t * V2S_BASIS_LEVELS);
        for (int k = 0; k < b->segments; k++) {
            v2s_foa_tails_get(&tails, k, a->spectrum);
            v2s_foa_synthesise(&a->transform, a->spectrum, t, a->tails + (size_t)k * a->samples,
                               a->samples, 1, 0);
        }
    }
    for (int t = 0; t < a->frames; t++)
        for (int k = 0; k < b->segments; k++) {
            float *heard = a->spectrum, energy[BANDS];
            v2s_foa_analyse(&a->transform, a->tails + (size_t)k * a->samples, a->samples, 1, 0, t,
                            heard);
            b->ops->collect(&b->bands, heard, heard, b->stride, energy);
            v2s_band_stat *stats = a->stats + (size_t)t * BANDS;
            for (int i = 0; i < BANDS; i++)
                *(channel == V2S_ACN_W ? &stats[i].w_tail[k] : &stats[i].tail[k]) += energy[i];
        }
    v2s_foa_tails_close(&tails);
    return V2S_OK;
}

static bool all_finite(const v2s_band_stat *stats) {
    for (int i = 0; i < BANDS; i++)
        if (!isfinite(stats[i].g + stats[i].t + stats[i].e))
            return false;
    return true;
}

enum { SHARED_SUMS = V2S_BAND_SUMS, WITH_W_SUMS = V2S_BAND_SUMS_WITH_W };

v2s_band_layout v2s_band_clip_layout(const v2s_band_clip *clip) {
    return (v2s_band_layout){clip->with_w, clip->segments};
}

v2s_status v2s_band_clip_alloc(v2s_band_clip *clip) {
    clip->stride = v2s_band_layout_sums(v2s_band_clip_layout(clip));
    size_t count = (size_t)clip->frames * BANDS * (size_t)clip->stride;
    clip->stats = calloc(count > 0 ? count : 1, sizeof *clip->stats);
    return clip->stats != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

v2s_band_stat v2s_band_clip_get(const v2s_band_clip *clip, size_t at) {
    const float *f = clip->stats + at * (size_t)clip->stride;
    v2s_band_stat s = {.t = f[0], .ix = f[1], .iy = f[2], .iz = f[3], .e = f[4], .ez = f[5]};
    size_t tails = (size_t)clip->segments * sizeof *f;
    if (!clip->with_w) {
        s.g = s.gt = s.t;
        s.px = s.ix, s.py = s.iy, s.pz = s.iz;
        memcpy(s.tail, f + SHARED_SUMS, tails);
        return s;
    }
    s.g = f[6], s.gt = f[7], s.px = f[8], s.py = f[9], s.pz = f[10];
    memcpy(s.tail, f + WITH_W_SUMS, tails);
    memcpy(s.w_tail, f + WITH_W_SUMS + clip->segments, tails);
    return s;
}

void v2s_band_clip_set(v2s_band_clip *clip, size_t at, const v2s_band_stat *s) {
    float *f = clip->stats + at * (size_t)clip->stride;
    const float shared[SHARED_SUMS] = {s->t, s->ix, s->iy, s->iz, s->e, s->ez};
    const float own[WITH_W_SUMS - SHARED_SUMS] = {s->g, s->gt, s->px, s->py, s->pz};
    size_t tails = (size_t)clip->segments * sizeof *f;
    memcpy(f, shared, sizeof shared);
    if (clip->with_w)
        memcpy(f + SHARED_SUMS, own, sizeof own);
    memcpy(f + (clip->with_w ? WITH_W_SUMS : SHARED_SUMS), s->tail, tails);
    if (clip->with_w)
        memcpy(f + WITH_W_SUMS + clip->segments, s->w_tail, tails);
}

static v2s_status take_sums(analysis *a, const v2s_pair *pair, v2s_band_clip *clip) {
    both_paths(a, pair);
    for (int c = a->b->with_w ? 0 : 1; c < V2S_FOA_CHANNELS; c++)
        V2S_TRY(tails_of_channel(a, c));
    V2S_TRY(v2s_band_clip_alloc(clip));
    for (int t = 0; t < clip->frames; t++) {
        const v2s_band_stat *stats = a->stats + (size_t)t * BANDS;
        if (!all_finite(stats))
            return V2S_FAIL(V2S_NUMERIC, "energy of frame %d is not a finite number", t);
        for (int i = 0; i < BANDS; i++)
            v2s_band_clip_set(clip, (size_t)t * BANDS + (size_t)i, &stats[i]);
    }
    return V2S_OK;
}

static v2s_status copy_path(const v2s_trajectory *from, v2s_trajectory *to) {
    *to = *from;
    to->points = malloc(from->count * sizeof *to->points);
    if (to->points == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(to->points, from->points, from->count * sizeof *to->points);
    return V2S_OK;
}

v2s_status v2s_band_clip_make(const v2s_foa_basis *b, const v2s_clip *clip, const v2s_pair *pair,
                              v2s_band_clip *out) {
    v2s_band_clip made = {.frames = v2s_foa_basis_frames(b, pair->frames),
                          .hop_s = b->hop / b->rate_hz,
                          .segments = b->segments,
                          .used = b->bands.used,
                          .with_w = b->with_w};
    analysis a;
    v2s_status status = copy_path(&pair->path, &made.path);
    if (status != V2S_OK)
        return status;
    made.condition = v2s_condition_of(clip, made.path.points[0].distance_m);
    status = open_analysis(b, pair->frames, made.frames, &a);
    if (status == V2S_OK)
        status = take_sums(&a, pair, &made);
    close_analysis(&a);
    if (status != V2S_OK) {
        v2s_band_clip_free(&made);
        return status;
    }
    *out = made;
    return V2S_OK;
}

void v2s_band_clip_free(v2s_band_clip *clip) {
    free(clip->stats);
    v2s_trajectory_free(&clip->path);
    *clip = (v2s_band_clip){0};
}
