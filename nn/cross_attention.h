// SPDX-License-Identifier: MIT
// Cross-attention between two signals of the same kind (the two ears): each looks into the other.
//
//   q, k, v = affine maps of rows x: C -> K, K, C       (one set of maps for both directions)
//   a_left  = attention(q(left), k(right), v(right))    (kernels/attention.h, scale below)
//   a_right = attention(q(right), k(left), v(left))
//   left'   = left  + gamma_left[0]  out(a_left)        out: C -> C
//   right'  = right + gamma_right[0] out(a_right)
//
// K = max(C / 8, 1). scale is 1 / sqrt(C) (CHANNELS: what the published network does, for its
// weights) or 1 / sqrt(K) (KEY: Vaswani et al. 2017; the default for new ones). Both gammas start
// at 0: a new block changes nothing.
//
// Rows are [B,N,C]: the pixels of a picture, or the steps of a signal, in any order. The maps are
// 1x1 convolutions in PyTorch, so weights have shape [out, in, 1, 1].
//
// Memory of a pass, in numbers of an ear: q and k, 2 B N K, which stay, and 2 B N C of scratch for
// v, attention and out. Training keeps B N (2 K + 3 C + 1). Never B N N.
//
// The two ears may lie anywhere; where right follows left in memory, the maps of both are one
// product.
#ifndef V2S_NN_CROSS_ATTENTION_H
#define V2S_NN_CROSS_ATTENTION_H

#include "nn/linear.h"

typedef enum v2s_attention_scale {
    V2S_ATTENTION_SCALE_CHANNELS,
    V2S_ATTENTION_SCALE_KEY
} v2s_attention_scale;

typedef struct v2s_cross_attention {
    int channels, key;
    real scale;
    v2s_tensor gamma_left, gamma_right; // [1]
    v2s_linear q, k, v, out;
} v2s_cross_attention;

void v2s_cross_attention_init(v2s_cross_attention *m, int channels, v2s_attention_scale scale,
                              v2s_arena *params);

// What a pass leaves behind; taken from an arena by the caller's init.
typedef struct v2s_cross_attention_saved {
    real *q[2], *k[2]; // [B,N,K] of left and right
    // of training only, for the backward pass; NULL otherwise
    real *v[2];   // [B,N,C]
    real *a[2];   // [B,N,C] of what left and right found
    real *out[2]; // [B,N,C]
    real *lse[2]; // [B,N]
} v2s_cross_attention_saved;

void v2s_cross_attention_take(v2s_cross_attention_saved *s, const v2s_cross_attention *m, int B,
                              int N, bool training, v2s_arena *arena);

// y[0], y[1] [B,N,C] of x[0] (left), x[1] (right) [B,N,C]; overwrites y, which may be x.
void v2s_cross_attention_forward(const v2s_cross_attention *m, const v2s_device *dev, int B, int N,
                                 const real *const x[2], real *const y[2],
                                 v2s_cross_attention_saved *saved, v2s_arena *scratch);
// Enough for a `saved` of either kind.
size_t v2s_cross_attention_scratch(const v2s_cross_attention *m, const v2s_device *dev, int B,
                                   int N);

// After a forward call whose `saved` is for training, with x as it was then: adds the parameters'
// gradients to those that `grads` holds in place of parameters, and those of x to dx.
void v2s_cross_attention_backward(const v2s_cross_attention *m, v2s_cross_attention *grads,
                                  const v2s_device *dev, int B, int N, const real *const x[2],
                                  const real *const dy[2], real *const dx[2],
                                  const v2s_cross_attention_saved *saved, v2s_arena *scratch);
size_t v2s_cross_attention_backward_scratch(const v2s_cross_attention *m, const v2s_device *dev,
                                            int B, int N);

// After a forward call: where row `i` of item `b` of ear `ear` (0 left, 1 right) looked in the
// other ear: map [N], sums to 1, host memory. Waits for the device.
V2S_MUST_USE v2s_status v2s_cross_attention_map(const v2s_cross_attention *m, const v2s_device *dev,
                                                int B, int N, int b, int ear, int i,
                                                const v2s_cross_attention_saved *saved, float *map);

// gamma_left, gamma_right, then q, k, v, out (.weight, .bias)
V2S_MUST_USE v2s_status v2s_cross_attention_each_param(v2s_cross_attention *m, const char *name,
                                                       v2s_param_visit visit, void *ctx);

#endif
