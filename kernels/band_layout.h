// SPDX-License-Identifier: MIT
// What lies where among the numbers of one band and frame: the gains that a `v2s` network gives,
// and the sums over the band's bins that its loss is a function of (kernels/loss_band.h).
//
//   gains   a, b, d, g_0 .. g_{K-1}, and with W: a, b, d, e, g_0 .. g_{K-1}, f_0 .. f_{K-1}
//   sums    |W_t|^2, Re<W_t* (X,Y,Z)>, |X|^2 of the three dipoles, |Z|^2;
//           with W: |W_g|^2, Re<W_g* W_t>, Re<W_g* (X,Y,Z)>  (without, W_g is W_t);
//           tail_0 .. tail_{K-1} = |D_k|^2 of the three dipoles, as they are heard;
//           with W: w_tail_k = |D_k[W]|^2, the same
//
// t: the truth, X its dipoles (Y,Z,X); g: the geometric path; D_k: tail k of the K of the basis.
#ifndef V2S_KERNELS_BAND_LAYOUT_H
#define V2S_KERNELS_BAND_LAYOUT_H

#include <stdbool.h>

#include "kernels/base/host_device.h"

enum { V2S_BASIS_BANDS = 32, V2S_BASIS_SEGMENTS_MAX = 6 };

enum { V2S_BAND_SUMS = 6, V2S_BAND_SUMS_WITH_W = 11 }; // floats before the tails

typedef struct v2s_band_layout {
    bool with_w;  // W has tails too (pairing `dry`)
    int segments; // K, 0 .. V2S_BASIS_SEGMENTS_MAX
} v2s_band_layout;

// Number of the first tail's gain, and of gains.
static inline V2S_HD int v2s_band_layout_tails(v2s_band_layout l) {
    return l.with_w ? 4 : 3;
}

static inline V2S_HD int v2s_band_layout_gains(v2s_band_layout l) {
    return l.with_w ? 4 + 2 * l.segments : 3 + l.segments;
}

// Number of sums.
static inline V2S_HD int v2s_band_layout_sums(v2s_band_layout l) {
    return l.with_w ? V2S_BAND_SUMS_WITH_W + 2 * l.segments : V2S_BAND_SUMS + l.segments;
}

#endif
