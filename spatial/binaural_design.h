// SPDX-License-Identifier: MIT
// The filters of an ambisonic binaural decoder.
//
// Symbols   H_e(f, j) response of ear e for direction j of J (bulk delay removed: time 0 is the
//           arrival at the middle of the head); y_j the (order+1)^2 harmonics of direction j, N3D;
//           w_j its share of the sphere (the w_j sum to 1); d_e(f) the filters.
//
// MagLS     f < fc:   d = argmin sum_j w_j |H - y_j^T d|^2 + lambda |d|^2
//           f >= fc:  the same with H replaced by |H| exp(i phi_j), phi_j the phase that the
//                     decoder of the bin below gives direction j, arg(y_j^T d(f - df))
//           (Schoerkhuber, Zaunschirm, Hoeldrich, DAGA 2018, eq. 9-12.)
//           Above the frequency where an order can still follow the phase across the head, the
//           ear hears level, not fine structure in time; the phase is given up for the level.
// Speakers  2(order+1) x (order+1) virtual loudspeakers, Gauss-Legendre in elevation, even in
//           azimuth (order 1: a cube), whose weights q_l integrate products of two harmonics
//           exactly: d = sum_l q_l G y_l H(f, nearest j); G = 1 below fc (right time differences),
//           diag(P_n(cos(137.9 deg / (order + 1.51)))) above (max-rE), crossed over in an octave.
// Equaliser d(f) *= g(f), one real (zero-phase) gain for both ears and all channels,
//           g = 1 / sqrt(P), P(f) = mean over horizontal directions of (|y^T d_L|^2 +
//           |y^T d_R|^2) / 2, smoothed over a sixth of an octave, bounded to +-24 dB and held
//           outside 50 Hz .. 18 kHz. It removes what all directions have in common: ear canal,
//           loudspeaker, and the level lost by the low order.
// Low end   Below 170 Hz measured responses are the loudspeaker's: level held, phase straight.
// Not used  The diffuse-field covariance constraint (Zaunschirm, Schoerkhuber, Hoeldrich, JASA 143,
//           2018). It was tried: diffuse sound of order 1 loses its surplus coherence (0.70 to 0.01
//           at 2.7 kHz, KEMAR), but the level difference of a single source, which is what a
//           preview of tracked objects consists of, misses the file by 3.5 dB instead of 1.6.
// Time      Filters are read off at the output rate by their Fourier sum, so the delay `latency`
//           is a whole number of output samples and no resampler is needed.
#ifndef V2S_SPATIAL_BINAURAL_DESIGN_H
#define V2S_SPATIAL_BINAURAL_DESIGN_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/binaural.h"
#include "spatial/hrtf.h"

// Designs the bank. *filters is malloc'ed [2][(order+1)^2][*taps] for SN3D input at rate_hz, the
// caller frees it; *latency its delay in samples. Errors as v2s_binaural_open.
V2S_MUST_USE v2s_status v2s_binaural_design(const v2s_hrtf *hrtf, int order, double rate_hz,
                                            v2s_binaural_method method, float **filters,
                                            size_t *taps, size_t *latency);

#endif
