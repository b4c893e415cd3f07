// SPDX-License-Identifier: MIT
// Affine module: parameters of kernels/linear.h.
#ifndef V2S_NN_LINEAR_H
#define V2S_NN_LINEAR_H

#include "kernels/device.h"
#include "nn/params.h"

typedef struct v2s_linear {
    int in_features, out_features;
    v2s_tensor weight; // [out_features, in_features]
    v2s_tensor bias;   // [out_features]
} v2s_linear;

void v2s_linear_init(v2s_linear *m, int in_features, int out_features, v2s_arena *params);

// y [M,out_features] = affine(x [M,in_features]); overwrites y.
void v2s_linear_module_forward(const v2s_linear *m, const v2s_device *dev, int M, const real *x,
                               real *y, v2s_arena *scratch);
size_t v2s_linear_module_scratch(const v2s_linear *m, const v2s_device *dev, int M);

// From dy, of the same x: adds the parameters' gradients to those that `grads` (a module of the
// same sizes) holds in place of parameters, and d(loss)/dx to dx [M,in_features] unless it is NULL.
void v2s_linear_module_backward(const v2s_linear *m, v2s_linear *grads, const v2s_device *dev,
                                int M, const real *x, const real *dy, real *dx, v2s_arena *scratch);
size_t v2s_linear_module_backward_scratch(const v2s_linear *m, const v2s_device *dev, int M);

// weight, bias
V2S_MUST_USE v2s_status v2s_linear_each_param(v2s_linear *m, const char *name,
                                              v2s_param_visit visit, void *ctx);

#endif
