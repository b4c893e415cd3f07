// SPDX-License-Identifier: MIT
// The depth network: from the echoes at two ears to a depth map (binaural cross-attention U-Net).
//
//   e1 = inc(x)                    DoubleConv 1 -> c, for each ear its own encoder
//   e2..e5 = downs.0..3            2x2 maximum, then DoubleConv to 2c, 4c, 8c, 8c
//   a1..a5                         e of both ears, where the level has attention after each looked
//                                  into the other (nn/cross_attention.h); e goes on as it is
//   f1..f5 = fusion.0..4           1x1 convolution of (a left, a right), batch norm, ReLU
//   d4 = decoder.0(f4, up(f5)) .. d1 = decoder.3(f1, up(d2))
//                                  bilinear x 2 (align_corners), skip first, DoubleConv with half
//                                  the input's channels in the middle
//   depth = max_depth_m * sigmoid(head(d1))      head: 1x1 convolution
//
// DoubleConv is 3x3 convolution without bias, batch norm, ReLU, twice (nn/double_conv.h). Output
// channels of decoder.0..3: 4c, 2c, c, c.
//
// Weight-compatible with the PyTorch form: tensor names and shapes are those of docs/design.md
// section 5 (checkpoints/format.md repeats them). Parameters (trained) and buffers (running
// statistics of the batch norms) lie in two arenas; v2s_depth_net_flat gives the first as one array
// for an optimizer. Gradients are a second network of the same config.
//
// x [B,2,size,size]: what data/echo.h makes of a recording, left ear first. depth [B,size,size] in
// metres. The network lies in the memory of the device that computes (NULL: the host's, for
// devices that work in it).
#ifndef V2S_NN_DEPTH_NET_H
#define V2S_NN_DEPTH_NET_H

#include <stdint.h>

#include "nn/cross_attention.h"
#include "nn/double_conv.h"

enum {
    V2S_DEPTH_LEVELS = 5,
    V2S_DEPTH_BASE_MAX = 256,
    V2S_DEPTH_SIZE_MAX = 1024,
};

typedef struct v2s_depth_config {
    int base_channels;                // c, a multiple of 8, 8 .. 256
    bool attention[V2S_DEPTH_LEVELS]; // [l-1]: level l has attention
    v2s_attention_scale scale;
    int size;           // of input and output, a multiple of 16, 16 .. 1024
    double max_depth_m; // above 0
} v2s_depth_config;

// base 64, levels 2,3,4,5, scale KEY, size 256, 30 m.
v2s_depth_config v2s_depth_default(void);

typedef struct v2s_depth_net v2s_depth_net;

// All parameters zero, running variances 1. ARG names the field that is out of range. Close with
// v2s_depth_net_close.
V2S_MUST_USE v2s_status v2s_depth_net_open(const v2s_depth_config *config, const v2s_device *dev,
                                           v2s_depth_net **out);
void v2s_depth_net_close(v2s_depth_net **net); // accepts NULL inside

const v2s_depth_config *v2s_depth_net_config(const v2s_depth_net *net);

// Walks in the order of PyTorch's state_dict (nn/params.h): parameters, buffers, or both.
typedef enum v2s_depth_tensors {
    V2S_DEPTH_PARAMETERS = 1,
    V2S_DEPTH_BUFFERS = 2,
    V2S_DEPTH_ALL = 3
} v2s_depth_tensors;
V2S_MUST_USE v2s_status v2s_depth_net_each(v2s_depth_net *net, v2s_depth_tensors which,
                                           v2s_param_visit visit, void *ctx);

size_t v2s_depth_net_parameters(v2s_depth_net *net); // trainable numbers

// All parameters (buffers) as one array: tensors in the order of the walk, each followed by zeros
// up to the arena's alignment.
real *v2s_depth_net_flat(v2s_depth_net *net, size_t *count);
real *v2s_depth_net_flat_buffers(v2s_depth_net *net, size_t *count);

// Parameters and buffers from a network of the host to one of a device, and back; queued.
void v2s_depth_net_upload(v2s_depth_net *to, const v2s_depth_net *from);
void v2s_depth_net_download(v2s_depth_net *to, const v2s_depth_net *from);

// As published: convolutions normal with deviation sqrt(2 / (outputs * kernel area)) (He et al.
// 2015, fan out), their biases 0; batch norms 1 and 0; gammas 0. Parameter i of the walk is stream
// i of kernels/base/rng.h. Host memory.
void v2s_depth_net_init_weights(v2s_depth_net *net, uint64_t seed);

// After init_weights: makes the fresh network say about depth_m everywhere, by a head a hundredth
// as strong and its bias. As published, single pixels start at max_depth_m, where the sigmoid has
// no slope, and stay there.
void v2s_depth_net_settle(v2s_depth_net *net, double depth_m);

// Activations of passes over up to B items, and scratch.
typedef struct v2s_depth_work v2s_depth_work;

// training: what a backward pass needs is kept. NOMEM says how much was needed.
V2S_MUST_USE v2s_status v2s_depth_work_open(const v2s_depth_net *net, const v2s_device *dev, int B,
                                            bool training, v2s_depth_work **out);
// Room for passes over B items, 1 .. those it was opened for. Kernels may want more scratch for
// fewer items; a pass over a number that was not seen before makes room by itself, and aborts where
// it cannot. NOMEM.
V2S_MUST_USE v2s_status v2s_depth_work_fit(v2s_depth_work *work, const v2s_depth_net *net, int B);
void v2s_depth_work_close(v2s_depth_work **work);
size_t v2s_depth_work_bytes(const v2s_depth_work *work);

// depth [B,size,size] of x [B,2,size,size], by running statistics; overwrites depth.
void v2s_depth_net_forward(const v2s_depth_net *net, const v2s_device *dev, int B, const real *x,
                           real *depth, v2s_depth_work *work);

// The same by the batch's own statistics, which move the running ones; `work` is for training.
void v2s_depth_net_forward_training(v2s_depth_net *net, const v2s_device *dev, int B, const real *x,
                                    real *depth, v2s_depth_work *work);

// After forward_training with the same B, x and work: adds the parameters' gradients to those that
// `grads` holds. ddepth [B,size,size] is d(loss)/d(depth).
void v2s_depth_net_backward(const v2s_depth_net *net, v2s_depth_net *grads, const v2s_device *dev,
                            int B, const real *x, const real *ddepth, v2s_depth_work *work);

// After a forward call: side of the picture at `level` (1 .. 5), and where pixel i (row * side +
// column) of item b of ear 0 (left) or 1 looked in the other ear: map [side*side] in host memory,
// sums to 1. ARG: the level has no attention.
int v2s_depth_net_side(const v2s_depth_net *net, int level);
V2S_MUST_USE v2s_status v2s_depth_net_attention(const v2s_depth_net *net, const v2s_device *dev,
                                                const v2s_depth_work *work, int B, int level, int b,
                                                int ear, int i, float *map);

#endif
