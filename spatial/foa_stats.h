// SPDX-License-Identifier: MIT
// How far a first-order ambisonic sound is from a true one as a sound field: statistics of
// direction, diffuseness, level and spectrum, not of waveforms.
//
// In the spectra and bands of erb_stft.h, summed over the bins of a band (with the triangle's
// weights) and over the clip, or over blocks of 8 frames (a shorter last block counts too):
//
//   C = sum S S^H   (4x4)        E_W = C_WW,  E_D = C_YY + C_ZZ + C_XX,  I = Re C_W,(Y,Z,X)
//
// weights w = E_W of the truth, p = prediction, t = truth:
//
//   diffuseness  S1  mean_w |D_p - D_t|,  D = 1 - 2 |I| / (E_W + E_D)            per band, clip
//   level        S2  mean_w |10 log10(E_D,p / E_D,t)| dB                         per band, clip
//   lsd          S3  sqrt mean ((20 log10(|S_p| + f) - 20 log10(|S_t| + f))^2) dB  over Y,Z,X,
//                    frames and all bins; f = 1e-3 rms |S_W| of the truth
//   direction    S4  angle between I_p and I_t summed over bands and time, degrees
//   diffuseness_block, level_block: S1 and S2 per band and block
//   covariance   S5  mean_w ||C_p - C_t||_F / ||C_t||_F                          per band, block
//
// Where nothing is left to compare: D of silence is 1; level differences end at 60 dB (no dipoles
// at all against some); direction is not a number if there is no intensity.
//
// Shapes    foa [frames][4], AmbiX. Spectra and sums are double.
// Threads   A handle is used by one thread at a time.
#ifndef V2S_SPATIAL_FOA_STATS_H
#define V2S_SPATIAL_FOA_STATS_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"
#include "spatial/erb_stft.h"

#define V2S_LEVEL_DIFFERENCE_MAX_DB 60.0

typedef struct v2s_foa_scores {
    double diffuseness, level, lsd, direction;
    double diffuseness_block, level_block, covariance;
} v2s_foa_scores;

// Sums over the clip and all bands of one sound.
typedef struct v2s_foa_summary {
    double energy_w, energy_dipoles;
    v2s_vec3 intensity;
} v2s_foa_summary;

typedef struct v2s_foa_stats v2s_foa_stats;

// ARG: a rate outside 4..400 kHz. NOMEM.
V2S_MUST_USE v2s_status v2s_foa_stats_open(double rate_hz, v2s_foa_stats **stats);

// Judges `count` predictions against one truth; scores[count]. FORMAT: shorter than one frame of
// the STFT, or W of the truth is silent. NOMEM.
V2S_MUST_USE v2s_status v2s_foa_stats_compare(v2s_foa_stats *stats, size_t frames,
                                              const float *truth, const float *const *predictions,
                                              size_t count, v2s_foa_scores *scores);

// FORMAT: shorter than one frame of the STFT. NOMEM.
V2S_MUST_USE v2s_status v2s_foa_stats_summary(v2s_foa_stats *stats, size_t frames, const float *foa,
                                              v2s_foa_summary *summary);

// One band over the clip: where in the spectrum the differences are.
typedef struct v2s_foa_band {
    double centre_hz; // peak of its triangle
    double share;     // of the truth's E_W of all bands
    double diffuseness_truth, diffuseness_prediction;
    double level_db;      // 10 log10(E_D,p / E_D,t), within +-60
    double direction_deg; // angle between the intensities; not a number without them
} v2s_foa_band;

// One block over all bands: when the differences are.
typedef struct v2s_foa_block {
    double time_s;              // of its middle
    double level_db;            // E_W per frame of the truth over that of its loudest block
    v2s_vec3 truth, prediction; // intensities
} v2s_foa_block;

typedef struct v2s_foa_detail {
    v2s_foa_band bands[V2S_ERB_BANDS];
    size_t block_count;
    v2s_foa_block *blocks; // owned: v2s_foa_detail_free
} v2s_foa_detail;

// FORMAT: as v2s_foa_stats_compare. NOMEM. Nothing to free after a failure.
V2S_MUST_USE v2s_status v2s_foa_stats_detail(v2s_foa_stats *stats, size_t frames,
                                             const float *truth, const float *prediction,
                                             v2s_foa_detail *detail);
void v2s_foa_detail_free(v2s_foa_detail *detail);

// 2 |I| / (E_W + E_D): 1 for one plane wave, 0 for a diffuse field; 0 for silence.
double v2s_foa_directness(const v2s_foa_summary *summary);

void v2s_foa_stats_close(v2s_foa_stats **stats);

#endif
