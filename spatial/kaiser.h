// SPDX-License-Identifier: MIT
// Kaiser's window: I0(beta sqrt(1 - r^2)) / I0(beta) for |r| <= 1, zero outside
// (J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974).
#ifndef V2S_SPATIAL_KAISER_H
#define V2S_SPATIAL_KAISER_H

double v2s_kaiser(double r, double beta);

#endif
