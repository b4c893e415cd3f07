// SPDX-License-Identifier: MIT
// Convolution module: parameters of kernels/conv1d.h.
#ifndef V2S_NN_CONV1D_H
#define V2S_NN_CONV1D_H

#include "kernels/device.h"
#include "nn/params.h"

typedef struct v2s_conv1d {
    int in_channels, out_channels, kernel; // kernel odd
    v2s_tensor weight;                     // [out_channels, in_channels, kernel]
    v2s_tensor bias;                       // [out_channels]
} v2s_conv1d;

void v2s_conv1d_init(v2s_conv1d *m, int in_channels, int out_channels, int kernel,
                     v2s_arena *params);

// y [B,T,out_channels] = conv(x [B,T,in_channels]); overwrites y.
void v2s_conv1d_module_forward(const v2s_conv1d *m, const v2s_device *dev, int B, int T,
                               const real *x, real *y, v2s_arena *scratch);
size_t v2s_conv1d_module_scratch(const v2s_conv1d *m, const v2s_device *dev, int B, int T);

// From dy, of the same x: adds the parameters' gradients to those that `grads` (a module of the
// same sizes) holds in place of parameters, and d(loss)/dx to dx [B,T,in_channels] unless it is
// NULL.
void v2s_conv1d_module_backward(const v2s_conv1d *m, v2s_conv1d *grads, const v2s_device *dev,
                                int B, int T, const real *x, const real *dy, real *dx,
                                v2s_arena *scratch);
size_t v2s_conv1d_module_backward_scratch(const v2s_conv1d *m, const v2s_device *dev, int B, int T);

// weight, bias
V2S_MUST_USE v2s_status v2s_conv1d_each_param(v2s_conv1d *m, const char *name,
                                              v2s_param_visit visit, void *ctx);

#endif
