// SPDX-License-Identifier: MIT
// The loss of kernels/loss_band.h on the clips that the `v2s` objective keeps: weights, names, and
// rows of a clip.
#ifndef V2S_TRAIN_BAND_LOSS_H
#define V2S_TRAIN_BAND_LOSS_H

#include "kernels/loss_band.h"
#include "train/band_stats.h"

extern const char *const v2s_band_term_names[V2S_BAND_TERMS];

v2s_loss_band_config v2s_band_loss_defaults(bool with_w);

// Frames first .. first + frames - 1 of a clip as a row that travels to a device
// (v2s_band_row_bytes of its layout).
void v2s_band_clip_row(const v2s_band_clip *clip, int first, int frames, void *row);

// Work space of a row of up to `frames` frames; one thread at a time.
typedef struct v2s_band_loss {
    int frames;
    void *work;
    v2s_vec3 *directions; // [frames]
} v2s_band_loss;

V2S_MUST_USE v2s_status v2s_band_loss_open(int frames, v2s_band_loss *out);
void v2s_band_loss_close(v2s_band_loss *l);

// Loss of frames first .. first + frames - 1 of a clip with gains [frames][BANDS][gains of the
// pairing], and its gradient times `scale` into dgains (overwritten; NULL: not wanted). terms
// [V2S_BAND_TERMS] (may be NULL): the terms without their weights.
double v2s_band_loss_row(v2s_band_loss *l, const v2s_loss_band_config *config,
                         const v2s_band_clip *clip, int first, int frames, const float *gains,
                         double scale, float *dgains, double *terms);

#endif
