// SPDX-License-Identifier: MIT
// What the `v2s` objective needs to know of a clip: sums over the bins of each band, per frame of
// the basis. Once they are taken the sound itself is not needed any more; the loss
// (kernels/loss_band.h) is a function of these sums and of the gains.
//
// All are invariant to a turn of the scene about the vertical together with its source.
#ifndef V2S_TRAIN_BAND_STATS_H
#define V2S_TRAIN_BAND_STATS_H

#include "data/pair.h"
#include "infer/band_features.h"

// Sums of one band and frame; g: geometric path, t: truth, X: its dipoles (Y,Z,X).
typedef struct v2s_band_stat {
    float g;                              // |W_g|^2
    float t;                              // |W_t|^2
    float gt;                             // Re<W_g* W_t>
    float ix, iy, iz;                     // Re<W_t* (X,Y,Z)>: the truth's intensity
    float px, py, pz;                     // Re<W_g* (X,Y,Z)>
    float e;                              // |X|^2 of the three dipoles
    float ez;                             // |Z|^2
    float tail[V2S_BASIS_SEGMENTS_MAX];   // |D_k|^2 of the three dipoles, as they are heard
    float w_tail[V2S_BASIS_SEGMENTS_MAX]; // |D_k[W]|^2, the same
} v2s_band_stat;

// A clip keeps only those sums that can differ: without with_w the geometric path's W is the
// truth's.
typedef struct v2s_band_clip {
    int frames, segments;
    int used; // bands below half the rate
    double hop_s;
    bool with_w;
    int stride;          // floats of a band and frame
    float *stats;        // [frames][V2S_BASIS_BANDS][stride], as kernels/band_layout.h has them
    v2s_trajectory path; // owned
    v2s_condition condition;
} v2s_band_clip;

// How many sums and gains a band of it has.
v2s_band_layout v2s_band_clip_layout(const v2s_band_clip *clip);

// Sums of band and frame number `at` = frame * V2S_BASIS_BANDS + band.
v2s_band_stat v2s_band_clip_get(const v2s_band_clip *clip, size_t at);
void v2s_band_clip_set(v2s_band_clip *clip, size_t at, const v2s_band_stat *stat);

// Memory of a clip whose frames, segments and with_w are set: all sums 0.
V2S_MUST_USE v2s_status v2s_band_clip_alloc(v2s_band_clip *clip);

// NUMERIC: a sum is not finite.
V2S_MUST_USE v2s_status v2s_band_clip_make(const v2s_foa_basis *b, const v2s_clip *clip,
                                           const v2s_pair *pair, v2s_band_clip *out);
void v2s_band_clip_free(v2s_band_clip *clip);

#endif
