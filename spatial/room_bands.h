// SPDX-License-Identifier: MIT
// What walls do to a spectrum: the functions that carry eight band values to every frequency.
//
//   ln |R(f)| = sum_b ln R_b phi_b(f)      phi_b: raised cosines over log f that sum to 1; the
//                                          first and the last band hold below and above
//   R(f) = exp(sum_b ln R_b psi_b(f))      psi_b = phi_b + i H{phi_b}: minimum phase
//
// H is the Hilbert transform over the periodic frequency axis, so ln R is analytic outside the
// unit circle: a reflection is causal, nothing sounds before it. Reflections in a row multiply;
// minimum phase stays minimum phase. R_b is not taken below 1e-5 (an absorption of 1 at one band).
#ifndef V2S_SPATIAL_ROOM_BANDS_H
#define V2S_SPATIAL_ROOM_BANDS_H

#include "kernels/fft.h"
#include "spatial/room.h"

double v2s_room_phi(int band, double hz);

// ln R_b of an energy absorption.
double v2s_room_log_reflection(double absorption);

// psi [V2S_ROOM_BANDS][n/2 + 1] at the bins of a transform of n samples; v2s_fft_free. n should
// cover half a second. ARG for a length that is not fast, NOMEM.
V2S_MUST_USE v2s_status v2s_room_psi(double rate_hz, size_t n, v2s_complex **psi);

#endif
