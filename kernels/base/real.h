// SPDX-License-Identifier: MIT
// The number type of the plain definitions: float, or double in the gradient-check build
// (V2S_F64), from the same source.
#ifndef V2S_KERNELS_BASE_REAL_H
#define V2S_KERNELS_BASE_REAL_H

#ifdef V2S_F64
typedef double real;
#else
typedef float real;
#endif

#endif
