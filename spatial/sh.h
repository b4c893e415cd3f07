// SPDX-License-Identifier: MIT
// Real spherical harmonics: ACN order, SN3D normalisation, no Condon-Shortley phase.
//
//   Y_n^m(u) = N_n^|m| P_n^|m|(sin el) * { cos(m az), m >= 0;  sin(|m| az), m < 0 }
//   N_n^m    = sqrt((2 - [m = 0]) (n - m)! / (n + m)!)              ACN index n^2 + n + m
//
// so that Y_0 = 1 and the order-1 channels are u.y, u.z, u.x. Written as polynomials in (x, y, z)
// (cos^m el cos(m az) = Re (x + iy)^m), so there is no singularity at the poles; the three-term
// recurrence in n is stable. Source: Nachbar, Zotter, Deleflie, Sontacchi, "AmbiX" (2011), eq. 1-3.
#ifndef V2S_SPATIAL_SH_H
#define V2S_SPATIAL_SH_H

#include "spatial/conventions.h"

// Harmonics of a direction of length 1; y[(order+1)^2], overwritten. order 0 .. V2S_MAX_ORDER.
void v2s_sh_sn3d(int order, v2s_vec3 unit, double *y);

// Factor that makes an SN3D channel N3D: sqrt(2n+1) of the order n that channel `acn` belongs to.
double v2s_n3d_from_sn3d(int acn);

#endif
