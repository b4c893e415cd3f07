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
//
// TRAINING. A forward call with `saved` keeps what backward needs: r, z, n and q = W_hn h + b_hn of
// every step (4H numbers per step, row and direction, in the back end's own order:
// [D][B*T][r,z,n,q][H] in the definition). It takes y, too, which holds the states. Backward may
// leave something else in `saved`: one backward call for each forward call. Backward, from
// dy = d(loss)/dy and dh_end, walks the other way; da are gradients before the gate functions:
//
//   dh'  = dy_t + dh                      (dh = dh_end at the start)
//   da_n = dh' (1 - z) (1 - n^2)          dq = da_n r
//   da_r = da_n q r (1 - r)               da_z = dh' (h - n) z (1 - z)
//   dh   = dh' z + W_hh^T (da_r, da_z, dq)      of the step before; after the last one it is dh0
//   dx_t += W_ih^T (da_r, da_z, da_n)
//   dW_ih += (da_r, da_z, da_n) x_t^T,  db_ih += (da_r, da_z, da_n)
//   dW_hh += (da_r, da_z, dq) h^T,      db_hh += (da_r, da_z, dq)
//
// ON A GPU (kernels/gru_cuda.cuh) nothing is packed, `overlap` cuts rows in as many parts as the
// GPU has room for (H up to 128), and the call runs in one of three ways, which a device's table
// names afterwards (memory->kernels): all steps in one launch with the weights in registers (H up
// to 128; up to 256 and 512 where the device can run 4 and 16 blocks side by side), else by cuDNN,
// else step by step: where `deterministic` is asked for, `reverse`, or rows of y apart. The
// environment variable V2S_CUDA_GRU = persistent, cudnn or steps, read when a device is opened,
// asks for one of them; what it cannot do runs as without it.
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
    int overlap;   // 0: walk step by step. > 0 allows a long row to be cut in parts (two on the
                   // processor) that run side by side, each but the first from a state warmed up on
                   // `overlap` steps; a part is run again if the one before it ends in another
                   // state (by more than 2^-22; BF16: 2^-7)
    const real *x; // [B,T,C]
    real *y;       // [B,T,ldy]; NULL where only h_end is wanted
    int ldy;       // columns of a row of y, at least D*H
    void *saved;   // for backward: gru_saved_size bytes, 64-byte aligned; NULL: not wanted.
                   // With it y must be there, and `overlap` is not used
    v2s_gru_direction dir[2];
} v2s_gru_args;

// What backward adds into, of one direction.
typedef struct v2s_gru_gradients {
    real *dw_ih;        // [3H,C]
    real *dw_hh;        // [3H,H]
    real *db_ih;        // [3H]
    real *db_hh;        // [3H]
    const real *dh_end; // [B,H]; NULL is zero
    real *dh0;          // [B,H]; NULL where it is not wanted
} v2s_gru_gradients;

typedef struct v2s_gru_backward_args {
    v2s_gru_args of; // as in the forward call, whose y and saved are read; h_end is not
    const real *dy;  // [B,T,ldy], of which direction d reads its H columns
    real *dx;        // [B,T,C]; NULL where it is not wanted
    v2s_gru_gradients grad[2];
} v2s_gru_backward_args;

// The definition.
void v2s_gru_forward(const struct v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch);
size_t v2s_gru_scratch(const struct v2s_device *dev, const v2s_gru_args *a);
size_t v2s_gru_packed_size(const struct v2s_device *dev, int C, int H);
void v2s_gru_pack(const struct v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                  void *packed);

size_t v2s_gru_saved_size(const struct v2s_device *dev, const v2s_gru_args *a);
void v2s_gru_backward(const struct v2s_device *dev, const v2s_gru_backward_args *a,
                      v2s_arena *scratch);
size_t v2s_gru_backward_scratch(const struct v2s_device *dev, const v2s_gru_backward_args *a);

// The same on vector kernels. `packed` is the kernels' own layout of one direction's parameters,
// 64-byte aligned, v2s_gru_packed_size_vector bytes; it must be packed again when they change.
void v2s_gru_forward_vector(const struct v2s_device *dev, const v2s_gru_args *a,
                            v2s_arena *scratch);
size_t v2s_gru_scratch_vector(const struct v2s_device *dev, const v2s_gru_args *a);
size_t v2s_gru_packed_size_vector(const struct v2s_device *dev, int C, int H);
void v2s_gru_pack_vector(const struct v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                         void *packed);

size_t v2s_gru_saved_size_vector(const struct v2s_device *dev, const v2s_gru_args *a);
void v2s_gru_backward_vector(const struct v2s_device *dev, const v2s_gru_backward_args *a,
                             v2s_arena *scratch);
size_t v2s_gru_backward_scratch_vector(const struct v2s_device *dev,
                                       const v2s_gru_backward_args *a);

#endif
