// SPDX-License-Identifier: MIT
// Plans for the tracker's small Fourier transforms (forward, X_k = sum x_n e^(-2 pi i k n / N),
// not scaled). The loops are in tracker_ops.h; many channels go through side by side.
//
// Lengths: 2^a 3^b 5^c up to V2S_FFT_MAX; v2s_fft_length picks the nearest one that is even.
#ifndef V2S_SPATIAL_KCF_FFT_H
#define V2S_SPATIAL_KCF_FFT_H

#include "spatial/tracker_ops.h"

// Fills the plan; `n` must be a product of 2, 3 and 5 and at most V2S_FFT_MAX (aborts otherwise).
void v2s_fft_plan_init(v2s_fft_plan *plan, int n);

// The even length with factors 2, 3, 5 nearest to `wanted`, within [8, V2S_FFT_MAX].
int v2s_fft_length(double wanted);

#endif
