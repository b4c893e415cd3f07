// SPDX-License-Identifier: MIT
#include "infer/band_render.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/fft.h"
#include "spatial/foa_transform.h"

enum { BANDS = V2S_BASIS_BANDS, GROUP = 8, GROUPS = 8, BLOCK = GROUP * GROUPS };

struct v2s_band_renderer {
    const v2s_foa_basis *basis;
    int threads, first_channel, channels;
    size_t tails_of_frame, bands_of_frame; // floats
    float *tails;                          // [BLOCK][channels][K][2][stride]
    float *even;                           // [BLOCK][channels][K][BANDS]: energies, then gains
    float *own;                            // [channels][K][BANDS]
    v2s_vec3 direction[BLOCK];
    size_t cursor;                       // on the path
    v2s_foa_transform transform[GROUPS]; // one per group, for its thread
    float *spectrum;                     // [GROUPS][2][stride]
    size_t patch_samples;                // of a group
    float *patch;                        // [GROUPS][channels][patch_samples]
};

static v2s_status open_parts(v2s_band_renderer *r) {
    const v2s_foa_basis *b = r->basis;
    size_t row = 2 * (size_t)b->stride, tails = (size_t)r->channels * (size_t)b->segments;
    r->tails_of_frame = tails * row;
    r->bands_of_frame = tails * BANDS;
    r->patch_samples = (GROUP + 3) * (size_t)b->hop;
    r->tails = v2s_fft_alloc(BLOCK * r->tails_of_frame, sizeof *r->tails);
    r->even = v2s_fft_alloc(BLOCK * r->bands_of_frame, sizeof *r->even);
    r->own = v2s_fft_alloc(r->bands_of_frame, sizeof *r->own);
    r->spectrum = v2s_fft_alloc(GROUPS * row, sizeof *r->spectrum);
    r->patch = v2s_fft_alloc(GROUPS * (size_t)r->channels * r->patch_samples, sizeof *r->patch);
    if (r->tails == NULL || r->even == NULL || r->own == NULL || r->spectrum == NULL ||
        r->patch == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int g = 0; g < GROUPS; g++)
        V2S_TRY(v2s_foa_transform_open(b, &r->transform[g]));
    return V2S_OK;
}

v2s_status v2s_band_renderer_open(const v2s_foa_basis *basis, int threads,
                                  v2s_band_renderer **out) {
    v2s_band_renderer *r = calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->basis = basis;
    r->threads = threads;
    r->first_channel = basis->with_w ? 0 : 1;
    r->channels = V2S_FOA_CHANNELS - r->first_channel;
    v2s_status status = open_parts(r);
    if (status != V2S_OK) {
        v2s_band_renderer_close(&r);
        return status;
    }
    *out = r;
    return V2S_OK;
}

void v2s_band_renderer_close(v2s_band_renderer **renderer) {
    v2s_band_renderer *r = *renderer;
    if (r == NULL)
        return;
    for (int g = 0; g < GROUPS; g++)
        v2s_foa_transform_close(&r->transform[g]);
    v2s_fft_free(r->tails);
    v2s_fft_free(r->even);
    v2s_fft_free(r->own);
    v2s_fft_free(r->spectrum);
    v2s_fft_free(r->patch);
    free(r);
    *renderer = NULL;
}

// Frames first .. first + count - 1 of a call.
typedef struct block {
    v2s_band_renderer *r;
    const v2s_band_frames *frames;
    int first, count;
} block;

static const float *w_of(const block *k, int i) {
    const v2s_foa_basis *b = k->r->basis;
    return k->frames->spectra + (size_t)(b->history + k->first + i) * 2 * (size_t)b->stride;
}

static const float *levels_of(const block *k, int i) {
    return k->frames->levels + (size_t)(k->first + i) * V2S_BASIS_LEVELS;
}

static int group_end(const block *k, int g) {
    return (g + 1) * GROUP < k->count ? (g + 1) * GROUP : k->count;
}

