// SPDX-License-Identifier: MIT
// One-dimensional convolution with "same" zero padding (stride 1, odd kernel), time-major.
//
//   y[b,t,o] = bias[o] + sum_{c,k} w[o,c,k] * x[b, t + k - (K-1)/2, c]      (x = 0 outside 0..T-1)
//
// This is torch.nn.Conv1d(C, O, K, padding=K//2) with its weight layout; only the activations are
// time-major (PyTorch has [B,C,T]): that makes the K*C inputs of one output contiguous, the
// convolution a matrix product with overlapping rows, and the result what the GRU reads.
//
// Shapes: x [B,T,C], w [O,C,K], bias [O], y [B,T,O]; row-major, contiguous.
// y is overwritten and must not overlap an input. B, T may be 0.
//
// Backward, from dy = d(loss)/dy:
//   dbias[o]  += sum_{b,t}   dy[b,t,o]
//   dw[o,c,k] += sum_{b,t}   dy[b,t,o] * x[b, t + k - (K-1)/2, c]
//   dx[b,t,c] += sum_{o,k}   dy[b, t - k + (K-1)/2, o] * w[o,c,k]
#ifndef V2S_KERNELS_CONV1D_H
#define V2S_KERNELS_CONV1D_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_conv1d_args {
    int B, T, C, O, K; // K odd
    const real *x;     // [B,T,C]
    const real *w;     // [O,C,K]
    const real *bias;  // [O]
    real *y;           // [B,T,O]
} v2s_conv1d_args;

typedef struct v2s_conv1d_backward_args {
    v2s_conv1d_args of; // as in the forward call; y is not read
    const real *dy;     // [B,T,O]
    real *dx;           // [B,T,C]; NULL where it is not wanted
    real *dw;           // [O,C,K]
    real *dbias;        // [O]
} v2s_conv1d_backward_args;

// The definition.
void v2s_conv1d_forward(const struct v2s_device *dev, const v2s_conv1d_args *a, v2s_arena *scratch);
size_t v2s_conv1d_scratch(const struct v2s_device *dev, const v2s_conv1d_args *a);

void v2s_conv1d_backward(const struct v2s_device *dev, const v2s_conv1d_backward_args *a,
                         v2s_arena *scratch);
size_t v2s_conv1d_backward_scratch(const struct v2s_device *dev, const v2s_conv1d_backward_args *a);

// The same on vector kernels; needs v2s_conv1d_scratch_vector bytes of scratch.
void v2s_conv1d_forward_vector(const struct v2s_device *dev, const v2s_conv1d_args *a,
                               v2s_arena *scratch);
size_t v2s_conv1d_scratch_vector(const struct v2s_device *dev, const v2s_conv1d_args *a);

void v2s_conv1d_backward_vector(const struct v2s_device *dev, const v2s_conv1d_backward_args *a,
                                v2s_arena *scratch);
size_t v2s_conv1d_backward_scratch_vector(const struct v2s_device *dev,
                                          const v2s_conv1d_backward_args *a);

#endif
