// SPDX-License-Identifier: MIT
// Gated recurrent unit, one or two directions, as torch.nn.GRU computes it (gate order r, z, n;
// the reset gate multiplies the product, not the state; both biases exist):
//
//   r  = sigmoid(W_ir x_t + b_ir + W_hr h + b_hr)
//   z  = sigmoid(W_iz x_t + b_iz + W_hz h + b_hz)
//   n  = tanh   (W_in x_t + b_in + r * (W_hn h + b_hn))
//   h' = (1 - z) * n + z * h
//
// Shapes: x [B,T,C]; y [B,T,ldy], of which direction d writes columns d*H .. d*H+H-1; per direction
// w_ih [3H,C], w_hh [3H,H], b_ih [3H], b_hh [3H], h0 and h_end [B,H]. Row-major, contiguous.
// Direction 0 walks t = 0 .. T-1 (T-1 .. 0 when `reverse` is set), direction 1 walks T-1 .. 0.
// h_end is the state after the last step of the walk. Outputs are overwritten; h_end may be h0,
// nothing else may overlap. B, T may be 0 (then h_end = h0).
#ifndef V2S_KERNELS_GRU_H
#define V2S_KERNELS_GRU_H

#include <stdbool.h>

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_gru_direction {
    const real *w_ih;   // [3H,C]
    const real *w_hh;   // [3H,H]
    const real *b_ih;   // [3H]
    const real *b_hh;   // [3H]
    const real *h0;     // [B,H]; NULL is zero
    real *h_end;        // [B,H]; NULL where it is not wanted
    const void *packed; // from gru_pack with the same device; NULL packs anew on every call
} v2s_gru_direction;

typedef struct v2s_gru_args {
    int B, T, C, H;
    int D;         // directions: 1 or 2 (two run on two threads)
    bool reverse;  // D == 1 only: walk from T-1 to 0
    int overlap;   // 0: walk step by step. > 0 allows a long row to be cut in two halves that run
                   // side by side, the second from a state warmed up on `overlap` steps; it is
                   // run again if the first half ends in another state (by more than 2^-22;
                   // BF16: 2^-7)
    const real *x; // [B,T,C]
    real *y;       // [B,T,ldy]; NULL where only h_end is wanted
    int ldy;       // columns of a row of y, at least D*H
    v2s_gru_direction dir[2];
} v2s_gru_args;

// The definition.
void v2s_gru_forward(const struct v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch);
size_t v2s_gru_scratch(const struct v2s_device *dev, const v2s_gru_args *a);
size_t v2s_gru_packed_size(const struct v2s_device *dev, int C, int H);
void v2s_gru_pack(const struct v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                  void *packed);

// The same on vector kernels. `packed` is the kernels' own layout of one direction's parameters,
// 64-byte aligned, v2s_gru_packed_size_vector bytes; it must be packed again when they change.
void v2s_gru_forward_vector(const struct v2s_device *dev, const v2s_gru_args *a,
                            v2s_arena *scratch);
size_t v2s_gru_scratch_vector(const struct v2s_device *dev, const v2s_gru_args *a);
size_t v2s_gru_packed_size_vector(const struct v2s_device *dev, int C, int H);
void v2s_gru_pack_vector(const struct v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                         void *packed);

#endif
