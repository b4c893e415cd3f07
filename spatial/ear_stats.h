// SPDX-License-Identifier: MIT
// How far two-eared signals are from true ones: coherence and level difference of the ears.
//
// In the spectra and bands of erb_stft.h, summed over the bins of a band and over the clip:
//
//   ILD  = 10 log10(E_L / E_R) dB, within +-60
//   IACC = max over |tau| <= 1 ms of |sum Re(L R^* exp(i w tau))| / sqrt(E_L E_R), lags in steps of
//          1/48 ms (ISO 3382-1 annex B: the largest absolute correlation)
//   ild, iacc = mean over bands of |p - t|
//
// over the bands whose true energy (E_L + E_R) is within 60 dB of the loudest band: below stands
// rounding noise. A band in which one ear is silent has IACC 0.
#ifndef V2S_SPATIAL_EAR_STATS_H
#define V2S_SPATIAL_EAR_STATS_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/erb_stft.h"

typedef struct v2s_ear_bands {
    double energy[V2S_ERB_BANDS]; // E_L + E_R
    double ild_db[V2S_ERB_BANDS], iacc[V2S_ERB_BANDS];
} v2s_ear_bands;

typedef struct v2s_ear_scores {
    double iacc, ild;
} v2s_ear_scores;

// Of stereo [frames][2]. FORMAT: shorter than one frame of the STFT. NOMEM.
V2S_MUST_USE v2s_status v2s_ear_bands_measure(v2s_erb_stft *stft, size_t frames,
                                              const float *stereo, v2s_ear_bands *bands);

// Not numbers where the truth is silent.
v2s_ear_scores v2s_ear_bands_compare(const v2s_ear_bands *truth, const v2s_ear_bands *prediction);

#endif
