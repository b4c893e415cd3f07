// SPDX-License-Identifier: MIT
// The loss of the `v2s` presets: the spatial statistics that the gains would give, against those
// of the truth. Waveforms are not compared: reverberation cannot be known from W sample by sample,
// and a waveform loss only teaches the dipoles to be quiet.
//
// With the sums of train/band_stats.h and the gains of spatial/foa_basis.h, per frame and band:
//
//   c, r as in foa_basis.h,  m = 1 + e
//   W'   = m^2 g + sum f_k^2 w_tail_k       expected |W|^2 of the result
//   I'   = m c g                            expected intensity
//   X'   = |c|^2 g + r^2 sum g_k^2 tail_k   expected energy of the dipoles
//   Z'   = c_z^2 g + r^2 sum g_k^2 tail_k / 3
//
// summed over blocks of V2S_BAND_BLOCK frames and over the row. Terms, each with a weight; w is
// the truth's |W|^2 to the power `emphasis`, normalised to sum 1; |x| is sqrt(x^2 + s^2) - s:
//
//   diffuseness  mean of w |psi' - psi|, psi = 1 - 2 |I| / (E_W + E_X), over the row's bands
//   diffuseness_block                 the same over blocks and bands
//   level        w |log10 E_X' / E_X|, over the row's bands         level_block: over blocks
//   w_level, w_level_block            the same of E_W (pairing `dry`; 0 otherwise)
//   direction    angle between the intensities summed over the row and its bands, rad
//   direction_band  w (1 - cos of the angle) per band of the row
//   coherent     w ||X - c W_g||^2 / (E_X + E_W) over blocks: what W can explain of the dipoles
//   spectrum     mean over frames and bands of |log10| of Z' and of X' - Z', 2 : 1 for the
//                horizontal pair, floor 60 dB below the truth's mean |W|^2 (what `lsd` looks at)
//
// Everything is computed in double; gains and gradients are floats.
#ifndef V2S_TRAIN_BAND_LOSS_H
#define V2S_TRAIN_BAND_LOSS_H

#include "train/band_stats.h"

enum { V2S_BAND_BLOCK = 8 };

typedef enum v2s_band_term {
    V2S_BAND_DIFFUSENESS,
    V2S_BAND_DIFFUSENESS_BLOCK,
    V2S_BAND_LEVEL,
    V2S_BAND_LEVEL_BLOCK,
    V2S_BAND_W_LEVEL,
    V2S_BAND_W_LEVEL_BLOCK,
    V2S_BAND_DIRECTION,
    V2S_BAND_DIRECTION_BAND,
    V2S_BAND_COHERENT,
    V2S_BAND_SPECTRUM,
    V2S_BAND_TERMS
} v2s_band_term;

extern const char *const v2s_band_term_names[V2S_BAND_TERMS];

typedef struct v2s_band_loss_config {
    double weight[V2S_BAND_TERMS];
    double emphasis; // of loud bands and blocks: 1 as the metrics do, 0.5 evens out
} v2s_band_loss_config;

v2s_band_loss_config v2s_band_loss_defaults(bool with_w);

// Work space of a row of up to `frames` frames; one thread at a time.
typedef struct v2s_band_loss {
    int frames;
    struct v2s_band_sum *blocks; // [frames / V2S_BAND_BLOCK + 1][V2S_BASIS_BANDS]
    v2s_vec3 *direction;         // [frames]
} v2s_band_loss;

V2S_MUST_USE v2s_status v2s_band_loss_open(int frames, v2s_band_loss *out);
void v2s_band_loss_close(v2s_band_loss *l);

// Loss of frames first .. first + frames - 1 of a clip with gains [frames][BANDS][gains of the
// pairing], and its gradient times `scale` into dgains (overwritten; NULL: not wanted). terms
// [V2S_BAND_TERMS] (may be NULL): the terms without their weights.
double v2s_band_loss_row(v2s_band_loss *l, const v2s_band_loss_config *config,
                         const v2s_band_clip *clip, int first, int frames, const float *gains,
                         double scale, float *dgains, double *terms);

#endif
