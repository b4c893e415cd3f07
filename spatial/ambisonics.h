// SPDX-License-Identifier: MIT
// Small operations on first-order ambisonic sound (AmbiX: W,Y,Z,X, SN3D), interleaved float
// [frames][4], in place where they change it.
#ifndef V2S_SPATIAL_AMBISONICS_H
#define V2S_SPATIAL_AMBISONICS_H

#include <stddef.h>

#include "spatial/conventions.h"

// Turns the scene counter-clockwise seen from above: what was at azimuth a is then at a + angle.
void v2s_foa_rotate_yaw(float *foa, size_t frames, double angle_rad);

// FuMa (Furse-Malham B-format) is W,X,Y,Z with W lower by sqrt(2); only at the file border.
void v2s_foa_ambix_from_fuma(float *foa, size_t frames);
void v2s_foa_fuma_from_ambix(float *foa, size_t frames);

// Active intensity sum_t W (X, Y, Z): points to where the sound comes from; not normalised, zero
// for silence. For one plane wave of unit u its value is E u, with E the energy sum of W^2.
v2s_vec3 v2s_foa_intensity(const float *foa, size_t frames);

#endif
