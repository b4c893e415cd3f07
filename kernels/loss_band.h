// SPDX-License-Identifier: MIT
// The loss of the `v2s` presets: the spatial statistics that the gains would give, against those
// of the truth. Waveforms are not compared: reverberation cannot be known from W sample by sample,
// and a waveform loss only teaches the dipoles to be quiet.
//
// With the sums and gains of kernels/band_layout.h and c, r of kernels/band_split.h, per frame and
// band:
//
//   m = 1 + e  (pairing `omni`: e = f_k = 0)
//   W'   = m^2 g + sum f_k^2 w_tail_k       expected |W|^2 of the result, g = |W_g|^2
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
//                horizontal pair, floor 60 dB below the truth's mean |W|^2 (what `lsd` looks at);
//                bands at or above half the clip's rate do not count
//
// As an operation the loss takes what the network gives, for a batch: the gains are made of it as
// kernels/band_gains.h says.
//
//   values[b]   = sum of weight * term(gains of residual_b)
//   dresidual_b = scale d(values[b])/d(residual_b)
//
// Everything is computed in double; gains and gradients are floats. Rows do not mix, and a row's
// result does not depend on the batch. Everything is finite for finite input, silence included.
#ifndef V2S_KERNELS_LOSS_BAND_H
#define V2S_KERNELS_LOSS_BAND_H

#include <stddef.h>

#include "kernels/band_layout.h"
#include "kernels/base/arena.h"
#include "kernels/base/vec3.h"

struct v2s_device;

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

typedef struct v2s_loss_band_config {
    double weight[V2S_BAND_TERMS];
    double emphasis; // of loud bands and blocks: 1 as the metrics do, 0.5 evens out
} v2s_loss_band_config;

// What a row is compared with.
typedef struct v2s_band_row {
    int used;                   // bands below half the clip's rate
    const v2s_vec3 *directions; // [T]: of the source, length 1
    const float *sums;          // [T][V2S_BASIS_BANDS][v2s_band_layout_sums]
} v2s_band_row;

// ---- one row, in host memory ------------------------------------------------------------------

typedef struct v2s_loss_band_row_args {
    const v2s_loss_band_config *config;
    v2s_band_layout layout;
    v2s_band_row row;
    int T;
    const float *gains; // [T][V2S_BASIS_BANDS][v2s_band_layout_gains], made of the residual
    double scale;
    float *dgains; // as gains, overwritten; NULL: not wanted
    double *terms; // [V2S_BAND_TERMS] without their weights, overwritten; NULL: not wanted
    void *work;    // v2s_loss_band_row_work(T) bytes, aligned to 64
} v2s_loss_band_row_args;

// The definition: returns the loss.
double v2s_loss_band_row(const v2s_loss_band_row_args *a);
size_t v2s_loss_band_row_work(int T);

// ---- a batch, on any device -------------------------------------------------------------------

// A row in one piece of memory, as it travels to a device: a head, the directions, the sums.
typedef struct v2s_band_row_head {
    int used;
    int unused[15];
} v2s_band_row_head;

// Bytes of such a row, a multiple of 64.
static inline V2S_HD size_t v2s_band_row_bytes(v2s_band_layout l, int T) {
    size_t sums = (size_t)V2S_BASIS_BANDS * (size_t)v2s_band_layout_sums(l) * sizeof(float);
    return (sizeof(v2s_band_row_head) + (size_t)T * (sizeof(v2s_vec3) + sums) + 63) / 64 * 64;
}

// Where its parts lie.
static inline V2S_HD v2s_vec3 *v2s_band_row_directions(void *row) {
    return (v2s_vec3 *)((v2s_band_row_head *)row + 1);
}

static inline V2S_HD float *v2s_band_row_sums(void *row, int T) {
    return (float *)(v2s_band_row_directions(row) + T);
}

typedef struct v2s_loss_band_args {
    v2s_loss_band_config config;
    v2s_band_layout layout;
    int B, T;
    const void *rows;      // [B] rows as above, `row_bytes` apart, aligned to 64 bytes
    size_t row_bytes;      // at least v2s_band_row_bytes, a multiple of 64
    const float *residual; // [B,T,V2S_BASIS_BANDS * v2s_band_layout_gains]
    double scale;
    float *dresidual; // as residual, overwritten; NULL: not wanted
    double *values;   // [B], overwritten; NULL: not wanted
    double *terms;    // [B][V2S_BAND_TERMS] without their weights, overwritten; NULL: not wanted
} v2s_loss_band_args;

// Entries of the table. On the processor the rows are shared out over the device's threads.
void v2s_loss_band(const struct v2s_device *dev, const v2s_loss_band_args *a, v2s_arena *scratch);
size_t v2s_loss_band_scratch(const struct v2s_device *dev, const v2s_loss_band_args *a);

#endif
