// SPDX-License-Identifier: MIT
// The FOA refiner, preset `seed`: what a geometric first-order ambisonic signal lacks of a real
// one.
//
//   h0 = conv1d(foa)        [B,T,channels]   kernel 15, "same"
//   h1 = bigru(h0)          [B,T,2*hidden]
//   r  = linear(h1)         [B,T,4]
//   refined = foa + V2S_REFINER_GAIN * r
//
// Weight-compatible with its PyTorch form (docs/design.md section 4): the parameters' names and
// shapes are conv1d.weight [64,4,15], conv1d.bias, gru.weight_ih_l0 [384,64], gru.weight_hh_l0
// [384,128], gru.bias_ih_l0, gru.bias_hh_l0, the same four with _reverse, output.weight [4,256],
// output.bias. Other kernels (odd), channels and hidden sizes work too.
//
// Axes: FOA is time-major [T,4], AmbiX order W, Y, Z, X, at the refiner's own sampling rate.
// A model owns its parameters. After loading it is read-only and may be used by several threads.
#ifndef V2S_NN_REFINER_H
#define V2S_NN_REFINER_H

#include "nn/bigru.h"
#include "nn/conv1d.h"
#include "nn/linear.h"

enum { V2S_REFINER_CHANNELS = 4, V2S_REFINER_SIZE_MAX = 1024 };

// The residual's weight in the sum.
#define V2S_REFINER_GAIN 0.1f

typedef struct v2s_refiner_config {
    int kernel;   // taps of the convolution, odd, 1 .. 1023
    int channels; // of h0, 1 .. 1024
    int hidden;   // GRU units per direction, 1 .. 1024
} v2s_refiner_config;

// kernel 15, channels 64, hidden 128.
v2s_refiner_config v2s_refiner_seed(void);

typedef struct v2s_refiner {
    v2s_refiner_config config;
    v2s_arena params;
    v2s_conv1d conv;
    v2s_bigru gru;
    v2s_linear output;
} v2s_refiner;

// A model with all parameters zero (its residual is zero). ARG names the size that is out of
// range. Close with v2s_refiner_close, which sets *m to NULL and accepts NULL inside.
V2S_MUST_USE v2s_status v2s_refiner_open(const v2s_refiner_config *config, v2s_refiner **out);
void v2s_refiner_close(v2s_refiner **m);

// Walks the parameters (nn/params.h).
V2S_MUST_USE v2s_status v2s_refiner_each_param(v2s_refiner *m, v2s_param_visit visit, void *ctx);

// Number of trainable numbers.
size_t v2s_refiner_parameters(v2s_refiner *m);

// Activations and scratch of a forward pass over B x T, reused from call to call.
typedef struct v2s_refiner_work {
    v2s_arena arena, scratch;
    int B, T; // largest it serves
    real *h0; // [B,T,channels]
    real *h1; // [B,T,2*hidden]
} v2s_refiner_work;

// ARG: B x T is above INT_MAX.
V2S_MUST_USE v2s_status v2s_refiner_work_open(v2s_refiner_work *work, const v2s_refiner *m,
                                              const v2s_device *dev, int B, int T);
void v2s_refiner_work_close(v2s_refiner_work *work);

// residual [B,T,4] = V2S_REFINER_GAIN * r for foa [B,T,4]; overwrites residual. B and T at most
// those of `work`.
void v2s_refiner_forward(const v2s_refiner *m, const v2s_device *dev, int B, int T, const real *foa,
                         real *residual, v2s_refiner_work *work);

#endif