static void smear_group(void *ctx, int g, int parts) {
    (void)parts;
    const block *k = ctx;
    v2s_band_renderer *r = k->r;
    for (int i = g * GROUP; i < group_end(k, g); i++)
        v2s_foa_smear(r->basis, r->first_channel, V2S_FOA_CHANNELS, w_of(k, i), levels_of(k, i),
                      r->tails + (size_t)i * r->tails_of_frame,
                      r->even + (size_t)i * r->bands_of_frame);
}

static void even_out(const block *k) {
    v2s_band_renderer *r = k->r;
    size_t bands = (size_t)r->basis->segments * BANDS;
    for (int i = 0; i < k->count; i++)
        for (int c = 0; c < r->channels; c++) {
            float *even = r->even + (size_t)i * r->bands_of_frame + (size_t)c * bands;
            v2s_foa_even_out(r->basis, r->first_channel + c, even, levels_of(k, i),
                             r->own + (size_t)c * bands, even);
        }
}

static void point_at(const block *k) {
    v2s_band_renderer *r = k->r;
    for (int i = 0; i < k->count; i++) {
        double frame = (double)(k->frames->number + k->first + i);
        double time_s = frame * r->basis->hop / r->basis->rate_hz;
        r->direction[i] = v2s_trajectory_at(k->frames->path, time_s, &r->cursor).unit;
    }
}

static void render_group(void *ctx, int g, int parts) {
    (void)parts;
    const block *k = ctx;
    v2s_band_renderer *r = k->r;
    const v2s_foa_basis *b = r->basis;
    size_t row = 2 * (size_t)b->stride;
    size_t gains_of_frame = (size_t)BANDS * (size_t)b->gains, segments = (size_t)b->segments;
    float *spectrum = r->spectrum + (size_t)g * row;
    for (int c = 0; c < r->channels; c++) {
        float *patch = r->patch + (size_t)(g * r->channels + c) * r->patch_samples;
        memset(patch, 0, r->patch_samples * sizeof *patch);
        for (int i = g * GROUP; i < group_end(k, g); i++) {
            const float *gains = k->frames->gains + (size_t)(k->first + i) * gains_of_frame;
            const float *tails = r->tails + (size_t)i * r->tails_of_frame;
            const float *even = r->even + (size_t)i * r->bands_of_frame;
            v2s_foa_residual(b, r->first_channel + c, w_of(k, i),
                             tails + (size_t)c * segments * row,
                             even + (size_t)c * segments * BANDS, r->direction[i], gains, spectrum);
            v2s_foa_synthesise(&r->transform[g], spectrum, i - g * GROUP + 2, patch,
                               r->patch_samples, 1, 0);
        }
    }
}

// Adds a group's patch, which begins two hops before the middle of its first frame.
static void add_patch(const block *k, int g, int64_t first_sample, float *const residual[],
                      size_t room) {
    const v2s_band_renderer *r = k->r;
    int64_t frame = k->frames->number + k->first + g * GROUP;
    int64_t at = (frame - 2) * r->basis->hop - first_sample;
    int64_t begin = at < 0 ? -at : 0, end = (int64_t)room - at;
    end = end < (int64_t)r->patch_samples ? end : (int64_t)r->patch_samples;
    for (int c = 0; c < r->channels; c++) {
        const float *patch = r->patch + (size_t)(g * r->channels + c) * r->patch_samples;
        float *to = residual[r->first_channel + c];
        for (int64_t i = begin; i < end; i++)
            to[at + i] += patch[i];
    }
}

void v2s_band_render(v2s_band_renderer *r, const v2s_band_frames *frames, int64_t first_sample,
                     float *const residual[V2S_FOA_CHANNELS], size_t room) {
    for (int first = 0; first < frames->count; first += BLOCK) {
        int count = frames->count - first < BLOCK ? frames->count - first : BLOCK;
        int groups = (count + GROUP - 1) / GROUP;
        block k = {r, frames, first, count};
        v2s_parallel(r->threads, groups, smear_group, &k);
        even_out(&k);
        point_at(&k);
        v2s_parallel(r->threads, groups, render_group, &k);
        for (int g = 0; g < groups; g++)
            add_patch(&k, g, first_sample, residual, room);
    }
}
