// SPDX-License-Identifier: MIT
// Attention of queries to keys, without ever holding the whole map (Rabe, Staats 2021; Dao et al.
// 2022):
//
//   s[i,j] = scale q[i] . k[j],   P[i,j] = exp(s[i,j] - lse[i]),   o[i] = sum_j P[i,j] v[j]
//   lse[i] = log sum_j exp(s[i,j])
//
// for every item of the batch. Self attention is q, k, v of one source, cross attention q of one
// and k, v of another. Equals torch.softmax(scale * q @ k.T, -1) @ v.
//
// HOW IT WORKS. A row of s is as long as there are keys, the map is Nq times that: 1 GiB at 16 384
// positions. Forward needs a row (the definition) or a tile of one at a time: with a running
// maximum m and sum l, a tile with maximum m' rescales what was summed before by exp(m - max(m,
// m')). It keeps one number per query, lse. Backward makes P anew from it, and needs no second
// softmax, because sum_j P dP, which softmax's derivative takes off, is delta below:
//
//   delta[i] = do[i] . o[i],   dP[i,j] = do[i] . v[j],   dS[i,j] = P[i,j] (dP[i,j] - delta[i])
//   dv[j] += sum_i P[i,j] do[i]
//   dq[i] += scale sum_j dS[i,j] k[j],   dk[j] += scale sum_i dS[i,j] q[i]
//
// LIMITATIONS. No mask, no dropout, one head (put heads into the batch). Without keys (Nk = 0) o is
// 0 and lse is -inf. scale is a constant: it has no gradient.
//
// Shapes: q, dq [B,Nq,D], k, dk [B,Nk,D], v, dv [B,Nk,E], o, do [B,Nq,E], lse [B,Nq]; row-major,
// contiguous. Outputs must not overlap inputs; the gradients must be three arrays. B, Nq and Nk may
// be 0.
#ifndef V2S_KERNELS_ATTENTION_H
#define V2S_KERNELS_ATTENTION_H

#include "kernels/base/arena.h"
#include "kernels/base/real.h"

struct v2s_device;

typedef struct v2s_attention_args {
    int B, Nq, Nk, D, E;
    real scale;
    const real *q; // [B,Nq,D]
    const real *k; // [B,Nk,D]
    const real *v; // [B,Nk,E]
    real *o;       // [B,Nq,E]
    real *lse;     // [B,Nq], for backward; NULL where none follows
} v2s_attention_args;

typedef struct v2s_attention_backward_args {
    v2s_attention_args of; // as in the forward call, whose o and lse are read
    const real *d_o;       // [B,Nq,E]
    real *dq;              // [B,Nq,D]
    real *dk;              // [B,Nk,D]
    real *dv;              // [B,Nk,E]
} v2s_attention_backward_args;

// The definition; forward takes a row of scratch.
void v2s_attention_forward(const struct v2s_device *dev, const v2s_attention_args *a,
                           v2s_arena *scratch);
size_t v2s_attention_scratch(const struct v2s_device *dev, const v2s_attention_args *a);

void v2s_attention_backward(const struct v2s_device *dev, const v2s_attention_backward_args *g,
                            v2s_arena *scratch);
size_t v2s_attention_backward_scratch(const struct v2s_device *dev,
                                      const v2s_attention_backward_args *g);

// The same on vector kernels: O(N (D + E)) of scratch, of which a tile of P is all that there is of
// the map. The gradients do not depend on the number of threads.
void v2s_attention_forward_vector(const struct v2s_device *dev, const v2s_attention_args *a,
                                  v2s_arena *scratch);
size_t v2s_attention_scratch_vector(const struct v2s_device *dev, const v2s_attention_args *a);

void v2s_attention_backward_vector(const struct v2s_device *dev,
                                   const v2s_attention_backward_args *g, v2s_arena *scratch);
size_t v2s_attention_backward_scratch_vector(const struct v2s_device *dev,
                                             const v2s_attention_backward_args *g);

#endif
