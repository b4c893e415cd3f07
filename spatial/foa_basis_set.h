// SPDX-License-Identifier: MIT
// Bases of the v2s refiner (spatial/foa_basis.h) for sounds of several rates, made when they are
// first asked for. Several threads may ask at once.
#ifndef V2S_SPATIAL_FOA_BASIS_SET_H
#define V2S_SPATIAL_FOA_BASIS_SET_H

#include "spatial/foa_basis.h"

typedef struct v2s_foa_basis_set v2s_foa_basis_set;

V2S_MUST_USE v2s_status v2s_foa_basis_set_open(bool with_w, v2s_foa_basis_set **out);

// *basis belongs to the set. UNSUPPORTED: more than 16 different rates; else as v2s_foa_basis_open.
V2S_MUST_USE v2s_status v2s_foa_basis_set_get(v2s_foa_basis_set *set, double rate_hz,
                                              const v2s_foa_basis **basis);

void v2s_foa_basis_set_close(v2s_foa_basis_set **set);

#endif
