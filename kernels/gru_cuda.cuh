// SPDX-License-Identifier: MIT
// The GRU on a GPU: three ways to run it (kernels/gru.h), and what they share.
//
// persistent  One block (H <= 128), a cluster of 4 blocks (H <= 256) or of 16 (H <= 512) walks all
//             steps of one row in one direction. The recurrent weights stay in registers, the state
//             in shared memory; nothing but rows that are read and written once passes through
//             device memory. gru_persistent.cu, gru_persistent_backward.cu.
// steps       A product and a kernel per step, any H. gru_steps.cu.
// cuDNN       NVIDIA's. gru_cudnn.cu.
//
// The first two share the input product before the walk and, after the walk back, the products that
// give the gradients of weights and input (gru.cu). Their `saved` holds [D][B*T][n,r,z,q][H]; the
// walk back leaves da_n, da_r, da_z, dq in its place, so that both groups of three that products
// need, (n,r,z) and (r,z,q), lie side by side. So backward takes `saved` once.
#ifndef V2S_KERNELS_GRU_CUDA_CUH
#define V2S_KERNELS_GRU_CUDA_CUH

#include "kernels/cuda.cuh"

enum v2s_gru_way { V2S_GRU_AUTO, V2S_GRU_PERSISTENT, V2S_GRU_CUDNN, V2S_GRU_STEPS };

// Of an opened device.
struct v2s_gru_state {
    v2s_gru_way wanted;      // V2S_CUDA_GRU
    bool team_4, team_16;    // clusters of so many blocks that the persistent kernels can run in
    struct v2s_gru_dnn *dnn; // NULL until cuDNN is needed
};

// One direction of a walk.
struct v2s_gru_walk_direction {
    const float *w_hh, *b_ih, *b_hh, *h0; // as in kernels/gru.h
    float *h_end;
    const float *dh_end;
    float *dh0;
};

// A walk, forward or back, of all rows in all directions.
struct v2s_gru_walk {
    int B, T, H, D, ldy;
    bool reverse;    // of direction 0
    bool aligned;    // w_hh can be read 16 bytes at a time
    const float *gi; // [D][B*T,3H] W_ih x; forward
    float *y;        // [B*T,ldy] or NULL; back: read only
    float *saved;    // [D][B*T][n,r,z,q][H] or NULL
    const float *dy; // [B*T,ldy]; back
    v2s_gru_walk_direction dir[2];

    // Forward, persistent: rows may be walked in pieces side by side. Piece p takes `steps` steps
    // (not beyond T) from first + p * stride on. It starts from `from` and leaves its state in
    // `to`, [D][all][B,H]; piece 0 and NULL mean h0 and h_end.
    int pieces, all, first, stride, steps;
    const float *from;
    float *to;
};

static inline bool v2s_gru_reversed(const v2s_gru_walk *w, int d) {
    return d == 1 || w->reverse;
}

// Most hidden units that a device of this capability serves, if it can place the clusters.
int v2s_gru_persistent_most(int capability);
// False where no kernel or no cluster of this device serves H.
bool v2s_gru_persistent_serves(const v2s_device *dev, int H);
const char *v2s_gru_persistent_kind(int H);
// Cuts rows where that pays, if overlap > 0 (kernels/gru.h).
size_t v2s_gru_persistent_scratch(const v2s_device *dev, int H);
void v2s_gru_persistent_forward(const v2s_device *dev, const v2s_gru_walk *w, int overlap,
                                v2s_arena *scratch);
void v2s_gru_persistent_backward(const v2s_device *dev, const v2s_gru_walk *w);
// Finds out, once per device, whether clusters for both walks can be scheduled.
void v2s_gru_persistent_open(v2s_cuda_state *state);
bool v2s_gru_backward_teams(int count); // gru_persistent_backward.cu's part of it

size_t v2s_gru_steps_scratch(int B, int H);
void v2s_gru_steps_forward(const v2s_device *dev, const v2s_gru_walk *w, v2s_arena *scratch);
void v2s_gru_steps_backward(const v2s_device *dev, const v2s_gru_walk *w, v2s_arena *scratch);

// Not with `reverse`, rows apart in y, or where two runs have to agree bit for bit. The first call
// for a device takes memory outside of its arena, so it may not be recorded; asking for scratch is
// such a call.
bool v2s_gru_cudnn_serves(const v2s_device *dev, const v2s_gru_args *a);
size_t v2s_gru_cudnn_scratch(const v2s_device *dev, const v2s_gru_args *a);
size_t v2s_gru_cudnn_saved_size(const v2s_device *dev, const v2s_gru_args *a);
void v2s_gru_cudnn_forward(const v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch);
size_t v2s_gru_cudnn_backward_scratch(const v2s_device *dev, const v2s_gru_backward_args *g);
void v2s_gru_cudnn_backward(const v2s_device *dev, const v2s_gru_backward_args *g,
                            v2s_arena *scratch);
void v2s_gru_cudnn_close(v2s_gru_state *state);

// ---- device code ------------------------------------------------------------------------------

// Makes the compiler keep x in a register instead of computing it anew in every step.
static __device__ __forceinline__ void v2s_keep(int &x) {
#ifdef V2S_EMULATION
    (void)x;
#else
    asm volatile("" : "+r"(x));
#endif
}
template <typename T> static __device__ __forceinline__ void v2s_keep(T *&x) {
#ifdef V2S_EMULATION
    (void)x;
#else
    asm volatile("" : "+l"(x));
#endif
}

// 2^x and 1/x of the special function unit: within 2 and 1 units in the last place; results below
// 2^-126 become 0.
static __device__ __forceinline__ float v2s_fast_exp2(float x) {
#ifdef V2S_EMULATION
    return exp2f(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

static __device__ __forceinline__ float v2s_fast_reciprocal(float x) {
#ifdef V2S_EMULATION
    return 1.0f / x;
#else
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// 1 / (1 + e^-x). The exponential's relative error, |x| 2^-24 from the product and 2^-22 from the
// unit, enters times s (1 - s): at most 1.3e-8 and 6e-8; sum and reciprocal add 1.8e-7 of s. Within
// 2e-7 everywhere; 0 and 1 at the ends, where the exponential is infinite or 0.
static __device__ __forceinline__ float v2s_gru_sigmoid(float x) {
    return v2s_fast_reciprocal(1.0f + v2s_fast_exp2(-1.44269504f * x));
}

// tanh. From 0.6 on 1 - 2 / (1 + e^2|x|), where 2 / (1 + e^2|x|) is below 0.47 and its relative
// error below 5e-7; before it x + x^3 P(x^2), P a minimax polynomial (relative error of tanh 3e-9).
// Both are computed, so that a warp does not part. Within 2.5e-7 everywhere.
static __device__ __forceinline__ float v2s_gru_tanh(float x) {
    float size = fabsf(x), square = x * x;
    float large = fmaf(-2.0f, v2s_fast_reciprocal(1.0f + v2s_fast_exp2(2.88539008f * size)), 1.0f);
    float p = -0.00589452355f;
    p = fmaf(p, square, 0.0207954685f);
    p = fmaf(p, square, -0.0537836942f);
    p = fmaf(p, square, 0.133319227f);
    p = fmaf(p, square, -0.33333298f);
    float small = fmaf(x * square, p, x);
    return size < 0.6f ? small : copysignf(large, x);
}

#endif
