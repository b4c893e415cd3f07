// SPDX-License-Identifier: MIT
#include "train/band_loss.h"

#include <stdlib.h>
#include <string.h>

const char *const v2s_band_term_names[V2S_BAND_TERMS] = {
    "diffuseness",   "diffuseness_block", "level",          "level_block", "w_level",
    "w_level_block", "direction",         "direction_band", "coherent",    "spectrum"};

v2s_loss_band_config v2s_band_loss_defaults(bool with_w) {
    v2s_loss_band_config c = {.emphasis = 0.8};
    c.weight[V2S_BAND_DIFFUSENESS] = 2;
    c.weight[V2S_BAND_DIFFUSENESS_BLOCK] = 1;
    c.weight[V2S_BAND_LEVEL] = 8;
    c.weight[V2S_BAND_LEVEL_BLOCK] = 2;
    c.weight[V2S_BAND_W_LEVEL] = with_w ? 2 : 0;
    c.weight[V2S_BAND_W_LEVEL_BLOCK] = with_w ? 1 : 0;
    c.weight[V2S_BAND_DIRECTION] = 4;
    c.weight[V2S_BAND_DIRECTION_BAND] = 1;
    c.weight[V2S_BAND_COHERENT] = 1;
    c.weight[V2S_BAND_SPECTRUM] = 0.2;
    return c;
}

// Of the source in frames first .. first + frames - 1.
static void find_directions(const v2s_band_clip *clip, int first, int frames,
                            v2s_vec3 *directions) {
    size_t cursor = 0;
    for (int t = 0; t < frames; t++)
        directions[t] = v2s_trajectory_at(&clip->path, (first + t) * clip->hop_s, &cursor).unit;
}

static const float *sums_from(const v2s_band_clip *clip, int first) {
    return clip->stats + (size_t)first * V2S_BASIS_BANDS * (size_t)clip->stride;
}

void v2s_band_clip_row(const v2s_band_clip *clip, int first, int frames, void *row) {
    V2S_ASSERT(first >= 0 && first + frames <= clip->frames);
    size_t sums = (size_t)frames * V2S_BASIS_BANDS * (size_t)clip->stride;
    *(v2s_band_row_head *)row = (v2s_band_row_head){.used = clip->used};
    find_directions(clip, first, frames, v2s_band_row_directions(row));
    memcpy(v2s_band_row_sums(row, frames), sums_from(clip, first), sums * sizeof(float));
}

v2s_status v2s_band_loss_open(int frames, v2s_band_loss *out) {
    v2s_band_loss l = {.frames = frames};
    l.work = aligned_alloc(64, (v2s_loss_band_row_work(frames) + 64) / 64 * 64);
    l.directions = malloc(((size_t)frames + 1) * sizeof *l.directions);
    if (l.work == NULL || l.directions == NULL) {
        v2s_band_loss_close(&l);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    *out = l;
    return V2S_OK;
}

void v2s_band_loss_close(v2s_band_loss *l) {
    free(l->work);
    free(l->directions);
    *l = (v2s_band_loss){0};
}

double v2s_band_loss_row(v2s_band_loss *l, const v2s_loss_band_config *config,
                         const v2s_band_clip *clip, int first, int frames, const float *gains,
                         double scale, float *dgains, double *terms) {
    V2S_ASSERT(frames <= l->frames && first >= 0 && first + frames <= clip->frames);
    v2s_loss_band_row_args a = {.config = config,
                                .layout = v2s_band_clip_layout(clip),
                                .row = {clip->used, l->directions, sums_from(clip, first)},
                                .T = frames,
                                .gains = gains,
                                .scale = scale,
                                .dgains = dgains,
                                .terms = terms,
                                .work = l->work};
    find_directions(clip, first, frames, l->directions);
    return v2s_loss_band_row(&a);
}
