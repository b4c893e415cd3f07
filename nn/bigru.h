// SPDX-License-Identifier: MIT
// Bidirectional GRU module: two directions of kernels/gru.h, index 0 forward, 1 backward in time.
#ifndef V2S_NN_BIGRU_H
#define V2S_NN_BIGRU_H

#include "kernels/device.h"
#include "nn/params.h"

typedef struct v2s_gru_params {
    v2s_tensor weight_ih; // [3*hidden, in_features]
    v2s_tensor weight_hh; // [3*hidden, hidden]
    v2s_tensor bias_ih;   // [3*hidden]
    v2s_tensor bias_hh;   // [3*hidden]
} v2s_gru_params;

typedef struct v2s_bigru {
    int in_features, hidden;
    int overlap; // of a long walk that is cut in two (kernels/gru.h); 0 after init: never cut
    v2s_gru_params dir[2];
} v2s_bigru;

void v2s_bigru_init(v2s_bigru *m, int in_features, int hidden, v2s_arena *params);

// y [B,T,2*hidden] = gru(x [B,T,in_features]) from zero states; overwrites y.
void v2s_bigru_forward(const v2s_bigru *m, const v2s_device *dev, int B, int T, const real *x,
                       real *y, v2s_arena *scratch);
size_t v2s_bigru_scratch(const v2s_bigru *m, const v2s_device *dev, int B, int T);

// The same for training: also fills `saved` (v2s_bigru_saved_size bytes, 64-byte aligned), which
// the backward call of the same x and y needs.
void v2s_bigru_forward_training(const v2s_bigru *m, const v2s_device *dev, int B, int T,
                                const real *x, real *y, void *saved, v2s_arena *scratch);
size_t v2s_bigru_saved_size(const v2s_bigru *m, const v2s_device *dev, int B, int T);

// From dy [B,T,2*hidden]: adds the parameters' gradients to those that `grads` (a module of the
// same sizes) holds in place of parameters, and d(loss)/dx to dx [B,T,in_features] unless NULL.
void v2s_bigru_backward(const v2s_bigru *m, v2s_bigru *grads, const v2s_device *dev, int B, int T,
                        const real *x, const real *y, void *saved, const real *dy, real *dx,
                        v2s_arena *scratch);
size_t v2s_bigru_backward_scratch(const v2s_bigru *m, const v2s_device *dev, int B, int T);

// The op's view of one direction's parameters (no states, nothing packed).
v2s_gru_direction v2s_bigru_direction(const v2s_bigru *m, int direction);

// weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, then the same with _reverse
V2S_MUST_USE v2s_status v2s_bigru_each_param(v2s_bigru *m, const char *name, v2s_param_visit visit,
                                             void *ctx);

#endif
