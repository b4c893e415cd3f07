// SPDX-License-Identifier: MIT
// The refiner's network: from rows of numbers to rows of residuals.
//
//   h0 = conv1d(x)          [B,T,channels]   "same"
//   h1 = bigru(h0)          [B,T,2*hidden]
//   r  = linear(h1)         [B,T,outputs]
//   residual = V2S_REFINER_GAIN * r
//
// Preset `seed` is what a geometric first-order ambisonic signal lacks of a real one: a row is a
// sample of FOA (4 inputs, 4 outputs), refined = foa + residual. Other presets give rows and
// residuals another meaning.
//
// The seed is weight-compatible with its PyTorch form (docs/design.md section 4): the parameters'
// names and shapes are conv1d.weight [64,4,15], conv1d.bias, gru.weight_ih_l0 [384,64],
// gru.weight_hh_l0 [384,128], gru.bias_ih_l0, gru.bias_hh_l0, the same four with _reverse,
// output.weight [4,256], output.bias. Other sizes (kernel odd) work too.
//
// Axes: rows are time-major; the seed's are FOA in AmbiX order W, Y, Z, X, at the refiner's own
// sampling rate. A model owns its parameters. After loading it is read-only and may be used by
// several threads.
//
// A model lies in host memory, or in a device's (v2s_refiner_open_on), where the device's
// operations can use it; both have the same layout. On the processor the two are the same.
//
// Gradients are a second model of the same config, whose parameters are the gradients; so are an
// optimizer's averages. v2s_refiner_flat gives all numbers of a model as one array for them.
#ifndef V2S_NN_REFINER_H
#define V2S_NN_REFINER_H

#include <stdint.h>

#include "nn/bigru.h"
#include "nn/conv1d.h"
#include "nn/linear.h"

// Inputs and outputs of the seed, and the largest size of any dimension.
enum { V2S_REFINER_CHANNELS = 4, V2S_REFINER_SIZE_MAX = 1024 };

// The residual's weight in the sum.
#define V2S_REFINER_GAIN ((real)0.1)

typedef struct v2s_refiner_config {
    int inputs;   // columns of x, 1 .. 1024
    int kernel;   // taps of the convolution, odd, 1 .. 1023
    int channels; // of h0, 1 .. 1024
    int hidden;   // GRU units per direction, 1 .. 1024
    int outputs;  // columns of the residual, 1 .. 1024
} v2s_refiner_config;

// inputs 4, kernel 15, channels 64, hidden 128, outputs 4.
v2s_refiner_config v2s_refiner_seed(void);

typedef struct v2s_refiner {
    v2s_refiner_config config;
    const v2s_device *dev; // whose memory holds the parameters; NULL: the host's
    v2s_arena params;
    v2s_conv1d conv;
    v2s_bigru gru;
    v2s_linear output;
} v2s_refiner;

// A model with all parameters zero (its residual is zero). ARG names the size that is out of
// range. Close with v2s_refiner_close, which sets *m to NULL and accepts NULL inside.
V2S_MUST_USE v2s_status v2s_refiner_open(const v2s_refiner_config *config, v2s_refiner **out);
// The same in the memory of `dev`, which has to outlive it. Initialising, walking with access to
// the numbers and saving are for models of the host.
V2S_MUST_USE v2s_status v2s_refiner_open_on(const v2s_refiner_config *config, const v2s_device *dev,
                                            v2s_refiner **out);
void v2s_refiner_close(v2s_refiner **m);

// Walks the parameters (nn/params.h).
V2S_MUST_USE v2s_status v2s_refiner_each_param(v2s_refiner *m, v2s_param_visit visit, void *ctx);

// Number of trainable numbers.
size_t v2s_refiner_parameters(v2s_refiner *m);

// All parameters as one array, *count numbers: the tensors in the order of the walk, each followed
// by zeros up to the arena's alignment. The same for every model of this config.
real *v2s_refiner_flat(v2s_refiner *m, size_t *count);

// All parameters from the host to a device's model of the same config, and back. Queued
// (kernels/memory.h): synchronize before `from` changes or `to` is read.
void v2s_refiner_upload(v2s_refiner *to, const v2s_refiner *from);
void v2s_refiner_download(v2s_refiner *to, const v2s_refiner *from);

// `m` as `dev` can use it: a model of the host is copied to the memory of a device that has its
// own, which makes *own, to be closed; otherwise *own is NULL and *out is `m` itself. Uploading is
// queued.
V2S_MUST_USE v2s_status v2s_refiner_on(const v2s_refiner *m, const v2s_device *dev,
                                       v2s_refiner **own, const v2s_refiner **out);

// Draws new weights as PyTorch's modules do by default: uniform in +-1/sqrt(inputs * kernel)
// (conv1d), +-1/sqrt(hidden) (gru), +-1/sqrt(2 * hidden) (output), weights and biases. Parameter
// number i of the walk is stream i of kernels/base/rng.h, element after element.
void v2s_refiner_init_weights(v2s_refiner *m, uint64_t seed);

// Activations and scratch of a pass over B x T, reused from call to call.
typedef struct v2s_refiner_work {
    const v2s_device *dev; // whose memory it is
    v2s_arena arena, scratch;
    int B, T; // largest it serves
    real *h0; // [B,T,channels]
    real *h1; // [B,T,2*hidden]
    // of training only, NULL otherwise
    void *saved; // of the GRU
    real *dr;    // [B,T,outputs]
    real *dh1;   // [B,T,2*hidden]
    real *dh0;   // [B,T,channels]
} v2s_refiner_work;

// ARG: B x T is above INT_MAX.
V2S_MUST_USE v2s_status v2s_refiner_work_open(v2s_refiner_work *work, const v2s_refiner *m,
                                              const v2s_device *dev, int B, int T);
// The same for training: a forward call keeps what the backward call after it needs.
V2S_MUST_USE v2s_status v2s_refiner_work_open_training(v2s_refiner_work *work, const v2s_refiner *m,
                                                       const v2s_device *dev, int B, int T);
void v2s_refiner_work_close(v2s_refiner_work *work);

// residual [B,T,outputs] = V2S_REFINER_GAIN * r for x [B,T,inputs]; overwrites residual. B and T
// at most those of `work`. Model, work, x and residual lie in the memory of `dev`.
void v2s_refiner_forward(const v2s_refiner *m, const v2s_device *dev, int B, int T, const real *x,
                         real *residual, v2s_refiner_work *work);

// After a forward call with the same m, B, T, x and `work` (opened for training): adds the
// gradients of the parameters to those that `grads` (a model of the same config) holds in place of
// parameters, and those of x to dx [B,T,inputs] unless it is NULL. dresidual [B,T,outputs] is
// d(loss)/d(residual).
void v2s_refiner_backward(const v2s_refiner *m, v2s_refiner *grads, const v2s_device *dev, int B,
                          int T, const real *x, const real *dresidual, real *dx,
                          v2s_refiner_work *work);

#endif
