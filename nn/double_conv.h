// SPDX-License-Identifier: MIT
// Convolution blocks of U-Nets (Ronneberger et al. 2015), on pictures in blocks of channels
// (kernels/picture.h):
//
//   conv_norm     z = conv(x), y = relu(batch_norm(z))
//   double_conv   two of them with 3x3 kernels and no bias: in -> mid -> out
//
// INFERENCE normalises by the running statistics, in place: nothing is kept. TRAINING normalises
// by the batch's, moves the running ones and keeps z (of which the batch norm's derivative is
// made) and y (the next layer's input, of which the derivative of its weights is made).
//
// Parameters and running statistics come from two arenas: an optimizer sees the first only.
// Gradients are a second module of the same sizes.
#ifndef V2S_NN_DOUBLE_CONV_H
#define V2S_NN_DOUBLE_CONV_H

#include "kernels/device.h"
#include "nn/params.h"

typedef struct v2s_conv_norm {
    int in, out, kernel;                  // kernel 1 or 3
    v2s_tensor weight;                    // [out,in,kernel,kernel]
    v2s_tensor bias;                      // [out]; data NULL and rank 0: the convolution has none
    v2s_tensor norm_weight, norm_bias;    // [out]
    v2s_tensor running_mean, running_var; // [out]; buffers
} v2s_conv_norm;

typedef struct v2s_double_conv {
    v2s_conv_norm first, second;
} v2s_double_conv;

// Of all pictures of a call. A picture of one channel is plain whatever `block` says.
typedef struct v2s_picture_shape {
    int N, H, W;
    int block; // kernels/picture.h
} v2s_picture_shape;

// What training keeps of a conv_norm; taken by the caller.
typedef struct v2s_conv_norm_saved {
    real *z, *y;          // [N,out,H,W]
    real *mean, *inv_std; // [out]
} v2s_conv_norm_saved;

// All zero.
void v2s_conv_norm_init(v2s_conv_norm *m, int in, int out, int kernel, bool bias, v2s_arena *params,
                        v2s_arena *buffers);

// y [N,out,H,W] of x [N,in,H,W] by the running statistics; overwrites y.
void v2s_conv_norm_forward(const v2s_conv_norm *m, const v2s_device *dev,
                           const v2s_picture_shape *s, const real *x, real *y, v2s_arena *scratch);
// The same by the batch's: overwrites all that `saved` points at. Moves the running statistics.
void v2s_conv_norm_forward_training(v2s_conv_norm *m, const v2s_device *dev,
                                    const v2s_picture_shape *s, const real *x,
                                    const v2s_conv_norm_saved *saved, v2s_arena *scratch);

// After forward_training: adds the parameters' gradients to those of `grads` and, unless it is
// NULL, d(loss)/dx to dx. dz [N,out,H,W] is overwritten. Scratch of all calls: the largest of the
// three where `training`, else of the first.
void v2s_conv_norm_backward(const v2s_conv_norm *m, v2s_conv_norm *grads, const v2s_device *dev,
                            const v2s_picture_shape *s, const real *x,
                            const v2s_conv_norm_saved *saved, const real *dy, real *dz, real *dx,
                            v2s_arena *scratch);
size_t v2s_conv_norm_scratch(const v2s_conv_norm *m, const v2s_device *dev,
                             const v2s_picture_shape *s, bool training);

void v2s_double_conv_init(v2s_double_conv *m, int in, int mid, int out, v2s_arena *params,
                          v2s_arena *buffers);

// middle [N,mid,H,W] and y [N,out,H,W] are overwritten.
void v2s_double_conv_forward(const v2s_double_conv *m, const v2s_device *dev,
                             const v2s_picture_shape *s, const real *x, real *middle, real *y,
                             v2s_arena *scratch);
void v2s_double_conv_forward_training(v2s_double_conv *m, const v2s_device *dev,
                                      const v2s_picture_shape *s, const real *x,
                                      const v2s_conv_norm_saved saved[2], v2s_arena *scratch);

// dz [N,max(mid,out),H,W] and dmiddle [N,mid,H,W] are overwritten.
void v2s_double_conv_backward(const v2s_double_conv *m, v2s_double_conv *grads,
                              const v2s_device *dev, const v2s_picture_shape *s, const real *x,
                              const v2s_conv_norm_saved saved[2], const real *dy, real *dz,
                              real *dmiddle, real *dx, v2s_arena *scratch);
size_t v2s_double_conv_scratch(const v2s_double_conv *m, const v2s_device *dev,
                               const v2s_picture_shape *s, bool training);

// Walks parameters, buffers or both, in the order of PyTorch's state_dict:
// <name>.<conv>.weight, .bias, <name>.<conv + 1>.weight, .bias, .running_mean, .running_var
V2S_MUST_USE v2s_status v2s_conv_norm_each(v2s_conv_norm *m, const char *name, int conv,
                                           bool parameters, bool buffers, v2s_param_visit visit,
                                           void *ctx);
// The two of <name>.double_conv.0 and .3.
V2S_MUST_USE v2s_status v2s_double_conv_each(v2s_double_conv *m, const char *name, bool parameters,
                                             bool buffers, v2s_param_visit visit, void *ctx);

#endif
