// SPDX-License-Identifier: MIT
// Convolution blocks of U-Nets (Ronneberger et al. 2015), on pictures in blocks of channels
// (kernels/picture.h):
//
//   conv_norm     y = relu(batch_norm(conv(x)))
//   double_conv   two of them with 3x3 kernels and no bias: in -> mid -> out
//
// A pass keeps the convolutions' results, from which backward makes the rest anew.
#ifndef V2S_NN_DOUBLE_CONV_H
#define V2S_NN_DOUBLE_CONV_H

#include "kernels/device.h"
#include "nn/params.h"

typedef struct v2s_conv_norm {
    int in, out, kernel;                  // kernel 1 or 3
    int x_block, y_block;                 // kernels/picture.h
    v2s_tensor weight;                    // [out,in,kernel,kernel]
    v2s_tensor bias;                      // [out]; data NULL: the convolution has none
    v2s_tensor norm_weight, norm_bias;    // [out]
    v2s_tensor running_mean, running_var; // [out]; buffers
} v2s_conv_norm;

typedef struct v2s_double_conv {
    v2s_conv_norm first, second;
} v2s_double_conv;

#endif
