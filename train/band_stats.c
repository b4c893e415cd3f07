// SPDX-License-Identifier: MIT
#include "train/band_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/foa_transform.h"

enum { BANDS = V2S_BASIS_BANDS };

typedef struct analysis {
    const v2s_foa_basis *b;
    v2s_foa_transform transform;
    v2s_foa_basis_state state;
    float *geometric; // [2][stride] W of the geometric path
    float *truth;     // [4][2][stride]
    float *product;   // [stride]
} analysis;

static v2s_status open_analysis(const v2s_foa_basis *b, analysis *a) {
    *a = (analysis){.b = b};
    size_t row = (size_t)b->stride;
    V2S_TRY(v2s_foa_transform_open(b, &a->transform));
    V2S_TRY(v2s_foa_basis_state_open(b, &a->state));
    a->geometric = v2s_fft_alloc(2 * row, sizeof(float));
    a->truth = v2s_fft_alloc(8 * row, sizeof(float));
    a->product = v2s_fft_alloc(row, sizeof(float));
    if (a->geometric == NULL || a->truth == NULL || a->product == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return V2S_OK;
}

static void close_analysis(analysis *a) {
    v2s_foa_transform_close(&a->transform);
    v2s_foa_basis_state_close(&a->state);
    v2s_fft_free(a->geometric);
    v2s_fft_free(a->truth);
    v2s_fft_free(a->product);
}

// Re<x* y> per band.
static void correlate(analysis *a, const float *x, const float *y, float band[BANDS]) {
    size_t row = (size_t)a->b->stride;
    for (int i = 0; i < a->b->bins; i++)
        a->product[i] = x[i] * y[i] + x[row + i] * y[row + i];
    v2s_erb_bands_collect(&a->b->bands, a->product, band);
}

#define STORE(field, x, y)                                                                         \
    do {                                                                                           \
        correlate(a, (x), (y), band);                                                              \
        for (int i = 0; i < BANDS; i++)                                                            \
            stats[i].field = band[i];                                                              \
    } while (0)

static void sums_of_frame(analysis *a, v2s_band_stat *stats) {
    size_t row = 2 * (size_t)a->b->stride;
    float band[BANDS];
    const float *w = a->truth, *y = a->truth + row, *z = a->truth + 2 * row, *x = y + 2 * row;
    STORE(g, a->geometric, a->geometric);
    STORE(t, w, w);
    STORE(gt, a->geometric, w);
    STORE(ix, w, x);
    STORE(iy, w, y);
    STORE(iz, w, z);
    STORE(px, a->geometric, x);
    STORE(py, a->geometric, y);
    STORE(pz, a->geometric, z);
    STORE(ez, z, z);
    STORE(e, x, x);
    correlate(a, y, y, band);
    for (int i = 0; i < BANDS; i++)
        stats[i].e += band[i] + stats[i].ez;
}

static void tails_of_frame(analysis *a, v2s_band_stat *stats) {
    float tail[V2S_BASIS_SEGMENTS_MAX * BANDS], w_tail[V2S_BASIS_SEGMENTS_MAX * BANDS];
    bool with_w = a->b->channels == 4;
    v2s_foa_basis_tail_energy(&a->state, tail, with_w ? w_tail : NULL);
    for (int k = 0; k < a->b->segments; k++)
        for (int i = 0; i < BANDS; i++) {
            stats[i].tail[k] = tail[k * BANDS + i];
            stats[i].w_tail[k] = with_w ? w_tail[k * BANDS + i] : 0;
        }
}

static bool all_finite(const v2s_band_stat *stats) {
    for (int i = 0; i < BANDS; i++)
        if (!isfinite(stats[i].g + stats[i].t + stats[i].e))
            return false;
    return true;
}

static v2s_status take_frames(analysis *a, const v2s_pair *pair, v2s_band_clip *clip) {
    size_t row = 2 * (size_t)a->b->stride;
    for (int t = 0; t < clip->frames; t++) {
        v2s_band_stat *stats = clip->stats + (size_t)t * BANDS;
        v2s_foa_analyse(&a->transform, pair->geometric, pair->frames, 4, 0, t, a->geometric);
        for (int c = 0; c < 4; c++)
            v2s_foa_analyse(&a->transform, pair->truth, pair->frames, 4, c, t,
                            a->truth + (size_t)c * row);
        v2s_foa_basis_push(&a->state, a->geometric);
        sums_of_frame(a, stats);
        tails_of_frame(a, stats);
        if (!all_finite(stats))
            return V2S_FAIL(V2S_NUMERIC, "energy of frame %d is not a finite number", t);
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
                          .with_w = b->channels == 4};
    analysis a;
    v2s_status status = copy_path(&pair->path, &made.path);
    if (status != V2S_OK)
        return status;
    made.condition = v2s_condition_of(clip, made.path.points[0].distance_m);
    made.stats = calloc((size_t)made.frames * BANDS, sizeof *made.stats);
    status = open_analysis(b, &a);
    if (status == V2S_OK && made.stats == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = take_frames(&a, pair, &made);
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
