// SPDX-License-Identifier: MIT
// How far two-eared signals are from true ones: coherence, level and time difference of the ears.
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
//
// ITD, in blocks of 8 frames, by the generalised cross-correlation with phase transform (Knapp,
// Carter, "The generalized correlation method for estimation of time delay", 1976) over the bins
// above 0 and up to 1.5 kHz whose energy is within 60 dB of the loudest of them. Above, ears do not
// follow the phase, and a first-order decode has none that means anything:
//
//   G(tau) = sum_k Re(C_k / |C_k| exp(i w_k tau)),  C_k = sum over the block's frames of L_k R_k^*
//
// at the lags of IACC; the largest one, moved by the parabola through its neighbours where it has
// two, is the ITD: positive where the left ear hears later. In microseconds.
//   itd = sum_b w_b |ITD_p - ITD_t| / sum_b w_b,  w_b = E_L + E_R of the truth in block b
// over the blocks in which both sounds have an ITD and w_b is within 60 dB of the loudest block.
#ifndef V2S_SPATIAL_EAR_STATS_H
#define V2S_SPATIAL_EAR_STATS_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/erb_stft.h"

typedef struct v2s_ear_block {
    double energy; // E_L + E_R
    double itd_us; // not a number in a silent block
} v2s_ear_block;

typedef struct v2s_ear_bands {
    double energy[V2S_ERB_BANDS]; // E_L + E_R
    double ild_db[V2S_ERB_BANDS], iacc[V2S_ERB_BANDS];
    size_t block_count;
    v2s_ear_block *blocks; // owned: v2s_ear_bands_free
} v2s_ear_bands;

typedef struct v2s_ear_scores {
    double iacc, ild, itd;
} v2s_ear_scores;

// Of stereo [frames][2]. FORMAT: shorter than one frame of the STFT. NOMEM.
V2S_MUST_USE v2s_status v2s_ear_bands_measure(v2s_erb_stft *stft, size_t frames,
                                              const float *stereo, v2s_ear_bands *bands);
void v2s_ear_bands_free(v2s_ear_bands *bands);

// Not numbers where the truth is silent. Both of the same length.
v2s_ear_scores v2s_ear_bands_compare(const v2s_ear_bands *truth, const v2s_ear_bands *prediction);

#endif
